"""All that is wrong with a Kaldi data directory, with file and line (Kaldi's utils/validate_data_dir.sh).

`Corpus.read` stops at the first thing that makes a directory unreadable; this looks at everything, and also
at what only Kaldi's programs insist on, such as the order of the lines.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pysid.errors import DataError
from pysid.io import table_formats as formats
from pysid.io.audio.files import MAX_OVERSHOOT_S, audio_info
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.table_formats import SegmentLine, TableFormat
from pysid.io.text import BYTE_ORDER_MARK, read_lines

Level = Literal["error", "warning"]

FORMATS: Mapping[str, TableFormat[Any]] = {
    "wav.scp": formats.WAV_SCP,
    "segments": formats.SEGMENTS,
    "utt2spk": formats.UTT2SPK,
    "spk2utt": formats.SPK2UTT,
    "spk2gender": formats.SPK2GENDER,
    "utt2dur": formats.DURATIONS,
    "reco2dur": formats.DURATIONS,
    "utt2num_frames": formats.COUNTS,
    "utt2lang": formats.UTT2LABEL,
    "utt2uniq": formats.UTT2LABEL,
    "text": formats.ANY,
    "feats.scp": formats.ARK_SCP,
    "vad.scp": formats.ARK_SCP,
    "trials": formats.TRIALS,
}
OF_UTTERANCES = ("utt2dur", "utt2num_frames", "utt2lang", "utt2uniq", "text", "feats.scp", "vad.scp")
ROUNDING_S = 0.01  # durations are often written with two decimals


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; None is the file as a whole."""

    file: str
    line: int | None
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.level}: {self.message}"


class _Entry(NamedTuple):
    """One line of a table that could be read; of a trial list, `key` is the first column and `test` the second."""

    line: int
    key: str
    value: Any
    test: str = ""


