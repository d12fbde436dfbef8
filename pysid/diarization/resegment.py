"""Re-segmentation: the borders of turns, found on windows, moved to where the frames say they are.

Each speaker is a Gaussian mixture, adapted from one of all the speech to the frames of the speaker's turns. The new
turns are the best path through a hidden Markov model of a state for each speaker, and the mixtures are adapted to them
in turn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import maximum_filter1d

from pysid.diarization.frame_mixtures import fit_mixture
from pysid.segments import Segment, Turn

IMPOSSIBLE = -1e6  # log-likelihood of a frame; finite, for running sums
MAX_TRAINING_FRAMES = 20_000  # that the mixture of all the speech is fitted to, evenly spread


@dataclass(frozen=True, kw_only=True)
class ResegmentConfig:
    """Settings of `ViterbiResegmenter`. The defaults suit about 30 features per frame of 10 ms.

    Attributes:
        n_components: Gaussians of a mixture at most; little speech gets fewer.
        relevance: frames that the mixture of all the speech counts for in a speaker's.
        switch_penalty: nats by which another speaker must be better, summed over the frames of a turn. Neighbouring
            frames say much the same, so this is far more than the improbability of a change of speakers.
        reach_s: how far a border may move: further than this from where windows have a speaker, nobody hears them. None
            lets frames decide everywhere, which with little speech of each speaker they do badly.
        min_turn_s: a speaker speaks at least this long, except in shorter stretches of speech.
        n_iterations: how often mixtures and turns are found from each other.
        seed: of the first means of the mixture of all the speech.
    """

    kind: Literal["viterbi"] = "viterbi"
    n_components: int = 16
    relevance: float = 100.0
    switch_penalty: float = 60.0
    reach_s: float | None = None
    min_turn_s: float = 0.5
    n_iterations: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_components", "n_iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.relevance < math.inf:
            raise ValueError(f"relevance must be a positive number, got {self.relevance}")
        for name in ("switch_penalty", "reach_s", "min_turn_s", "seed"):
            if getattr(self, name) is not None and not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number of at least 0, got {getattr(self, name)}")


class ViterbiResegmenter:
    """A `Resegmenter` that gives every instant of speech to one speaker, but for those that several had already.

    Where turns overlap, all speakers are kept: such frames say nothing of who speaks, nor does anyone learn from
    them. A speaker may lose all turns; none is added. Features work best without mean normalisation over a few
    seconds, which takes away what tells speakers apart.
    """

    def __init__(self, config: ResegmentConfig = ResegmentConfig()) -> None:
        self.config = config

    def __call__(
        self, features: np.ndarray, shift_s: float, speech: Sequence[Segment], turns: Sequence[Turn]
    ) -> list[Turn]:
        """New turns that together cover `speech`, in order of time; none where there were none.

        Time is O(T S): four hours of 10 ms frames with ten speakers take 20 s, and 350 MB besides the features.

        Args:
            features: (T, D), frame t from t to t + 1 times `shift_s`.
            speech: where somebody speaks, in order, not overlapping.
            turns: what a speaker says outside of speech is left out.
        Raises:
            ValueError: there is speech, but no frame.
        """
        names = list(dict.fromkeys(turn.speaker for turn in sorted(turns)))
        if not speech or not names:
            return []
        if len(names) == 1:
            return [Turn(segment, names[0]) for segment in speech]
        if not len(features):
            raise ValueError("re-segmentation needs the frames of the speech, got none")
        stretches = [_frames_of(segment, shift_s, len(features)) for segment in speech]
        active = _activity(turns, names, shift_s, stretches, len(features))
        path = self._decode(features, shift_s, stretches, active)
        shared = active.sum(axis=1) > 1
        new_turns: list[Turn] = []
        for segment, stretch in zip(speech, stretches, strict=True):
            now = np.where(shared[stretch, None], active[stretch], path[stretch, None] == np.arange(len(names)))
            new_turns += _turns(now, segment, stretch.start, shift_s, names)
        return sorted(new_turns)

    def _decode(self, features: np.ndarray, shift_s: float, stretches: list[slice], active: np.ndarray) -> np.ndarray:
        """(T,) int: the speaker of each frame of speech, after all iterations."""
        c = self.config
        n_active = active.sum(axis=1)
        labels = np.where(n_active == 1, active.argmax(axis=1), -1)
        background = fit_mixture(features[_spread(stretches)], c.n_components, c.seed)
        min_frames = max(round(c.min_turn_s / shift_s), 1)
        path = np.full(len(features), -1)
        beyond = None if c.reach_s is None else ~_near(active, round(c.reach_s / shift_s))
        for _ in range(c.n_iterations):
            speakers = background.adapted(features, labels, active.shape[1], c.relevance)
            for stretch in stretches:
                log_p = speakers.log_densities(features[stretch])
                if beyond is not None:
                    log_p[beyond[stretch]] = IMPOSSIBLE
                log_p[n_active[stretch] > 1] = 0.0
                path[stretch] = viterbi(log_p, min_frames, c.switch_penalty)
            labels = np.where(n_active > 1, -1, path)
        return path


def viterbi(log_p: np.ndarray, min_frames: int, switch_penalty: float) -> np.ndarray:
    """The best path through states of which each, once entered, is kept for at least `min_frames`.

    In O(T S): with `total` the running sums of `log_p`, the best path up to t that is in s scores
    total_t(s) + max over the entry e <= t - min_frames of (best path up to e) - total_e(s) - penalty.

    Args:
        log_p: (T, S) log-likelihoods. With T < min_frames, one state takes all.
        switch_penalty: taken off for each change of state, in nats.
    Returns:
        (T,) int states.

    >>> viterbi(np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 5.0]]), 1, switch_penalty=2.5)
    array([0, 0, 0, 0, 1])
    """
    n_frames, n_states = log_p.shape
    if n_frames < min_frames:
        return np.full(n_frames, log_p.sum(axis=0).argmax())
    total = np.zeros((n_frames + 1, n_states))
    np.cumsum(log_p, axis=0, dtype=np.float64, out=total[1:])
    best = np.full(n_frames + 1, -np.inf)  # score of the best path up to t
    best[0] = switch_penalty  # which the first state does not pay
    state = np.zeros(n_frames + 1, dtype=np.int64)  # that this path is in
    entered = np.zeros((n_frames + 1, n_states), dtype=bool)  # min_frames before t, on the best path in s at t
    level = np.full(n_states, -np.inf)  # what the best path in s would score, less total_t
    for t in range(min_frames, n_frames + 1):
        enter = best[t - min_frames] - switch_penalty - total[t - min_frames]
        entered[t] = enter > level
        level = np.maximum(level, enter)
        score = level + total[t]
        state[t] = score.argmax()
        best[t] = score[state[t]]
    path = np.empty(n_frames, dtype=np.int64)
    end = n_frames
    while end > 0:
        t, s = end, state[end]
        while not entered[t, s]:
            t -= 1
        path[t - min_frames : end] = s
        end = t - min_frames
    return path


def _frame(time_s: float, shift_s: float) -> int:
    """The first frame whose middle does not lie before the time."""
    return max(math.ceil(time_s / shift_s - 0.5), 0)


def _frames_of(segment: Segment, shift_s: float, n_frames: int) -> slice:
    """The frames whose middle lies in the segment; where there are none, the nearest one."""
    first = min(_frame(segment.start_s, shift_s), n_frames - 1)
    return slice(first, max(min(_frame(segment.end_s, shift_s), n_frames), first + 1))


def _activity(
    turns: Sequence[Turn], names: list[str], shift_s: float, stretches: list[slice], n_frames: int
) -> np.ndarray:
    """(T, S) bool: who speaks in each frame of speech."""
    active = np.zeros((n_frames, len(names)), dtype=bool)
    for turn in turns:
        first, end = _frame(turn.segment.start_s, shift_s), _frame(turn.segment.end_s, shift_s)
        active[first:end, names.index(turn.speaker)] = True
    is_speech = np.zeros(n_frames, dtype=bool)
    for stretch in stretches:
        is_speech[stretch] = True
    active[~is_speech] = False
    return active


def _near(active: np.ndarray, reach: int) -> np.ndarray:
    """(T, S) bool: whose turns are within `reach` frames; everybody where no turn is.

    >>> _near(np.array([[1, 0, 0, 0, 0, 0]], bool).T, 2).astype(int)[:, 0].tolist()
    [1, 1, 1, 1, 1, 1]
    >>> _near(np.array([[1, 0, 0, 0], [0, 0, 1, 1]], bool).T, 1).astype(int).T.tolist()
    [[1, 1, 0, 0], [0, 1, 1, 1]]
    """
    width = 2 * min(reach, len(active)) + 1
    near = maximum_filter1d(active.view(np.uint8), width, axis=0, mode="constant").astype(bool)
    near[~near.any(axis=1)] = True
    return near


def _spread(stretches: list[slice]) -> np.ndarray:
    """Some `MAX_TRAINING_FRAMES` of the frames of speech, evenly spread."""
    frames = np.concatenate([np.arange(stretch.start, stretch.stop) for stretch in stretches])
    return frames[:: math.ceil(len(frames) / MAX_TRAINING_FRAMES)]


def _turns(active: np.ndarray, segment: Segment, first_frame: int, shift_s: float, names: list[str]) -> list[Turn]:
    """The turns within a stretch of speech of frames (T, S); the outermost frames reach to its very ends."""
    turns = []
    for name, is_on in zip(names, active.T, strict=True):
        borders = np.flatnonzero(np.diff(is_on, prepend=False, append=False)).tolist()
        for start, end in zip(borders[::2], borders[1::2], strict=True):
            start_s = segment.start_s if start == 0 else (first_frame + start) * shift_s
            end_s = segment.end_s if end == len(active) else (first_frame + end) * shift_s
            turns.append(Turn(Segment(start_s, end_s), name))
    return turns
