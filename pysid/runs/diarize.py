"""Diarization of what a user names, and what is written about each recording.

diarize_recording(Diarizer.load(), "meeting.wav").save("meeting.rttm")
"""

import html
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from pysid.diarization.pipeline import Diarization, Diarizer
from pysid.diarization.steps import ANY_NUMBER, SpeakerCount
from pysid.errors import DataError, Skipped
from pysid.io.audio.reader import Source
from pysid.io.audio.samples import as_stream
from pysid.io.files import atomic_text, safe_name
from pysid.io.scp import resolve
from pysid.io.tables import read_wav_scp
from pysid.io.turns.formats import FORMATS
from pysid.io.turns.nist import one_words
from pysid.metrics.diarization import DerCounts, ErrorPiece, diarization_error, error_pieces
from pysid.model.speaker_model import Audio
from pysid.segments import Segment, Turn

HTML = "html"
ALL_FORMATS = (*FORMATS, HTML)

TurnsOf = Mapping[str, Sequence[Turn]]


@dataclass(frozen=True, eq=False, repr=False)
class DiarizedRecording(Diarization):
    """A diarization that knows its recording: it prints as a list of turns, and can be written.

    Attributes:
        recording: what it is called in files.
        audio: the recording, for the page; None leaves out the sound.
    """

    recording: str = field(kw_only=True)
    audio: Source | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, found: Diarization, recording: str, audio: Source | None = None) -> Self:
        return cls(found.turns, found.duration_s, found.clustering, recording=recording, audio=audio)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the turns in the format that the ending names: .rttm, .srt, .vtt, .json, .txt (Audacity), .TextGrid
        (Praat) or .html, a page to look at and listen to.

        Raises:
            DataError: another ending.
        """
        kinds = {_ending(kind).lower(): kind for kind in ALL_FORMATS}
        kind = kinds.get(Path(path).suffix.lower())
        if kind is None:
            raise DataError(f"{path}: expected a name that ends in one of {', '.join(map(_ending, ALL_FORMATS))}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        _write(kind, Path(path), Outcome(self.recording, self, None, None, None, []), self.audio)

    def __repr__(self) -> str:
        counts = f"{len(self.speakers)} speakers, {len(self.turns)} turns in {self.duration_s:.1f} s"
        return f"<{type(self).__name__} {self.recording!r}: {counts}>"

    def __str__(self) -> str:
        """A line for each turn: start and end in seconds, speaker."""
        lines = [f"{turn.segment.start_s:9.2f} {turn.segment.end_s:9.2f}  {turn.speaker}" for turn in self.turns]
        return "\n".join(lines) or "no speech found"

    def _repr_html_(self) -> str:
        """The page, without sound, for notebooks."""
        from pysid.report.page import render_page

        page = render_page(None, self.turns, duration_s=self.duration_s, title=self.recording)
        return f'<iframe srcdoc="{html.escape(page)}" style="width: 100%; height: 30em; border: 0"></iframe>'


@dataclass(frozen=True)
class Recording:
    """A recording to diarize: its name, and what opens its audio."""

    name: str
    open: Callable[[], Source]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one recording.

    Attributes:
        diarization: its turns.
        reference: the turns that it should have, with `counts` and `errors` in comparison; None where not known.
        files: what was written.
    """

    recording: str
    diarization: Diarization
    reference: Sequence[Turn] | None
    counts: DerCounts | None
    errors: Sequence[ErrorPiece] | None
    files: list[Path]


def list_recordings(sources: Sequence[str], allow_pipes: bool = False) -> list[Recording]:
    """Audio files, under their names without folder and ending; or the recordings of one wav.scp or data directory.

    Raises:
        DataError: a source is named twice, two files would have results of the same name, or wav.scp is malformed.
    """
    path = Path(sources[0])
    if len(sources) == 1 and (path.is_dir() or path.suffix == ".scp"):
        return _of_table(path / "wav.scp" if path.is_dir() else path, allow_pipes)
    names: dict[str, str] = {}
    for source in sources:
        name = Path(source).stem
        if name in names:
            raise DataError(f"expected files of different names, got {names[name]!r} and {source!r}")
        names[name] = source
    return [Recording(name, lambda source=source: source) for name, source in names.items()]  # type: ignore[misc]


