"""Kaldi's text tables: a key, white space, a value, one entry a line, keys unique.

Format: https://kaldi-asr.org/doc/data_prep.html. Every error names the file and the line, and a repeated key also the
line where it stood first. What a `write_` function wrote, its `read_` twin reads back equal.
"""

import math
import sys
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from pysid.errors import DataError
from pysid.io.text import PathLike, read_rows, shorten, write_lines
from pysid.segments import Segment

Value = TypeVar("Value")


class SegmentLine(NamedTuple):
    """One line of `segments`: where in which recording an utterance lies.

    `end_s` is infinite for an utterance that lasts to the end of its recording (written -1). `channel` counts from
    0 and is None where the line does not say.
    """

    recording: str
    start_s: float
    end_s: float
    channel: int | None = None

    @property
    def segment(self) -> Segment:
        return Segment(self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Trial:
    """Is the speaker of `test` the one enrolled as `enrol`? `is_target` is the truth, None where it is not known."""

    enrol: str
    test: str
    is_target: bool | None = None


def read_table(path: PathLike) -> dict[str, str]:
    """Any table as {key: rest of the line}, the rest without white space at its ends, possibly empty."""
    return _read(path, "key value", lambda fields: fields[1] if len(fields) > 1 else "", (1, 2), max_splits=1)


def read_wav_scp(path: PathLike) -> dict[str, str]:
    """`wav.scp` as {recording: path or shell pipe}. See `pysid.io.wav_scp` for what an entry may be."""
    return _read(path, "recording path", lambda fields: fields[1], (2,), max_splits=1)


def read_utt2spk(path: PathLike) -> dict[str, str]:
    """`utt2spk` as {utterance: speaker}. `utt2lang` has the same form."""
    return _read(path, "utterance speaker", lambda fields: sys.intern(fields[1]))


def read_spk2utt(path: PathLike) -> dict[str, list[str]]:
    """`spk2utt` as {speaker: utterances, in the order of the line}. An utterance has one speaker only."""
    spk2utt: dict[str, list[str]] = {}
    seen: set[str] = set()
    for number, (speaker, *utterances) in read_rows(path, "speaker utterance...", _MANY):
        if speaker in spk2utt:
            raise _repeated(path, number, speaker)
        for utterance in utterances:
            if utterance in seen:
                raise DataError(f"{path}:{number}: utterance {utterance!r} is listed a second time")
            seen.add(utterance)
        spk2utt[speaker] = utterances
    return spk2utt


def read_spk2gender(path: PathLike) -> dict[str, str]:
    """`spk2gender` as {speaker: "m" or "f"}."""
    return _read(path, "speaker m|f", _gender)


def read_durations(path: PathLike) -> dict[str, float]:
    """`utt2dur` or `reco2dur` as {id: seconds, > 0}."""
    return _read(path, "id seconds", _positive_seconds)


def read_num_frames(path: PathLike) -> dict[str, int]:
    """`utt2num_frames` as {utterance: frames, > 0}; `num_utts.ark` of an x-vector folder has the same form."""
    return _read(path, "id count", _positive_count)


def read_segments(path: PathLike) -> dict[str, SegmentLine]:
    """`segments` as {utterance: SegmentLine}; the source of the rules is Kaldi's featbin/extract-segments.cc."""
    return _read(path, "utterance recording start end [channel]", _segment_line, (4, 5))


def read_trials(path: PathLike) -> list[Trial]:
    """A trial list, `enrol test target|nontarget`, or `enrol test` where the truth is not known."""
    trials = []
    for number, (enrol, test, *truth) in read_rows(path, _TRIAL, (2, 3)):
        if truth and truth[0] not in _TRUTH:
            raise DataError(
                f"{path}:{number}: expected '{_TRIAL}', got {shorten(' '.join((enrol, test, *truth)))}"
            )
        trials.append(Trial(enrol, test, _TRUTH[truth[0]] if truth else None))
    return trials


def read_scores(path: PathLike) -> dict[tuple[str, str], float]:
    """A score file, `enrol test score`, as {(enrol, test): score}.

    Published trial lists repeat some pairs, so a pair may come again with the same score; another score is an error.
    """
    scores: dict[tuple[str, str], float] = {}
    for number, (enrol, test, text) in read_rows(path, "enrol test score", (3,)):
        try:
            score = _number(text, "a finite score")
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        if scores.setdefault((enrol, test), score) != score:
            first = scores[enrol, test]
            raise DataError(
                f"{path}:{number}: the pair {enrol!r} {test!r} has the score {first} already, got {text}"
            )
    return scores


def spk2utt_from_utt2spk(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Groups utterances by speaker, both in the order of their first appearance (Kaldi's utt2spk_to_spk2utt.pl).

    >>> spk2utt_from_utt2spk({"a-1": "a", "b-1": "b", "a-2": "a"})
    {'a': ['a-1', 'a-2'], 'b': ['b-1']}
    """
    spk2utt: dict[str, list[str]] = {}
    for utterance, speaker in utt2spk.items():
        spk2utt.setdefault(speaker, []).append(utterance)
    return spk2utt


def utt2spk_from_spk2utt(spk2utt: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The inverse of `spk2utt_from_utt2spk`, but for the order of the utterances."""
    return {utterance: speaker for speaker, utterances in spk2utt.items() for utterance in utterances}


def write_table(path: PathLike, table: Mapping[str, object]) -> None:
    """Writes {key: value} in the order given; a float is written so that it reads back the same.

    Raises:
        DataError: a key is empty or holds white space, or a value holds the end of a line.
    """
    write_lines(path, (_entry(path, key, value) for key, value in table.items()))


def write_spk2utt(path: PathLike, spk2utt: Mapping[str, Iterable[str]]) -> None:
    """Writes {speaker: utterances}."""
    write_table(path, {speaker: " ".join(utterances) for speaker, utterances in spk2utt.items()})


def write_segments(path: PathLike, segments: Mapping[str, SegmentLine]) -> None:
    """Writes {utterance: SegmentLine}; an infinite end becomes -1."""
    write_table(path, {utterance: _segment_text(line) for utterance, line in segments.items()})


def write_trials(path: PathLike, trials: Iterable[Trial]) -> None:
    """Writes a trial list; a trial whose truth is not known gets two columns."""
    truth = {True: " target", False: " nontarget", None: ""}
    write_lines(path, (_entry(path, t.enrol, f"{t.test}{truth[t.is_target]}") for t in trials))


def write_scores(path: PathLike, scores: Iterable[tuple[str, str, float]]) -> None:
    """Writes `enrol test score` lines, all digits of the score."""
    write_lines(path, (_entry(path, enrol, f"{test} {float(score)!r}") for enrol, test, score in scores))


_TRIAL = "enrol test target|nontarget"
_TRUTH = {"target": True, "nontarget": False}
_MANY = range(2, sys.maxsize)


def _read(
    path: PathLike,
    expected: str,
    parse: Callable[[list[str]], Value],
    n_fields: Container[int] = (2,),
    max_splits: int = -1,
) -> dict[str, Value]:
    table: dict[str, Value] = {}
    for number, fields in read_rows(path, expected, n_fields, max_splits):
        if fields[0] in table:
            raise _repeated(path, number, fields[0])
        try:
            table[fields[0]] = parse(fields)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
    return table


def _repeated(path: PathLike, number: int, key: str) -> DataError:
    rows = read_rows(path, "key", range(1, sys.maxsize), max_splits=1)
    first = next(earlier for earlier, fields in rows if fields[0] == key)
    return DataError(f"{path}:{number}: {key!r} stands on line {first} already")


def _entry(path: PathLike, key: str, value: object) -> str:
    text = str(value)
    if key.encode().split() != [key.encode()] or "\n" in text:
        raise DataError(
            f"{path}: expected a key without white space and a value on one line, got {key!r} {text!r}"
        )
    return f"{key} {text}"


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"expected {what}, got {text!r}")
    return value


def _positive_seconds(fields: list[str]) -> float:
    seconds = _number(fields[1], "a duration in seconds above 0")
    if seconds <= 0:
        raise ValueError(f"expected a duration in seconds above 0, got {fields[1]!r}")
    return seconds


def _positive_count(fields: list[str]) -> int:
    if not fields[1].isdecimal() or int(fields[1]) == 0:
        raise ValueError(f"expected a whole number above 0, got {fields[1]!r}")
    return int(fields[1])


def _gender(fields: list[str]) -> str:
    if fields[1] not in ("m", "f"):
        raise ValueError(f"expected the gender m or f, got {fields[1]!r}")
    return fields[1]


def _segment_line(fields: list[str]) -> SegmentLine:
    start_s = _number(fields[2], "a start in seconds")
    end_s = _number(fields[3], "an end in seconds")
    end_s = math.inf if end_s == -1 else end_s
    if not 0 <= start_s < end_s:
        raise ValueError(
            f"expected 0 <= start < end (or an end of -1), got start {fields[2]} and end {fields[3]}"
        )
    if len(fields) == 5 and not fields[4].isdecimal():
        raise ValueError(f"expected a channel number from 0 on, got {fields[4]!r}")
    return SegmentLine(sys.intern(fields[1]), start_s, end_s, int(fields[4]) if len(fields) == 5 else None)


def _segment_text(line: SegmentLine) -> str:
    end = "-1" if math.isinf(line.end_s) else repr(line.end_s)
    channel = "" if line.channel is None else f" {line.channel}"
    return f"{line.recording} {line.start_s!r} {end}{channel}"
