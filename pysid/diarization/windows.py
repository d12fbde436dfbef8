"""Speech cut into windows of one length, each to get an embedding of its own.

Source: Kaldi egs/wsj/s5/utils/data/get_uniform_subsegments.py, with the times it computes, to the last bit.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pysid.diarization.steps import Windows
from pysid.segments import Segment

LEAST_S = 0.01  # of windows and their shifts, a frame: with less, a recording has more windows than memory holds


def check_windows(**seconds: float) -> None:
    """Raises ValueError, with its name, where a length or a shift of windows is below `LEAST_S`, or not finite."""
    for name, value in seconds.items():
        if not LEAST_S <= value < math.inf:
            raise ValueError(f"{name} must be at least {LEAST_S} s, got {value}")


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Settings of `uniform_windows`.

    Attributes:
        duration_s: of a window; at least 0.01.
        shift_s: from the start of a window to that of the next, at least 0.01; Kaldi's scripts give their overlap
            instead.
        min_s: no remainder of speech as short as this stays at the end of a stretch. Where `constant`, a last window
            shorter than this is moved back to full duration, as far as there is speech; otherwise it is joined with
            the one before, which makes that longer than `duration_s`.
        constant: no window is longer than `duration_s`.
    """

    kind: Literal["uniform"] = field(default="uniform", repr=False)
    duration_s: float = 1.5
    shift_s: float = 0.75
    min_s: float = 0.5
    constant: bool = True

    def __post_init__(self) -> None:
        check_windows(duration_s=self.duration_s, shift_s=self.shift_s)
        if not 0 <= self.min_s < math.inf:
            raise ValueError(f"min_s must not be negative, got {self.min_s}")
        if not self.constant and self.shift_s > self.duration_s + self.min_s:
            raise ValueError(f"shift_s must be at most duration_s + min_s unless constant, got {self.shift_s}")

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str]) -> "WindowConfig":
        """The configuration that options of get_uniform_subsegments.py mean, with the script's defaults.

        As in the script, every value of `constant-duration` but the empty one means true, "False" as well.

        Raises:
            ValueError: an unknown option, or a value that is not possible; names the option.

        >>> WindowConfig.from_kaldi({"max-segment-duration": "2", "overlap-duration": "1.5"})
        WindowConfig(duration_s=2.0, shift_s=0.5, min_s=10.0, constant=False)
        """
        seconds = {"max-segment-duration": 30.0, "overlap-duration": 5.0, "max-remaining-duration": 10.0}
        for name, text in options.items():
            if name in seconds:
                seconds[name] = _number(name, text)
            elif name != "constant-duration":
                raise ValueError(f"unknown option --{name}")
        duration_s, overlap_s, min_s = seconds.values()
        if not overlap_s < duration_s:
            raise ValueError(f"--overlap-duration={overlap_s} must be below --max-segment-duration={duration_s}")
        constant = bool(options.get("constant-duration", ""))
        return cls(duration_s=duration_s, shift_s=duration_s - overlap_s, min_s=min_s, constant=constant)


def uniform_windows(speech: Sequence[Segment], config: WindowConfig = WindowConfig()) -> Windows:
    """The windows of each stretch of speech, in order.

    A stretch shorter than a window is one window.

    >>> windows = uniform_windows([Segment(1.0, 3.5), Segment(4.0, 4.5)])
    >>> windows.start_s.tolist(), windows.end_s.tolist(), windows.speech.tolist()
    ([1.0, 1.75, 2.5, 4.0], [2.5, 3.25, 3.5, 4.5], [0, 0, 0, 1])
    """
    rows = [
        (start, min(end, segment.end_s), i)  # sums of many shifts may go past the end by the last digit
        for i, segment in enumerate(speech)
        for start, end, _ in _window_spans(segment, config)
    ]
    start_s, end_s, index = zip(*rows, strict=True) if rows else ((), (), ())
    return Windows(np.array(start_s, dtype=float), np.array(end_s, dtype=float), np.array(index, dtype=np.int64))


def subsegment_lines(utterances: Iterable[tuple[str, Segment]], config: WindowConfig) -> Iterator[str]:
    """The lines that get_uniform_subsegments.py prints for utterances, without their line ends.

    A line names the window after its first and last hundredth of a second, and gives its utterance, start and end;
    all times count from the start of the utterance.

    >>> list(subsegment_lines([("a", Segment(4.0, 6.0))], WindowConfig()))
    ['a-00000000-00000150 a 0.000 1.500', 'a-00000075-00000200 a 0.750 2.000']
    """
    for name, utterance in utterances:
        for start_s, end_s, is_last in _window_spans(utterance, config):
            start, end = start_s - utterance.start_s, end_s - utterance.start_s
            # The script cuts off digits in the names of all windows but the last, and rounds in that.
            first, last = ((round(100 * t) if is_last else int(100 * t)) for t in (start, end))
            if not is_last:
                end = start + config.duration_s
            yield f"{name}-{first:08d}-{last:08d} {name} {start:.3f} {end:.3f}"


def _window_spans(segment: Segment, config: WindowConfig) -> Iterator[tuple[float, float, bool]]:
    """Start and end in seconds of each window of a stretch of speech, and whether it is the last.

    Times are added up step by step as the script does, since every addition rounds.
    """
    start_s, left_s = segment.start_s, segment.end_s - segment.start_s
    longest_s = config.duration_s if config.constant else config.duration_s + config.min_s
    while left_s > longest_s:
        yield start_s, start_s + config.duration_s, False
        start_s += config.shift_s
        left_s -= config.shift_s
    if not config.constant:
        yield start_s, segment.end_s, True
    elif left_s >= 0:  # below where windows do not touch, and the speech ends between two
        if left_s < config.min_s:
            start_s = max(segment.end_s - config.duration_s, segment.start_s)
        yield start_s, min(start_s + config.duration_s, segment.end_s), True


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--{name}={text}: expected a number") from None
