"""`pysid eval`: error rates of scores and of diarization."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysid.cli.common import FiguresJson, check_plot, check_stdin, put, report_written, write_json
from pysid.cli.evaluate_der import der

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from pysid.io.tables import Trial

app = typer.Typer(help="Error rates of scores and of diarization.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


def _check_priors(priors: list[float] | None) -> list[float] | None:
    for p in priors or ():
        if not 0 < p < 1:
            raise typer.BadParameter(f"{p:g} is not between 0 and 1")
    return priors


@app.command("eer")
def eer(
    trials: Annotated[Path, typer.Argument(help="Lines 'enrol test target|nontarget'.")],
    scores: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCORES...", help="Lines 'enrol test score', higher for the same speaker; a file for each system."
        ),
    ],
    p_target: Annotated[
        list[float] | None,
        typer.Option(callback=_check_priors, help="Prior of a minDCF; may be repeated.", show_default="0.01, 0.001"),
    ] = None,
    det: Annotated[
        Path | None, typer.Option(callback=check_plot, help="Write a DET plot here (.png, .svg or .pdf).")
    ] = None,
    json: FiguresJson = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Leave out trials without a score.")] = False,
) -> None:
    """Equal error rate and minDCF of a score file, as Kaldi's compute-eer and compute_min_dcf.py print them.

    Also the equal error rate interpolated on the ROC's convex hull, and Cllr and minimum Cllr in bits (Cllr reads
    the scores as natural-log likelihood ratios; without calibration it says little).

    Example: pysid eval eer data/test/trials scores --json figures.json

    Example: pysid eval eer data/test/trials plda.scores cosine.scores --det det.png
    """
    check_stdin(trials, *scores)
    from pysid.io.tables import read_trials

    listed = read_trials(trials)
    by_name = len({path.name for path in scores}) == len(scores)
    systems, figures = {}, {}
    for path in scores:
        name = path.name if by_name else str(path)
        if len(scores) > 1:
            put(f"{name}:")
        systems[name], figures[name] = _evaluate(listed, trials, path, p_target or [0.01, 0.001], allow_missing)
    if json is not None:
        write_json(json, figures if len(scores) > 1 else next(iter(figures.values())))
    if det is not None:
        from pysid.report.det import save_det_plot

        save_det_plot(det, systems)
        report_written(det)


def _evaluate(
    listed: "Sequence[Trial]", trials: Path, scores: Path, p_targets: list[float], allow_missing: bool
) -> "tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]":
    """Prints the figures of a system; its scores of target and of nontarget trials, and the figures."""
    from pysid.io.tables import read_scores
    from pysid.io.trial_scores import scored_trials
    from pysid.metrics import detection

    values, is_target = scored_trials(listed, read_scores(scores), trials, scores, allow_missing=allow_missing)
    target, nontarget = values[is_target], values[~is_target]
    figures: dict[str, Any] = {
        "n_target": len(target),
        "n_nontarget": len(nontarget),
        "eer": detection.equal_error_rate(target, nontarget)[0],
        "min_dcf": {f"{p:g}": detection.min_dcf_of_trials(values, is_target, p)[0] for p in p_targets},
        "rocch_eer": detection.rocch_eer(target, nontarget),
        "cllr": detection.cllr(target, nontarget),
        "min_cllr": detection.min_cllr(target, nontarget),
    }
    n_missing = len(set(listed)) - len(values)
    missing = f", {n_missing} without a score" if n_missing else ""
    print("trials: {n_target} target, {n_nontarget} nontarget".format(**figures) + missing)
    print(f"EER: {detection.format_eer(figures['eer'])}%")
    for p, cost in figures["min_dcf"].items():
        print(f"minDCF(p-target={p}): {cost:.4f}")
    print("EER (ROC convex hull): {:.4g}%".format(100 * figures["rocch_eer"]))
    print("Cllr: {cllr:.4f}  minimum: {min_cllr:.4f}".format(**figures))
    return (target, nontarget), figures


app.command("der")(der)
