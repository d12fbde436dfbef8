"""`pysid eval`: error rates of scores."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Error rates of scores.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("eer")
def eer(
    trials: Annotated[Path, typer.Argument(help="Lines 'enrol test target|nontarget'.")],
    scores: Annotated[Path, typer.Argument(help="Lines 'enrol test score'; higher means the same speaker.")],
    p_target: Annotated[
        list[float] | None, typer.Option(help="Prior of a minDCF; may be repeated. [default: 0.01, 0.001]")
    ] = None,
    det: Annotated[Path | None, typer.Option(help="Write a DET plot here (.png, .svg or .pdf).")] = None,
) -> None:
    """Equal error rate and minDCF of a score file, as Kaldi's compute-eer and compute_min_dcf.py print them.

    Also the equal error rate interpolated on the ROC's convex hull, and Cllr and minimum Cllr in bits (Cllr reads
    the scores as natural-log likelihood ratios; without calibration it says little).

    Example: pysid eval eer data/test/trials scores
    """
    from pysid.io.tables import read_scores, read_trials
    from pysid.io.trial_scores import split_scores
    from pysid.metrics import detection

    target, nontarget = split_scores(read_trials(trials), read_scores(scores), trials, scores)
    print(f"trials: {len(target)} target, {len(nontarget)} nontarget")
    print(f"EER: {100 * detection.equal_error_rate(target, nontarget)[0]:.4g}%")
    for p in p_target or [0.01, 0.001]:
        print(f"minDCF(p-target={p:g}): {detection.min_dcf(target, nontarget, p)[0]:.4f}")
    print(f"EER (ROC convex hull): {100 * detection.rocch_eer(target, nontarget):.4g}%")
    cllr, min_cllr = detection.cllr(target, nontarget), detection.min_cllr(target, nontarget)
    print(f"Cllr: {cllr:.4f}  minimum: {min_cllr:.4f}")
    if det is not None:
        from pysid.report.det import save_det_plot

        save_det_plot(det, {scores.name: (target, nontarget)})
