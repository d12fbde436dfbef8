"""From frames with and without speech to stretches of speech, and back.

A detector's decisions flicker. `speech_segments` steadies them in the order of pyannote's Binarize: two thresholds on
the (here smoothed) decisions, then padding, then short pauses are bridged, then short stretches dropped. So a short
word that is joined to its neighbour is kept. Others go another way: Silero pads last, NeMo drops before it bridges.

Sources: pyannote.audio utils/signal.py, Binarize; G. Gelly and J.-L. Gauvain, "Minimum word error training of
RNN-based voice activity detection", Interspeech 2015.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pysid.segments import Segment

TOLERANCE = 1e-6  # seconds, and frames: what rounding does to sums of frame shifts


@dataclass(frozen=True, kw_only=True)
class SpeechConfig:
    """Configuration of `speech_segments`.

    The defaults gave the least missed and false speech, after AdaptiveVadConfig() and WebrtcVadConfig(
    aggressiveness=3) alike, on simulated conversations whose reference takes pauses of up to 0.8 s for speech.
    """

    window_s: float = 0.2  # decisions are averaged over this long, centred; 0 leaves them as they are
    onset: float = 0.7  # speech begins where the average, in [0, 1], reaches this
    offset: float = 0.3  # and ends where it falls below this; not above onset
    pad_s: float = 0.1  # added at either side of a stretch
    min_silence_s: float = 0.5  # shorter pauses are bridged
    min_speech_s: float = 0.2  # shorter stretches are dropped

    def __post_init__(self) -> None:
        if not 0 < self.offset <= self.onset <= 1:
            raise ValueError(f"0 < offset <= onset <= 1 must hold, got offset {self.offset}, onset {self.onset}")
        for name in ("window_s", "pad_s", "min_silence_s", "min_speech_s"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be 0 or more seconds, got {value}")


AS_DECIDED = SpeechConfig(window_s=0.0, onset=0.5, offset=0.5, pad_s=0.0, min_silence_s=0.0, min_speech_s=0.0)
"""Stretches of speech are the runs of voiced frames."""


@dataclass(frozen=True, kw_only=True)
class OverlapRules:
    """How probabilities of overlap become stretches: none is made longer, or joined with another.

    Attributes:
        window_s: over which the probability of overlap is averaged.
        onset, offset: of the probability of overlap, averaged over `window_s`; as of `SpeechConfig`.
        min_s: shorter overlaps are left out.
    """

    window_s: float = 0.2
    onset: float = 0.5
    offset: float = 0.4
    min_s: float = 0.2

    def __post_init__(self) -> None:
        self.as_speech  # noqa: B018 - for its checks

    @property
    def as_speech(self) -> SpeechConfig:
        """The same as rules for stretches of speech."""
        return SpeechConfig(
            window_s=self.window_s,
            onset=self.onset,
            offset=self.offset,
            pad_s=0.0,
            min_silence_s=0.0,
            min_speech_s=self.min_s,
        )


def speech_segments(
    voiced: np.ndarray,
    shift_s: float,
    config: SpeechConfig = SpeechConfig(),
    duration_s: float | None = None,
) -> list[Segment]:
    """Stretches of speech, from a decision for each frame; frame k stands for [k shift_s, (k + 1) shift_s).

    Args:
        voiced: (T,) bool, or the share or probability of speech in [0, 1].
        shift_s: time from one frame to the next.
        duration_s: length of the recording, where segments end at the latest; None: T shift_s.
    Returns:
        In order, disjoint, within [0, duration_s]; each at least min_speech_s long, any two at least
        min_silence_s apart.
    Raises:
        ValueError: `voiced` is not (T,), not finite, or not within [0, 1]; a shift that is not positive.

    >>> speech_segments(np.array([0, 1, 1, 0, 1, 0, 0, 1], bool), 0.5, AS_DECIDED)
    [Segment(start_s=0.5, end_s=1.5), Segment(start_s=2.0, end_s=2.5), Segment(start_s=3.5, end_s=4.0)]
    """
    share = _checked(voiced, shift_s)
    half = int(config.window_s / shift_s / 2 + TOLERANCE)
    active = _hysteresis(_smoothed(share, half), config.onset, config.offset)
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False)) * shift_s
    if not len(edges):
        return []
    end_s = len(share) * shift_s if duration_s is None else duration_s
    starts = (edges[::2] - config.pad_s).clip(0, end_s)
    ends = (edges[1::2] + config.pad_s).clip(0, end_s)
    apart = starts[1:] - ends[:-1] > max(TOLERANCE, config.min_silence_s - TOLERANCE)
    starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
    long_enough = ends - starts > max(TOLERANCE, config.min_speech_s - TOLERANCE)
    return list(map(Segment, starts[long_enough].tolist(), ends[long_enough].tolist()))


def speech_mask(segments: Iterable[Segment], n_frames: int, shift_s: float) -> np.ndarray:
    """(n_frames,) bool: the frames in any of the segments, whose borders move to the nearest borders of frames.

    Args:
        segments: in any order.
        n_frames: T.
        shift_s: from one frame to the next.

    >>> speech_mask([Segment(0.5, 1.1)], 4, 0.5)
    array([False,  True, False, False])
    """
    times = np.array([(s.start_s, s.end_s) for s in segments], np.float64).reshape(-1, 2)
    first, end = np.floor(times / shift_s + 0.5 + TOLERANCE).clip(0, n_frames).astype(np.int64).T
    begun = np.bincount(first, minlength=n_frames + 1) - np.bincount(end, minlength=n_frames + 1)
    return np.asarray(begun.cumsum()[:n_frames] > 0)


def _checked(voiced: np.ndarray, shift_s: float) -> np.ndarray:
    """(T,) float64."""
    if voiced.ndim != 1:
        raise ValueError(f"voiced must be (frames,), got {voiced.shape}")
    if not shift_s > 0:
        raise ValueError(f"shift_s must be positive, got {shift_s}")
    share = voiced.astype(np.float64)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"voiced must lie in [0, 1], got {share.min():g} to {share.max():g}")
    return share


def _smoothed(share: np.ndarray, half: int) -> np.ndarray:
    """(T,) mean over each frame and `half` frames on either side; there are fewer of them at the ends."""
    if half == 0:
        return share
    half = min(half, len(share))  # which may be any number
    t, total = np.arange(len(share)), np.concatenate([[0.0], share.cumsum()])
    first, end = (t - half).clip(0), (t + half + 1).clip(max=len(share))
    return (total[end] - total[first]) / (end - first)


def _hysteresis(share: np.ndarray, onset: float, offset: float) -> np.ndarray:
    """(T,) bool: True from where the share reaches onset until it falls below offset; False before."""
    decided = (share >= onset) | (share < offset)
    last = np.maximum.accumulate(np.where(decided, np.arange(len(share)), -1))
    return (last >= 0) & (share[last] >= onset)