def diarize_recording(
    diarizer: Diarizer, audio: Audio | Source, count: SpeakerCount = ANY_NUMBER, channel: int | None = None
) -> DiarizedRecording:
    """Who spoke when in one recording: a file, or (samples, rate) as `Audio` has it.

    Raises:
        DataError: the recording cannot be read.
    """
    source = as_stream(*audio) if isinstance(audio, tuple) else audio
    if isinstance(source, np.ndarray):
        raise DataError("diarization takes a file, or samples with their rate: (samples, rate); got an array alone")
    path = source if isinstance(source, str | os.PathLike) else None
    name = "recording" if path is None else Path(path).stem
    return DiarizedRecording.of(diarizer(source, count, channel=channel), name, path)


def diarize(
    diarizer: Diarizer,
    recordings: Iterable[Recording],
    out_dir: str | os.PathLike[str],
    skipped: Skipped,
    *,
    formats: Sequence[str] = ("rttm", HTML),
    count: SpeakerCount = ANY_NUMBER,
    channel: int | None = None,
    reference: TurnsOf | None = None,
    speech: TurnsOf | None = None,
    resume: bool = False,
) -> Iterable[Outcome]:
    """Diarizes one recording after the other and writes its files.

    Args:
        out_dir: the folder for NAME.rttm and so on, made if need be.
        skipped: gets the recordings that could not be read.
        formats: of `ALL_FORMATS`.
        channel: see `Diarizer.analyse`.
        reference: {recording: its true turns}, to compare with.
        speech: {recording: turns}, to say where there is speech in place of the detector.
        resume: leave alone the recordings whose files are all there.
    Yields:
        what came of each.
    """
    folder = Path(out_dir)
    for recording in recordings:
        with skipped.on_error(recording.name):
            paths = {kind: folder / f"{safe_name(recording.name)}{_ending(kind)}" for kind in formats}
            if resume and all(path.exists() for path in paths.values()):
                continue
            truth = _turns_of(reference, recording.name)
            spoken = _turns_of(speech, recording.name)
            audio = recording.open()
            where = None if spoken is None else [turn.segment for turn in spoken]
            diarization = diarizer(audio, count, speech=where, channel=channel)
            outcome = _compared(recording.name, diarization, truth, list(paths.values()))
            folder.mkdir(parents=True, exist_ok=True)
            for kind, path in paths.items():
                _write(kind, path, outcome, audio)
            yield outcome


def _of_table(path: Path, allow_pipes: bool) -> list[Recording]:
    entries = read_wav_scp(path)

    def opener(entry: str) -> Callable[[], Source]:
        return lambda: resolve(entry, path.parent, allow_pipes=allow_pipes)

    return [Recording(name, opener(entry)) for name, entry in entries.items()]


def _ending(kind: str) -> str:
    return ".html" if kind == HTML else FORMATS[kind].ending


def _turns_of(turns: TurnsOf | None, recording: str) -> Sequence[Turn] | None:
    """The turns of a recording, whose name may have lost its white space in an RTTM."""
    if turns is None:
        return None
    for name in (recording, one_words([recording])[recording]):
        if name in turns:
            return turns[name]
    known = ", ".join(list(turns)[:5]) + (" ..." if len(turns) > 5 else "")
    raise DataError(f"expected turns of the recording {recording!r} in the RTTM given, which has {known}")


def _compared(name: str, found: Diarization, truth: Sequence[Turn] | None, files: list[Path]) -> Outcome:
    if truth is None:
        return Outcome(name, found, None, None, None, files)
    whole = [Segment(0.0, found.duration_s)]
    counts, errors = diarization_error(truth, found.turns, whole), error_pieces(truth, found.turns, whole)
    return Outcome(name, found, truth, counts, errors, files)


def _write(kind: str, path: Path, outcome: Outcome, audio: Source | None) -> None:
    turns, duration_s = outcome.diarization.turns, outcome.diarization.duration_s
    if kind != HTML:
        with atomic_text(path) as file:
            file.write(FORMATS[kind].format(outcome.recording, turns, duration_s))
        return
    from pysid.report.page import save_page

    save_page(
        path,
        audio if isinstance(audio, str | os.PathLike) else None,
        turns,
        duration_s=duration_s,
        title=outcome.recording,
        reference=outcome.reference,
        errors=outcome.errors,
        figures=None if outcome.counts is None else outcome.counts.rates(),
    )