@dataclass
class _Directory:
    """The tables of a directory as far as they could be read, and the problems so far."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    entries: dict[str, list[_Entry]] = field(default_factory=dict)

    def add(self, name: str, line: int | None, message: str, level: Level = "error") -> None:
        self.problems.append(Problem(str(self.folder / name), line, message, level))

    def table(self, name: str) -> dict[str, Any]:
        return {entry.key: entry.value for entry in self.entries.get(name, ())}

    def utterances(self) -> Mapping[str, Any]:
        return self.table("segments" if "segments" in self.entries else "wav.scp")


def validate(directory: str | os.PathLike[str]) -> list[Problem]:
    """Checks the tables of a data directory, each by itself and against each other.

    Errors: lines of another form than Kaldi's or out of the order of the C locale, repeated or unknown ids,
    tables that contradict each other, missing audio, segments outside their recording. Warnings: a table that
    lacks some ids, speakers that do not begin the names of their utterances, the end of a segment that Kaldi
    would cut, Windows line ends. Audio behind a shell pipe is not looked for; of other recordings that have segments
    and are not in reco2dur the headers are read.
    """
    found = _Directory(Path(directory))
    if not found.folder.is_dir():
        return [Problem(str(directory), None, "expected a Kaldi data directory, got no such folder")]
    for name, table_format in FORMATS.items():
        if (found.folder / name).exists():
            found.entries[name] = _read(found, name, table_format)
    for check in _CHECKS:
        check(found)
    return found.problems


def _read(found: _Directory, name: str, table_format: TableFormat[Any]) -> list[_Entry]:
    """The entries of a table; reports lines that are not entries, and how the lines end."""
    entries = []
    try:
        for number, line in read_lines(found.folder / name):
            text = _check_bytes(found, name, number, line)
            try:
                fields = table_format.row.split(text)
                if fields:
                    test = fields[1] if name == "trials" else ""
                    entries.append(_Entry(number, fields[0], table_format.parse(fields), test))
                else:
                    found.add(name, number, "expected an entry, got a blank line")
            except ValueError as error:
                found.add(name, number, str(error))
    except DataError as error:
        found.add(name, None, str(error).removeprefix(f"{found.folder / name}: "))
    return entries


def _check_bytes(found: _Directory, name: str, number: int, line: bytes) -> bytes:
    if number == 1 and line.startswith(BYTE_ORDER_MARK):
        found.add(name, 1, "expected plain UTF-8, got a byte-order mark")
        line = line.removeprefix(BYTE_ORDER_MARK)
    if line.endswith(b"\r\n"):
        found.add(name, number, "expected the line end '\\n', got '\\r\\n'", "warning")
    elif not line.endswith(b"\n"):
        found.add(name, number, "expected a line end at the end of the file")
    return line


def _check_files(found: _Directory) -> None:
    for name, needs in (("wav.scp", "there is no audio"), ("utt2spk", "speakers are not known")):
        if name not in found.entries:
            level: Level = "error" if name == "wav.scp" else "warning"
            found.add(name, None, f"expected the file, got none: {needs}", level)
    for name in found.entries:
        if not (found.folder / name).stat().st_size:
            found.add(name, None, "expected entries, got an empty file")


def _check_keys(found: _Directory) -> None:
    """Keys are unique and, so that Kaldi can walk tables side by side, in the order of their bytes."""
    for name, entries in found.entries.items():
        if name == "trials":
            continue
        first: dict[str, int] = {}
        is_sorted = True
        for before, entry in zip([None, *entries], entries, strict=False):
            if entry.key in first:
                found.add(name, entry.line, f"{entry.key!r} is already on line {first[entry.key]}")
            elif before is not None and is_sorted and entry.key.encode() < before.key.encode():
                is_sorted = False
                message = f"expected the order of LC_ALL=C sort, got {entry.key!r} after {before.key!r}"
                found.add(name, entry.line, message)
            first.setdefault(entry.key, entry.line)


def _check_audio(found: _Directory) -> None:
    for entry in found.entries.get("wav.scp", ()):
        path = entry.value
        if is_pipe(path) or os.path.exists(resolve_path(path, found.folder)):
            continue
        archive, _, offset = path.rpartition(":")
        if not (offset.isdecimal() and os.path.exists(resolve_path(archive, found.folder))):
            found.add("wav.scp", entry.line, f"expected an audio file, got none at {path!r}")


def _check_segments(found: _Directory) -> None:
    recordings = found.table("wav.scp")
    durations = found.table("reco2dur")
    for entry in found.entries.get("segments", ()):
        segment: SegmentLine = entry.value
        if segment.recording not in recordings:
            found.add("segments", entry.line, f"expected a recording of wav.scp, got {segment.recording!r}")
        if not segment.is_legal:
            got = f"got {segment.start_s:g} and {segment.end_s:g}"
            found.add("segments", entry.line, f"expected 0 <= start < end, or an end of -1, {got}")
            continue
        duration_s = durations.get(segment.recording, math.inf)
        if segment.recording not in durations and segment.recording in recordings:
            duration_s = durations[segment.recording] = _duration_s(found, recordings[segment.recording])
        passed_s = 0.0 if math.isinf(segment.end_s) else segment.end_s - duration_s
        if segment.start_s >= duration_s or passed_s >= MAX_OVERSHOOT_S:
            message = f"expected a segment of the {duration_s:g} s of {segment.recording!r}"
            found.add("segments", entry.line, f"{message}, got {segment.start_s:g} to {segment.end_s:g} s")
        elif passed_s > ROUNDING_S:
            message = f"ends {passed_s:.3g} s after the end of {segment.recording!r} and will be cut"
            found.add("segments", entry.line, message, "warning")


def _duration_s(found: _Directory, entry: str) -> float:
    """Seconds of a recording by its header; infinite where that does not tell; reading it all would."""
    if is_pipe(entry):
        return math.inf
    try:
        return audio_info(resolve_path(entry, found.folder), math.inf).duration_s
    except DataError:
        return math.inf


def _check_ids(found: _Directory) -> None:
    """Every table is about the utterances, speakers and recordings that there are."""
    utterances = found.utterances()
    audio = "segments" if "segments" in found.entries else "wav.scp"
    recordings = found.table("wav.scp")
    speakers = {entry.value: None for entry in found.entries.get("utt2spk", ())}
    if audio in found.entries:
        _compare(found, "utt2spk", utterances, f"an utterance of {audio}", "error")
        for name in OF_UTTERANCES:
            _compare(found, name, utterances, f"an utterance of {audio}", "warning")
    if "wav.scp" in found.entries:
        _compare(found, "reco2dur", recordings, "a recording of wav.scp", "warning")
    if speakers:
        _compare(found, "spk2gender", speakers, "a speaker of utt2spk", "warning")
    if "segments" in found.entries:
        used = {entry.value.recording for entry in found.entries["segments"]}
        _report_missing(found, "segments", recordings, used, "warning")


def _compare(found: _Directory, name: str, ids: Mapping[str, Any], what: str, level: Level) -> None:
    if name in found.entries:
        for entry in found.entries[name]:
            if entry.key not in ids:
                found.add(name, entry.line, f"expected {what}, got {entry.key!r}")
        _report_missing(found, name, ids, found.table(name), level)


def _report_missing(found: _Directory, name: str, ids: Mapping[str, Any], present: Iterable[str], level: Level) -> None:
    known = set(present)
    missing = [key for key in ids if key not in known]
    if missing:
        message = f"{len(missing)} of {len(ids)} ids are missing; the first is {missing[0]!r}"
        found.add(name, None, message, level)


def _check_speakers(found: _Directory) -> None:
    if "utt2spk" not in found.entries:
        return
    utt2spk = found.table("utt2spk")
    if "spk2utt" not in found.entries:
        found.add("spk2utt", None, "expected the file, got none (Kaldi wants it)", "warning")
        return
    listed: dict[str, int] = {}
    for entry in found.entries["spk2utt"]:
        for utterance in entry.value:
            speaker = utt2spk.get(utterance)
            if speaker is None:
                found.add("spk2utt", entry.line, f"expected an utterance of utt2spk, got {utterance!r}")
            elif speaker != entry.key:
                message = f"has {utterance!r} for {entry.key!r}, but utt2spk has it for {speaker!r}"
                found.add("spk2utt", entry.line, message)
            if utterance in listed:
                found.add("spk2utt", entry.line, f"{utterance!r} is already on line {listed[utterance]}")
            listed.setdefault(utterance, entry.line)
    _report_missing(found, "spk2utt", utt2spk, listed, "error")


def _check_prefixes(found: _Directory) -> None:
    """Kaldi sorts by utterance and by speaker at once; a speaker as prefix of its utterances ensures both."""
    odd = [entry for entry in found.entries.get("utt2spk", ()) if not entry.key.startswith(entry.value)]
    if odd:
        message = f"expected speakers that begin the names of their utterances, got {len(odd)} others, first "
        found.add("utt2spk", odd[0].line, f"{message}{odd[0].value!r} for {odd[0].key!r}", "warning")


def _check_trials(found: _Directory) -> None:
    """A test is an utterance; a speaker may be enrolled by an utterance or under their own name."""
    utterances = found.utterances()
    enrolled = {**utterances, **dict.fromkeys(found.table("utt2spk").values())}
    for entry in found.entries.get("trials", ()):
        if entry.key not in enrolled:
            found.add("trials", entry.line, f"expected an utterance or speaker to enrol, got {entry.key!r}")
        if entry.test not in utterances:
            found.add("trials", entry.line, f"expected an utterance to test, got {entry.test!r}")


_CHECKS: tuple[Callable[[_Directory], None], ...] = (
    _check_files,
    _check_keys,
    _check_audio,
    _check_segments,
    _check_ids,
    _check_speakers,
    _check_prefixes,
    _check_trials,
)
