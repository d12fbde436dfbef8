"""What a line of each of Kaldi's text tables holds (https://kaldi-asr.org/doc/data_prep.html)."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from pysid.io.text import ANY_NUMBER, RowFormat
from pysid.segments import Segment

Value = TypeVar("Value")

TRUTH = {"target": True, "nontarget": False}
VOXCELEB_TRUTH = {"1": "target", "0": "nontarget"}  # first column of VoxCeleb's lists


class SegmentLine(NamedTuple):
    """One line of `segments`: where in which recording an utterance lies.

    `end_s` is infinite for an utterance that lasts to the end of its recording (written -1). `channel` counts
    from 0 and is None where the line does not give it.
    """

    recording: str
    start_s: float
    end_s: float
    channel: int | None = None

    @property
    def segment(self) -> Segment:
        """Its times alone."""
        return Segment(self.start_s, self.end_s)

    @property
    def is_legal(self) -> bool:
        """Whether it has a duration; Kaldi leaves out other lines with a warning."""
        return 0 <= self.start_s < self.end_s

    def __str__(self) -> str:
        end = "-1" if math.isinf(self.end_s) else repr(self.end_s)
        channel = "" if self.channel is None else f" {self.channel}"
        return f"{self.recording} {self.start_s!r} {end}{channel}"


@dataclass(frozen=True)
class TableFormat(Generic[Value]):
    """A table with one entry per line: the form of the line, and how its fields become a value.

    `parse` raises ValueError, saying what was expected and what came.
    """

    row: RowFormat
    parse: Callable[[list[str]], Value]


@dataclass(frozen=True)
class TrialRow(RowFormat):
    """A line of a trial list; VoxCeleb's order, `1 enrol test`, is turned into Kaldi's.

    >>> TrialRow("enrol test target|nontarget", (2, 3)).split(b"1 a b")
    ['a', 'b', 'target']
    """

    def split(self, line: bytes) -> list[str]:
        """The fields of a line, in Kaldi's order."""
        fields = super().split(line)
        if len(fields) == 3 and fields[2] not in TRUTH and fields[0] in VOXCELEB_TRUTH:
            return [fields[1], fields[2], VOXCELEB_TRUTH[fields[0]]]
        return fields


def finite(text: str, what: str) -> float:
    """A number that is not NaN or infinite. Raises ValueError that calls it `what`."""
    try:
        value = float(text) if "_" not in text else math.nan  # Python takes 1_0 for ten
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"expected {what}, got {text!r}")
    return value


def _rest(fields: list[str]) -> str:
    return fields[1] if len(fields) > 1 else ""


def _label(fields: list[str]) -> str:
    return sys.intern(fields[1])  # few speakers, many utterances


def _utterances(fields: list[str]) -> list[str]:
    return fields[1:]


def _seconds(fields: list[str]) -> float:
    seconds = finite(fields[1], "a duration in seconds above 0")
    if seconds <= 0:
        raise ValueError(f"expected a duration in seconds above 0, got {fields[1]!r}")
    return seconds


def _count(fields: list[str]) -> int:
    if not fields[1].isdecimal() or int(fields[1]) == 0:
        raise ValueError(f"expected a whole number above 0, got {fields[1]!r}")
    return int(fields[1])


def _gender(fields: list[str]) -> str:
    if fields[1] not in ("m", "f"):
        raise ValueError(f"expected the gender m or f, got {fields[1]!r}")
    return fields[1]


def _segment(fields: list[str]) -> SegmentLine:
    """The rules of Kaldi's featbin/extract-segments.cc, which reads lines of illegal times and leaves them out."""
    start_s = finite(fields[2], "a start in seconds")
    end_s = finite(fields[3], "an end in seconds")
    end_s = math.inf if end_s == -1 else end_s
    if len(fields) == 5 and not fields[4].isdecimal():
        raise ValueError(f"expected a channel number from 0 on, got {fields[4]!r}")
    return SegmentLine(sys.intern(fields[1]), start_s, end_s, int(fields[4]) if len(fields) == 5 else None)


def parse_truth(fields: list[str]) -> bool | None:
    """The third column of a trial; None where there is none."""
    if len(fields) < 3:
        return None
    if fields[2] not in TRUTH:
        raise ValueError(f"expected target or nontarget in the third column, got {fields[2]!r}")
    return TRUTH[fields[2]]


ANY = TableFormat(RowFormat("key value", (1, 2), max_splits=1), _rest)
WAV_SCP = TableFormat(RowFormat("recording path", max_splits=1), _rest)
ARK_SCP = TableFormat(RowFormat("key archive:offset", max_splits=1), _rest)
UTT2SPK = TableFormat(RowFormat("utterance speaker"), _label)
UTT2LABEL = TableFormat(RowFormat("utterance label"), _label)
SPK2UTT = TableFormat(RowFormat("speaker utterance...", ANY_NUMBER[1:]), _utterances)
SPK2GENDER = TableFormat(RowFormat("speaker m|f"), _gender)
DURATIONS = TableFormat(RowFormat("id seconds"), _seconds)
COUNTS = TableFormat(RowFormat("id count"), _count)
SEGMENTS = TableFormat(RowFormat("utterance recording start end [channel]", (4, 5)), _segment)
TRIALS = TableFormat(TrialRow("enrol test target|nontarget", (2, 3)), parse_truth)
SCORES = RowFormat("enrol test score", (3, 4))  # WeSpeaker has the truth after it
