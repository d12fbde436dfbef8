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
from pysid.io.files import STANDARD_STREAM, check_folder, modified, safe_name
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
        DataError: a source is named twice, a folder or wav.scp has no recordings, or wav.scp is malformed.
    Warns:
        PysidWarning: a data directory has segments; recordings are taken as a whole.
    """
    path = Path(sources[0])
    if len(sources) == 1 and ((path / "wav.scp").is_file() or path.suffix == ".scp"):
        if (path / "segments").exists():
            whole = f"{path / 'segments'}: not read, as recordings are diarized as a whole"
            message = f"{whole}; pysid diarize --speech takes an RTTM of where there is speech"
            warnings.warn(message, PysidWarning, stacklevel=2)
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
    found = diarizer.assign(analysis, count).of(source, channel)
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
        skipped: gets the recordings that could not be read, or not be written in one of the formats.
        formats: of `ALL_FORMATS`; several recordings go to standard output in those that `check_together` passes.
        channel, max_hours: see `Diarizer.analyse`.
        reference: {recording: its true turns}, to compare with.
        speech: {recording: turns}, to say where there is speech in place of the detector.
        resume: skip recordings whose files are all there, and not older than the recording.
        names: what the speakers are called, and whether one is written at a time. With `names.link` nothing is
            written before the last recording has been heard.
    Yields:
        what came of each.
    Raises:
        DataError: `out_dir` is a file.
    """
    files, names = _Files(out_dir, formats, skipped), names or Naming()
    heard: list[tuple[Outcome, AudioFile | None]] = []
    for recording in recordings:
        with skipped.on_error(recording.name):
            paths = files.paths(recording.name)
            if resume and _is_done(recording, paths.values()):
                continue
            truth = _turns_of(reference, recording.name)
            spoken = _turns_of(speech, recording.name)
            audio = recording.resolved()
            where = None if spoken is None else [turn.segment for turn in spoken]
            analysis = diarizer.analyse(audio, speech=where, channel=channel, max_hours=max_hours)
            found = replace(diarizer.assign(analysis, count), recording=recording.name, channel=channel)
            if names.needs_voices or "json" in paths:
                found = with_voices(diarizer, analysis, found, names.exclusive)
            elif names.exclusive:
                found = replace(found, turns=found.exclusive)
            del analysis
            if names.identifier is not None:
                found = with_enrolled_names(found, names.identifier)
            _check_count(found, count, recording.name)
            outcome = _compared(recording.name, found, truth)
            in_memory = isinstance(audio, io.BytesIO) and names.link  # together they may be too much
            heard.append((outcome, None if in_memory else audio))
            if not names.link:
                yield files.write(*heard.pop())
    if names.link:
        together = linked([outcome.diarization for outcome, _ in heard], diarizer.model.scorer(), names.link_point)
        for (outcome, file), diarization in zip(heard, together, strict=True):
            yield files.write(replace(outcome, diarization=diarization), file)


class _Files:
    """The files of recordings in a folder, or what goes to standard output in their place.

    Args:
        out_dir, formats, skipped: see `diarize`.
    Raises:
        DataError: `out_dir` is a file.
    """

    def __init__(self, out_dir: str | os.PathLike[str], formats: Sequence[str], skipped: Skipped) -> None:
        self.folder, self.kinds, self.skipped = Path(out_dir), tuple(dict.fromkeys(formats)), skipped
        self.is_stream = str(out_dir) == STANDARD_STREAM
        self.follows = False  # whether standard output has a recording already
        if not self.is_stream:
            check_folder(out_dir)

    def paths(self, recording: str) -> dict[str, Path]:
        """{format: file}. Raises DataError where the name cannot be a file's."""
        if self.is_stream:
            return dict.fromkeys(self.kinds, self.folder)
        return {kind: self.folder / f"{safe_name(recording)}{ending_of(kind)}" for kind in self.kinds}

    def write(self, outcome: Outcome, audio: AudioFile | None) -> Outcome:
        """The outcome with the files that it could be written to; one that it could not costs no other."""
        written = []
        for kind, path in self.paths(outcome.recording).items():
            with self.skipped.on_error(outcome.recording):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_outcome(kind, path, outcome, audio, self.follows)
                written.append(path)
                self.follows = self.is_stream
        return replace(outcome, files=written)


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
    entries = read_wav_scp(path)
    if not entries:
        raise DataError(f"{path}: expected at least one recording, got none")
    return [Recording(name, entry, path.parent, allow_pipes) for name, entry in entries.items()]


def _turns_of(turns: TurnsOf | None, recording: str) -> Sequence[Turn] | None:
    """The turns of a recording, whose name may have lost its white space in an RTTM."""
    if turns is None:
        return None
    for name in (recording, one_words([recording])[recording]):
        if name in turns:
            return turns[name]
    known = ", ".join(list(turns)[:5]) + (" ..." if len(turns) > 5 else "")
    raise DataError(f"expected turns of the recording {recording!r} in the file given, which has {known}")


def _compared(name: str, found: Diarization, truth: Sequence[Turn] | None) -> Outcome:
    if truth is None:
        return Outcome(name, found, None, None, None, [])
    whole = [Segment(0.0, found.duration_s)]
    counts, errors = diarization_error(truth, found.turns, whole), error_pieces(truth, found.turns, whole)
    return Outcome(name, found, truth, counts, errors, [])
