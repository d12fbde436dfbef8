"""Diarization of what a user names, and what is written about each recording.

diarize_recording(Diarizer.load(), "meeting.wav").save("meeting.rttm")
"""

import io
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pysid.diarization.pipeline import Diarizer
from pysid.diarization.result import HTML, Diarization, Outcome, ending_of, write_outcome
from pysid.diarization.steps import ANY_NUMBER, SpeakerCount
from pysid.errors import DataError, PysidWarning, Skipped
from pysid.io.audio.reader import MAX_HOURS, AudioFile, rereadable
from pysid.io.audio.samples import Audio, as_source
from pysid.io.files import STANDARD_STREAM, modified, safe_name
from pysid.io.scp import is_pipe, resolve, resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.nist import one_words
from pysid.metrics.diarization import diarization_error, error_pieces
from pysid.runs.names import find_files, name_files
from pysid.runs.speaker_names import Naming, linked, with_enrolled_names, with_voices
from pysid.segments import Segment, Turn
from pysid.speakers.identify import Identifier

TurnsOf = Mapping[str, Sequence[Turn]]


@dataclass(frozen=True)
class Recording:
    """A recording to diarize.

    Attributes:
        name: what its results are called.
        entry: its path, or its entry of a wav.scp.
        directory: of that wav.scp; None for a path.
        allow_pipes: whether an entry that is a shell command may run.
    """

    name: str
    entry: str
    directory: Path | None = None
    allow_pipes: bool = False

    def resolved(self) -> AudioFile:
        """What its audio is read from, again and again. Raises DataError where a pipe may not run, or fails."""
        if self.directory is None:
            return rereadable(self.entry)
        return resolve(self.entry, self.directory, allow_pipes=self.allow_pipes)

    @property
    def path(self) -> str | None:
        """The file that it is in, if it is in one."""
        if self.directory is None:
            return self.entry
        return None if is_pipe(self.entry) else resolve_path(self.entry, self.directory)


def list_recordings(sources: Sequence[str], allow_pipes: bool = False) -> list[Recording]:
    """Audio files, or folders of them, as `name_files` names them; or those of one wav.scp or data directory.

    Raises:
        DataError: a source is named twice, a folder has no recordings, or wav.scp is malformed.
    """
    path = Path(sources[0])
    if len(sources) == 1 and ((path / "wav.scp").is_file() or path.suffix == ".scp"):
        return _recordings_of_table(path / "wav.scp" if path.is_dir() else path, allow_pipes)
    names = name_files(find_files(sources))
    return [Recording(name, source) for name, source in names.items()]


def diarize_recording(
    diarizer: Diarizer,
    audio: Audio,
    count: SpeakerCount = ANY_NUMBER,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
    identifier: Identifier | None = None,
    voices: bool = False,
) -> Diarization:
    """Who spoke when in one recording: a file, or (samples, rate) as `Audio` has it.

    Args:
        identifier: looks the speakers up among those enrolled; None leaves them without names.
        voices: find the voices of the speakers and the confidences of the turns, which an identifier needs in any case.
    Raises:
        DataError: the recording cannot be read.
    """
    source = as_source(audio, diarizer.model.config.sample_rate)
    analysis = diarizer.analyse(source, channel=channel, max_hours=max_hours)
    found = diarizer.assign(analysis, count).of(source)
    if voices or identifier is not None:
        found = with_voices(diarizer, analysis, found)
    if identifier is not None:
        found = with_enrolled_names(found, identifier)
    _check_count(found, count, found.recording)
    return found


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
    max_hours: float = MAX_HOURS,
    names: Naming | None = None,
) -> Iterable[Outcome]:
    """Diarizes one recording after the other and writes its files.

    Args:
        out_dir: the folder for NAME.rttm and so on, made if need be; "-" writes to standard output.
        skipped: gets the recordings that could not be read.
        formats: of `ALL_FORMATS`.
        channel, max_hours: see `Diarizer.analyse`.
        reference: {recording: its true turns}, to compare with.
        speech: {recording: turns}, to say where there is speech in place of the detector.
        resume: skip recordings whose files are all there, and not older than the recording.
        names: what the speakers are called, and whether one is written at a time. With `names.link` nothing is
            written before the last recording has been heard.
    Yields:
        what came of each.
    """
    folder, names = Path(out_dir), names or Naming()
    heard: list[tuple[Outcome, AudioFile | None]] = []
    for recording in recordings:
        with skipped.on_error(recording.name):
            paths = {kind: _path(folder, recording.name, kind) for kind in formats}
            if resume and _is_done(recording, paths.values()):
                continue
            truth = _turns_of(reference, recording.name)
            spoken = _turns_of(speech, recording.name)
            audio = recording.resolved()
            where = None if spoken is None else [turn.segment for turn in spoken]
            analysis = diarizer.analyse(audio, speech=where, channel=channel, max_hours=max_hours)
            found = replace(diarizer.assign(analysis, count), recording=recording.name)
            if names.needs_voices or "json" in formats:
                found = with_voices(diarizer, analysis, found, names.exclusive)
            elif names.exclusive:
                found = replace(found, turns=found.exclusive)
            del analysis
            if names.identifier is not None:
                found = with_enrolled_names(found, names.identifier)
            _check_count(found, count, recording.name)
            outcome = _compared(recording.name, found, truth, list(paths.values()))
            in_memory = isinstance(audio, io.BytesIO) and names.link  # together they may be too much
            heard.append((outcome, None if in_memory else audio))
            if not names.link:
                yield _written(formats, *heard.pop())
    if names.link:
        together = linked([outcome.diarization for outcome, _ in heard], diarizer.model.scorer(), names.link_point)
        for (outcome, file), diarization in zip(heard, together, strict=True):
            with skipped.on_error(outcome.recording):
                yield _written(formats, replace(outcome, diarization=diarization), file)


def _path(folder: Path, name: str, kind: str) -> Path:
    return folder if str(folder) == STANDARD_STREAM else folder / f"{safe_name(name)}{ending_of(kind)}"


def _written(formats: Sequence[str], outcome: Outcome, audio: AudioFile | None) -> Outcome:
    """Writes the files of an outcome."""
    for kind, path in zip(formats, outcome.files, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_outcome(kind, path, outcome, audio)
    return outcome


def _is_done(recording: Recording, paths: Iterable[Path]) -> bool:
    """Whether its files are there, and made after the recording was last changed; that of a shell pipe is not known."""
    if recording.path == STANDARD_STREAM or not all(path.exists() for path in paths):
        return False
    changed = None if recording.path is None else modified(recording.path)
    return changed is None or all(path.stat().st_mtime_ns >= changed for path in paths)


def _check_count(found: Diarization, count: SpeakerCount, name: str) -> None:
    n = len(found.speakers)
    if found.turns and n < count.minimum:
        message = f"{name}: {count.minimum} speakers were asked for, and {n} found: there is not enough speech for more"
        warnings.warn(message, PysidWarning, stacklevel=2)


def _recordings_of_table(path: Path, allow_pipes: bool) -> list[Recording]:
    return [Recording(name, entry, path.parent, allow_pipes) for name, entry in read_wav_scp(path).items()]


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
