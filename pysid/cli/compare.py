"""`pysid compare`: models side by side."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysid.cli.common import (
    AllowPipes,
    AllowSkipped,
    BackendKind,
    Device,
    FiguresJson,
    Threads,
    check_plot,
    report_skipped,
    report_written,
    write_json,
)

if TYPE_CHECKING:
    from pysid.runs.compare import Cost, OnConversations, OnTrials

COST = ("ms / s", "parameters", "memory")
TRIALS = ("model", "EER %", "minDCF 0.01", "minDCF 0.001", "Cllr", "min Cllr", *COST)
CONVERSATIONS = ("model", "DER %", "missed %", "false alarm %", "confusion %", "JER %", *COST)


def compare(
    models: Annotated[
        list[str], typer.Argument(help="Model directories, other toolkits' models, ONNX files, or shipped ones.")
    ],
    data: Annotated[
        str, typer.Option(help="wav.scp or data directory; with --rttm also recordings, or a folder of them.")
    ],
    trials: Annotated[Path | None, typer.Option(help="Lines 'enrol test target|nontarget'.")] = None,
    rttm: Annotated[
        Path | None, typer.Option(help="Diarize instead; the true turns, an RTTM file or a folder of them.")
    ] = None,
    uem: Annotated[Path | None, typer.Option(help="With --rttm: the pieces of the recordings to score.")] = None,
    collar: Annotated[
        float, typer.Option(min=0.0, help="With --rttm: seconds not scored on each side of a boundary.")
    ] = 0.0,
    vad: Annotated[
        str | None,
        typer.Option(help="With --rttm: energy, adaptive, webrtc, silero.", show_default="each model's own"),
    ] = None,
    backend: Annotated[BackendKind | None, typer.Option(show_default="each model's own")] = None,
    det: Annotated[
        Path | None,
        typer.Option(callback=check_plot, help="With --trials: a DET plot of all (.png, .svg or .pdf)."),
    ] = None,
    json: FiguresJson = None,
    device: Device = "cpu",
    threads: Threads = 1,
    allow_pipes: AllowPipes = False,
    allow_skipped: AllowSkipped = False,
) -> None:
    """Error rates and costs of several models on the same trials, or on the same conversations.

    Cllr, in bits, is that of scores calibrated on the other half of the trials. Times are milliseconds of one
    processor for a second of audio (with --device cuda: elapsed time); memory is the peak of the model's own
    process, of which Python and PyTorch take some 300 MB.

    Example: pysid compare default xvector theirs.onnx --trials data/dev/trials --data data/dev --det det.svg

    Example: pysid compare default pretrained.pt --rttm meetings.rttm --data meetings --vad webrtc
    """
    if (trials is None) == (rttm is None):
        raise typer.BadParameter("give --trials or --rttm, one of the two")
    if rttm is None and (uem is not None or collar or vad is not None):
        raise typer.BadParameter("--uem, --collar and --vad go with --rttm")
    if trials is None and (det is not None or backend is not None):
        raise typer.BadParameter("--det and --backend go with --trials")
    if vad not in (None, "energy", "adaptive", "webrtc", "silero"):
        raise typer.BadParameter(f"expected energy, adaptive, webrtc or silero, got {vad!r}", param_hint="--vad")
    if len(set(models)) < len(models):
        raise typer.BadParameter("a model is named twice")

    from pysid.model.speaker_model import check_device
    from pysid.report.tables import aligned
    from pysid.runs.compare import Setting

    check_device(device)
    kind = None if backend is None else backend.value
    setting = Setting(device, threads, kind, vad, allow_pipes)
    if trials is not None:
        heading, rows, figures, skipped, n_total = _on_trials(models, trials, data, setting, det)
    else:
        assert rttm is not None
        heading, rows, figures, skipped, n_total = _on_conversations(models, rttm, data, setting, uem, collar)
    print("\n".join(aligned([heading, *rows])))
    if json is not None:
        write_json(json, figures)
    if det is not None:
        report_written(det)
    report_skipped(skipped, n_total, allow_skipped)


def _on_trials(models: list[str], trials: Path, data: str, setting: Any, det: Path | None) -> Any:
    from pysid.runs.compare import compare_on_trials

    found, skipped, n_total = compare_on_trials(models, trials, data, setting)
    if det is not None:
        from pysid.report.det import save_det_plot

        save_det_plot(det, {row.model: (row.target, row.nontarget) for row in found})
    figures = {"trials": str(trials), "models": {row.model: _trial_figures(row) for row in found}}
    return TRIALS, [_trial_cells(row) for row in found], figures, skipped, n_total


def _on_conversations(models: list[str], rttm: Path, data: str, setting: Any, uem: Path | None, collar: float) -> Any:
    from pysid.cli.evaluate_der import figures_of
    from pysid.io.turns.convert import read_by_recording
    from pysid.io.turns.uem import read_uem
    from pysid.runs.compare import compare_on_conversations

    pieces, reference = None if uem is None else read_uem(uem), read_by_recording(rttm)
    found, skipped = compare_on_conversations(models, reference, data, setting, pieces, collar)
    each = {row.model: {**figures_of(row.score), **_cost_figures(row.cost)} for row in found}
    figures = {"rttm": str(rttm), "collar_s": collar, "models": each}
    return CONVERSATIONS, [_conversation_cells(row) for row in found], figures, skipped, len(reference)


def _trial_cells(row: "OnTrials") -> tuple[str, ...]:
    from pysid.metrics.detection import format_eer

    s = row.summary
    costs = (*s.min_dcf.values(), row.calibrated_cllr, s.min_cllr)
    return (row.model, format_eer(s.eer), *(f"{x:.4f}" if math.isfinite(x) else "-" for x in costs), *_cost(row.cost))


def _conversation_cells(row: "OnConversations") -> tuple[str, ...]:
    from pysid.cli.evaluate_der import cells_of

    _, _, *rates = cells_of(row.model, row.score)
    return (row.model, *rates, *_cost(row.cost))


def _cost(cost: "Cost") -> tuple[str, str, str]:
    n = "-" if cost.n_parameters is None else f"{cost.n_parameters:,}"
    return f"{cost.ms_per_s:.3g}", n, f"{cost.peak_bytes / 1e6:.0f} MB"


def _trial_figures(row: "OnTrials") -> dict[str, Any]:
    s = row.summary
    return {
        "n_target": s.n_target,
        "n_nontarget": s.n_nontarget,
        "eer": s.eer,
        "min_dcf": {f"{p:g}": cost for p, cost in s.min_dcf.items()},
        "calibrated_cllr": row.calibrated_cllr if math.isfinite(row.calibrated_cllr) else None,
        "min_cllr": s.min_cllr,
        **_cost_figures(row.cost),
    }


def _cost_figures(cost: "Cost") -> dict[str, Any]:
    return {"ms_per_s": cost.ms_per_s, "n_parameters": cost.n_parameters, "peak_bytes": cost.peak_bytes}
