"""When simulated speakers speak."""

import numpy as np
import pytest

from pysid.training.segmentation.habits import HEATED, MEETING, POLITE, TAKING_TURNS, Habit, draw_turns


def shares(habit, n_speakers=3, duration_s=60.0, n=60):
    """Of the time, speech; of the speech, overlap."""
    spoken = together = total = 0
    for seed in range(n):
        active = np.zeros((n_speakers, round(100 * duration_s)), bool)
        for turn in draw_turns(habit, n_speakers, duration_s, np.random.default_rng(seed)):
            active[turn.speaker, max(0, round(100 * turn.start_s)) : max(0, round(100 * turn.end_s))] = True
        counts = active.sum(0)
        spoken, together, total = spoken + (counts > 0).sum(), together + (counts > 1).sum(), total + len(counts)
    return spoken / total, together / spoken


def test_habits_differ_in_overlap():
    overlap = [shares(habit)[1] for habit in (TAKING_TURNS, POLITE, MEETING, HEATED)]
    assert overlap[0] == 0 and overlap[1] < 0.06 and 0.15 < overlap[2] < 0.35 and overlap[3] > overlap[2]


def test_all_take_part_and_time_is_filled():
    turns = draw_turns(MEETING, 4, 300.0, np.random.default_rng(0))
    assert {turn.speaker for turn in turns} == {0, 1, 2, 3}
    assert max(turn.end_s for turn in turns) > 295 and min(turn.start_s for turn in turns) < 1
    assert all(turn.end_s > turn.start_s for turn in turns)
    assert any(turn.aside for turn in turns)


def test_turns_are_as_long_as_those_of_the_reference():
    turns = [t for s in range(200) for t in draw_turns(TAKING_TURNS, 2, 60.0, np.random.default_rng(s))]
    durations = np.array([turn.end_s - turn.start_s for turn in turns])
    assert 1.5 < np.median(durations) < 3.0  # exp(0.38) times a conversation's own 0.6 to 3
    assert durations.min() >= 0.25 - 1e-9 and durations.max() <= 15 + 1e-9


def test_nobody_and_one():
    assert draw_turns(MEETING, 0, 10.0, np.random.default_rng(0)) == []
    alone = draw_turns(HEATED, 1, 60.0, np.random.default_rng(0))
    assert {turn.speaker for turn in alone} == {0} and not any(turn.aside for turn in alone)


def test_the_same_generator_gives_the_same_turns():
    assert draw_turns(HEATED, 3, 9.0, np.random.default_rng(5)) == draw_turns(HEATED, 3, 9.0, np.random.default_rng(5))


@pytest.mark.parametrize("options", [(-1.0, 0.0, 0.0), (1.0, 1.5, 0.0), (1.0, 0.0, -0.1)])
def test_wrong_habits(options):
    with pytest.raises(ValueError, match="expected a weight and a rate of at least 0"):
        Habit(weight=options[0], overlap=options[1], backchannels_per_s=options[2])
