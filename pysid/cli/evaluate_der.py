"""`pysid eval der`: error rates of diarization."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysid.cli.common import FiguresJson, check_stdin, write_json
from pysid.progress import track

if TYPE_CHECKING:
    from pysid.metrics.recordings import DiarizationScore

HEADER = ("recording", "speech s", "DER %", "missed %", "false alarm %", "confusion %", "JER %")


def _check_collar(collar: float) -> float:
    if not 0 <= collar < math.inf:
        raise typer.BadParameter(f"{collar:g} is not a number of seconds, 0 or more")
    return collar


def der(
    reference: Annotated[
        Path, typer.Argument(metavar="REF", help="RTTM file, folder of them, or a format of pysid convert: the truth.")
    ],
    hypothesis: Annotated[Path, typer.Argument(metavar="HYP", help="Likewise: to score.")],
    collar: Annotated[
        float,
        typer.Option(callback=_check_collar, help="Seconds not scored on each side of a boundary of the reference."),
    ] = 0.0,
    uem: Annotated[Path | None, typer.Option(help="UEM file: the recordings and the pieces of them to score.")] = None,
    skip_overlap: Annotated[
        bool, typer.Option("--skip-overlap", help="Leave out where two reference speakers or more talk at once.")
    ] = False,
    json: FiguresJson = None,
) -> None:
    """Diarization error rate (DER) and Jaccard error rate (JER) of each recording and of all together.

    Names of speakers need not agree: each speaker of REF is paired with the
    best one of HYP. A recording that HYP lacks counts as missed; one that REF
    lacks (or, with --uem, the UEM) is left out. Channels are ignored.

    Example: pysid eval der ref.rttm exp/diarized --collar 0.25 --uem all.uem

    Example: pysid eval der meeting.eaf results/meeting.rttm
    """
    check_stdin(reference, hypothesis, uem)
    from pysid.io.turns.convert import read_by_recording
    from pysid.io.turns.uem import read_uem
    from pysid.metrics.recordings import DiarizationScore, pair_recordings
    from pysid.report.tables import aligned

    pieces = None if uem is None else read_uem(uem)
    recordings = pair_recordings(read_by_recording(reference), read_by_recording(hypothesis), pieces)
    scores = {
        recording.name: recording.score(collar_s=collar, skip_overlap=skip_overlap)
        for recording in track(recordings, "scoring")
    }
    total = sum(scores.values(), DiarizationScore())
    rows = [cells_of(name, score) for name, score in (*scores.items(), ("TOTAL", total))]
    print("\n".join([*aligned([HEADER, *rows]), "", *_conventions(collar, uem, skip_overlap)]))
    if json is not None:
        figures = {name: figures_of(score) for name, score in scores.items()}
        options = {"collar_s": collar, "skip_overlap": skip_overlap, "uem": uem and str(uem)}
        write_json(json, {**options, "total": figures_of(total), "recordings": figures})


def figures_of(score: "DiarizationScore") -> dict[str, float | None]:
    """A score as it stands in `--json`: seconds, rates as fractions, None where nothing could be scored."""
    der, jer = score.der, score.jer
    return {
        "speech_s": der.total,
        "missed_s": der.missed,
        "false_alarm_s": der.false_alarm,
        "confusion_s": der.confusion,
        "der": der.der,
        "n_speakers": jer.n_speakers,
        "jer": jer.jer if jer.n_speakers else None,
    }


def cells_of(name: str, score: "DiarizationScore") -> tuple[str, ...]:
    """A row of the table: name, seconds of speech, rates in percent."""
    der, jer = score.der, score.jer
    shares = [
        seconds / der.total if der.total else math.nan for seconds in (der.missed, der.false_alarm, der.confusion)
    ]
    rates = [f"{100 * rate:.2f}" if math.isfinite(rate) else "-" for rate in (der.der, *shares, jer.jer)]
    return (name, f"{der.total:.2f}", *rates)


def _conventions(collar: float, uem: Path | None, skip_overlap: bool) -> list[str]:
    """What the figures mean, for those who compare them with figures of other programs."""
    collar_text = "none"
    if collar:
        collar_text = (
            f"{collar:g} s on each side of a reference boundary, as md-eval's -c {collar:g} (pyannote.metrics calls "
            f"this {2 * collar:g})"
        )
    scored_time = "from the first start to the last end of the turns of REF and HYP" if uem is None else f"as in {uem}"
    return [
        f"collar: {collar_text}",
        f"overlapping speech: {'left out, as with md-eval -1' if skip_overlap else 'scored'}",
        f"scored time: {scored_time}",
        "JER: without collar, with overlapping speech, as in dscore; TOTAL is the mean over all reference speakers",
    ]
