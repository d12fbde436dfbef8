"""Who speaks when in conversations that never took place, drawn from distributions.

Lengths of turns and how often they overlap are those of the reference of twelve half minutes of the AMI meeting corpus
(94 turns; nothing of its audio is used): the logarithm of a turn's seconds has mean 0.38 and deviation 1.04, 73 % of
changes of speaker begin before the turn before has ended, 29 % of turns lie within another one, and in 20 % of the
speech two or more speak. Conversations on the telephone and before an audience are more polite, so there are three
habits, of which one holds for a conversation.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LOG_TURN_MEAN, LOG_TURN_DEVIATION = 0.38, 1.04  # of seconds
TURN_S = (0.25, 15.0)  # shortest and longest
LOG_BACKCHANNEL_MEAN, LOG_BACKCHANNEL_DEVIATION = -0.6, 0.55
BACKCHANNEL_S = (0.2, 2.0)
INTERRUPTION_S = (0.5, 3.0)
BACKCHANNELS = 0.75  # of what others say during a turn; the rest are attempts to interrupt
MOST_OVERLAP_S = 3.0  # of a turn with the one before
QUIET = 0.25  # of conversations, with long breaks
SAME_AGAIN = 0.15  # how likely the last speaker goes on, compared with another one as talkative


@dataclass(frozen=True, kw_only=True)
class Habit:
    """How people take turns.

    Attributes:
        weight: how often conversations are of this kind, compared with the others.
        overlap: probability that a turn begins before the last one has ended.
        backchannels_per_s: how often each listener says something during a turn.
    """

    weight: float
    overlap: float
    backchannels_per_s: float

    def __post_init__(self) -> None:
        if not (0 <= self.weight < np.inf and 0 <= self.overlap <= 1 and 0 <= self.backchannels_per_s < np.inf):
            raise ValueError(f"expected a weight and a rate of at least 0, and overlap in [0, 1], got {self}")


MEETING = Habit(weight=0.42, overlap=0.65, backchannels_per_s=0.14)
POLITE = Habit(weight=0.16, overlap=0.08, backchannels_per_s=0.02)
TAKING_TURNS = Habit(weight=0.22, overlap=0.0, backchannels_per_s=0.0)
HEATED = Habit(weight=0.20, overlap=0.85, backchannels_per_s=0.35)


class Said(NamedTuple):
    """Something said by speaker `speaker`, in seconds; `aside` for backchannels and attempts to interrupt."""

    speaker: int
    start_s: float
    end_s: float
    aside: bool


def draw_turns(habit: Habit, n_speakers: int, duration_s: float, rng: np.random.Generator) -> list[Said]:
    """What is said in a conversation, by speakers of whom some say more.

    Args:
        habit: how they take turns.
        n_speakers: 0 or more; speakers are numbered from 0.
        duration_s: no turn begins later; the first may have begun before 0.
    """
    if not n_speakers:
        return []
    talkative = rng.dirichlet(np.full(n_speakers, 1.5))
    length = rng.uniform(0.6, 3.0)  # of turns, in this conversation
    pause_s = np.exp(rng.uniform(np.log(0.15), np.log(1.5)))
    break_probability = 0.6 if rng.random() < QUIET else 0.07
    said: list[Said] = []
    at, last = -rng.uniform(0, 4), -1
    while at < duration_s:
        chances = talkative.copy()
        if last >= 0 and n_speakers > 1:
            chances[last] *= SAME_AGAIN
        last = int(rng.choice(n_speakers, p=chances / chances.sum()))
        turn_s = _log_normal(rng, LOG_TURN_MEAN + np.log(length), LOG_TURN_DEVIATION, TURN_S)
        said.append(Said(last, at, at + turn_s, False))
        said += _asides(habit, said[-1], n_speakers, rng)
        at += turn_s
        if rng.random() < habit.overlap:
            at -= rng.uniform(0, min(MOST_OVERLAP_S, 0.75 * turn_s))
        else:
            at += rng.exponential(pause_s) + (rng.exponential(3.0) if rng.random() < break_probability else 0.0)
    return said


def _asides(habit: Habit, turn: Said, n_speakers: int, rng: np.random.Generator) -> list[Said]:
    """What the others say during a turn."""
    duration_s = turn.end_s - turn.start_s
    asides = []
    for speaker in set(range(n_speakers)) - {turn.speaker}:
        for _ in range(rng.poisson(habit.backchannels_per_s * duration_s)):
            short = rng.random() < BACKCHANNELS
            length_s = (
                _log_normal(rng, LOG_BACKCHANNEL_MEAN, LOG_BACKCHANNEL_DEVIATION, BACKCHANNEL_S)
                if short
                else rng.uniform(*INTERRUPTION_S)
            )
            start_s = turn.start_s + rng.uniform(0, duration_s)
            asides.append(Said(speaker, start_s, start_s + length_s, True))
    return asides


def _log_normal(rng: np.random.Generator, mean: float, deviation: float, bounds: tuple[float, float]) -> float:
    return float(np.clip(np.exp(rng.normal(mean, deviation)), *bounds))
