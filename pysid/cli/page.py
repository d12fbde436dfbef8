"""`pysid page`: anybody's turns as a page to look at and listen to."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysid.cli.common import Channel, Names, check_stdin, renamed, report

if TYPE_CHECKING:
    from pysid.io.turns.cues import RecordingTurns
    from pysid.report.page import SpokenText
    from pysid.segments import Turn


def page(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="The recording; - is standard input.")],
    turns: Annotated[Path, typer.Argument(metavar="TURNS", help="Who speaks when: RTTM, TextGrid, SRT, CSV, JSON ...")],
    reference: Annotated[
        Path | None, typer.Option(help="The true turns, in any of these formats: shows the errors.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option(metavar="WORDS", help="What a speech recogniser wrote: see pysid transcript.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The page.", show_default="NAME.html in the current folder"),
    ] = None,
    names: Names = None,
    embed: Annotated[
        bool | None,
        typer.Option("--embed/--link", help="Put the sound inside the page or beside it.", show_default="by its size"),
    ] = None,
    channel: Channel = None,
) -> None:
    """Make a web page of a recording and its turns, whoever found them, to look at and listen to.

    The page needs nothing but a browser, works offline and sends nothing. Speakers can be renamed on it, and the turns
    saved. With --reference it shows where the errors are, with --words what is said.

    Example: pysid page meeting.wav meeting.rttm

    Example: pysid page meeting.wav pyannote.rttm --reference truth.rttm --out errors.html

    Example: pysid page talk.mp3 talk.json --words talk-whisper.json --name speaker1=Anna
    """
    from pysid.io.audio.files import audio_info
    from pysid.io.audio.reader import rereadable
    from pysid.io.files import STANDARD_STREAM, name_text, safe_name
    from pysid.io.turns.convert import check_within, read_one
    from pysid.metrics.diarization import diarization_error, error_pieces
    from pysid.report.page import write_page
    from pysid.segments import Segment

    check_stdin(audio, turns, reference, words)
    name = "stdin" if str(audio) == STANDARD_STREAM else name_text(audio.stem)
    recording = rereadable(audio)
    if embed is False and not isinstance(recording, str | Path):
        raise typer.BadParameter("what comes through a pipe has no address to link to", param_hint="--link")
    duration_s = audio_info(recording, math.inf).duration_s
    found = {path: read_one(path, name) for path in (turns, reference) if path is not None}
    for path, own in found.items():
        check_within(own.turns, duration_s, path, name)
    _warn_of_two(found)
    shown = renamed(found[turns].turns, names)
    truth = None if reference is None else found[reference].turns
    text = None if words is None else _text(words, shown)
    whole = [Segment(0.0, duration_s)]
    path = out or Path(f"{safe_name(name)}.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = None if truth is None else diarization_error(truth, shown, whole)
    write_page(
        path,
        recording,
        shown,
        duration_s=duration_s,
        title=name,
        reference=truth,
        errors=None if truth is None else error_pieces(truth, shown, whole),
        figures=None if counts is None else counts.rates(),
        text=text,
        embed_audio="auto" if embed is None else "embed" if embed else "link",
        channel=channel,
    )
    speakers = len({turn.speaker for turn in shown})
    der = "" if counts is None else f", DER {100 * counts.der:.2f}%"
    report(f"{name}: {_counted(speakers, 'speaker')}, {_counted(len(shown), 'turn')} in {duration_s:.1f} s{der}")
    report(f"wrote {path}")


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _warn_of_two(found: "Mapping[Path, RecordingTurns]") -> None:
    """Warns where files of formats that name their recordings are of two."""
    from pysid.errors import PysidWarning
    from pysid.io.turns.formats import kind_of

    named = {own.recording: path for path, own in found.items() if kind_of(path) in ("rttm", "json")}
    if len(named) > 1:
        (one, path), (other, truth) = named.items()
        warnings.warn(f"{truth} is of {other!r}, and {path} of {one!r}", PysidWarning, stacklevel=3)


def _text(path: Path, turns: "list[Turn]") -> "list[SpokenText]":
    """The paragraphs of the words, with the speakers of the turns."""
    from pysid.report.page import SpokenText
    from pysid.transcript import read_transcript, utterances, with_speakers

    spoken = with_speakers(read_transcript(path, path.name.partition(".")[0]), turns)
    return [
        SpokenText(x.speaker, [(word.start_s, word.end_s, word.text, word.glued) for word in x.words])
        for x in utterances(spoken)
    ]
