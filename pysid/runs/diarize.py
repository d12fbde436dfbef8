"""Diarization of what a user names, and what is written about each recording.

diarize_recording(Diarizer.load(), "meeting.wav").save("meeting.rttm")
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.diarization.pipeline import Diarizer
from pysid.diarization.result import HTML, Diarization, DiarizedRecording, Outcome, ending_of, write_outcome
from pysid.diarization.steps import ANY_NUMBER, SpeakerCount
from pysid.errors import DataError, Skipped
from pysid.io.audio.reader import AudioFile
from pysid.io.audio.samples import as_stream
from pysid.io.files import safe_name
from pysid.io.scp import resolve
from pysid.io.tables import read_wav_scp
from pysid.io.turns.nist import one_words
from pysid.metrics.diarization import diarization_error, error_pieces
from pysid.model.speaker_model import Audio
from pysid.segments import Segment, Turn

TurnsOf = Mapping[str, Sequence[Turn]]


@dataclass(frozen=True)
class Recording:
    """A recording to diarize: its name, and what opens its audio."""

    name: str
    open: Callable[[], AudioFile]


def list_recordings(sources: Sequence[str], allow_pipes: bool = False) -> list[Recording]:
    """Audio files, under their names without folder and ending; or the recordings of one wav.scp or data directory.

    Raises:
        DataError: a source is named twice, two files would have results of the same name, or wav.scp is malformed.
    """
    path = Path(sources[0])
    if len(sources) == 1 and (path.is_dir() or path.suffix == ".scp"):
        return _recordings_of_table(path / "wav.scp" if path.is_dir() else path, allow_pipes)
    names: dict[str, str] = {}
    for source in sources:
        name = Path(source).stem
        if name in names:
            raise DataError(f"expected files of different names, got {names[name]!r} and {source!r}")
        names[name] = source
    return [Recording(name, lambda source=source: source) for name, source in names.items()]  # type: ignore[misc]


def diarize_recording(
    diarizer: Diarizer, audio: Audio | AudioFile, count: SpeakerCount = ANY_NUMBER, channel: int | None = None
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
            paths = {kind: folder / f"{safe_name(recording.name)}{ending_of(kind)}" for kind in formats}
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
                write_outcome(kind, path, outcome, audio)
            yield outcome


def _recordings_of_table(path: Path, allow_pipes: bool) -> list[Recording]:
    entries = read_wav_scp(path)

    def opener(entry: str) -> Callable[[], AudioFile]:
        return lambda: resolve(entry, path.parent, allow_pipes=allow_pipes)

    return [Recording(name, opener(entry)) for name, entry in entries.items()]


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
