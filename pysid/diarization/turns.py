"""Turns of speakers: from labelled windows or frames, and tidied up."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pysid.diarization.steps import Windows
from pysid.segments import Segment, Turn

TOLERANCE_S = 1e-6  # below a sample; 0.7 - 0.4 is a little less than 0.3


def turns_from_windows(
    windows: Windows, labels: Sequence[Any] | np.ndarray, names: Sequence[str] | None = None
) -> list[Turn]:
    """The turns of the speakers of windows, in order of time.

    Where a window and the next overlap, each gets half of what they share. Then windows that touch and have the same
    label become one turn.

    Args:
        windows: N of them, of which none starts or ends before the one before.
        labels: (N,) who speaks in each.
        names: of the speakers, indexed by the labels; None takes the labels themselves, as text.
    Raises:
        ValueError: the windows are not in order, or not as many as labels.
    Source: Kaldi egs/callhome_diarization/v1/diarization/make_rttm.py, with the times it computes, to the last bit.

    >>> windows = Windows(np.array([0.0, 0.75, 4.0]), np.array([1.5, 2.25, 5.5]), np.array([0, 0, 1]))
    >>> for turn in turns_from_windows(windows, [0, 1, 1], ["anna", "ben"]):
    ...     print(kaldi_rttm_line("call", turn))
    SPEAKER call 0   0.000   1.125 <NA> <NA> anna <NA> <NA>
    SPEAKER call 0   1.125   1.125 <NA> <NA> ben <NA> <NA>
    SPEAKER call 0   4.000   1.500 <NA> <NA> ben <NA> <NA>
    """
    if len(labels) != len(windows):
        raise ValueError(f"expected a label for each of the {len(windows)} windows, got {len(labels)}")
    if (np.diff(windows.start_s) < 0).any() or (np.diff(windows.end_s) < 0).any():
        raise ValueError("expected windows in order of time, got one that starts or ends before the one before")
    start_s, end_s = windows.start_s.tolist(), windows.end_s.tolist()
    for i in range(len(windows) - 1):
        if end_s[i] > start_s[i + 1]:
            end_s[i] = start_s[i + 1] = (start_s[i + 1] + end_s[i]) / 2
    turns: list[Turn] = []
    for start, end, label in zip(start_s, end_s, labels, strict=True):
        speaker = str(label) if names is None else names[label]
        if turns and turns[-1].speaker == speaker and turns[-1].segment.end_s == start:
            turns[-1] = _ending_at(turns[-1], end)
        else:
            turns.append(Turn(Segment(start, end), speaker))
    return turns


def kaldi_rttm_line(recording: str, turn: Turn, channel: int = 0) -> str:
    """The line that Kaldi's make_rttm.py writes for a turn, without its line end.

    Args:
        recording: its name.
        turn: start and duration are written with three digits.
        channel: as Kaldi has it, counted from 0.
    """
    start_s, duration_s = turn.segment.start_s, turn.segment.duration_s
    return f"SPEAKER {recording} {channel} {start_s:7.3f} {duration_s:7.3f} <NA> <NA> {turn.speaker} <NA> <NA>"


def bridge_gaps(turns: Sequence[Turn], max_gap_s: float) -> list[Turn]:
    """Joins turns of a speaker with a pause of at most `max_gap_s` between them in which nobody else speaks.

    Turns of one speaker that touch or overlap are joined in any case. The result is in order of the starts.

    >>> turns = [Turn(Segment(0.0, 1.0), "a"), Turn(Segment(1.2, 2.0), "a"), Turn(Segment(2.1, 3.0), "b")]
    >>> [(turn.segment.end_s, turn.speaker) for turn in bridge_gaps(turns, 0.3)]
    [(2.0, 'a'), (3.0, 'b')]
    """
    starts_s = np.array([turn.segment.start_s for turn in turns])
    ends_s = np.array([turn.segment.end_s for turn in turns])

    def is_silent(start_s: float, end_s: float) -> bool:
        return not ((starts_s < end_s - TOLERANCE_S) & (ends_s > start_s + TOLERANCE_S)).any()

    joined: list[Turn] = []
    last: dict[str, int] = {}  # place of each speaker's last turn in `joined`
    for turn in sorted(turns):
        place = last.get(turn.speaker)
        if place is not None:
            end_s, start_s = joined[place].segment.end_s, turn.segment.start_s
            pause_s = start_s - end_s
            if pause_s <= 0 or (pause_s <= max_gap_s + TOLERANCE_S and is_silent(end_s, start_s)):
                joined[place] = _ending_at(joined[place], max(end_s, turn.segment.end_s))
                continue
        last[turn.speaker] = len(joined)
        joined.append(turn)
    return joined


def turns_from_frames(labels: np.ndarray, shift_s: float, names: Sequence[str] | None = None) -> list[Turn]:
    """The turns of labelled frames; frame t lasts from t to t + 1 times `shift_s`.

    Args:
        labels: (T,) int, who speaks; -1 where nobody does.
        names: of the speakers, indexed by the labels; None takes the labels themselves, as text.

    >>> turns_from_frames(np.array([-1, 0, 0, -1]), 0.5, ["anna"])
    [Turn(segment=Segment(start_s=0.5, end_s=1.5), speaker='anna')]
    """
    borders = np.flatnonzero(np.diff(labels, prepend=-1, append=-1)).tolist()
    return [
        Turn(Segment(first * shift_s, end * shift_s), str(labels[first]) if names is None else names[labels[first]])
        for first, end in pairwise(borders)
        if labels[first] >= 0
    ]


def _ending_at(turn: Turn, end_s: float) -> Turn:
    return Turn(Segment(turn.segment.start_s, end_s), turn.speaker)
