from dataclasses import replace
from itertools import groupby, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.diarization.resegment import ResegmentConfig, ViterbiResegmenter, viterbi
from pysid.segments import Segment, Turn

SHIFT_S = 0.01
CONFIG = ResegmentConfig(n_components=4, switch_penalty=20.0)


def voices(*turns, dim=6, seed=0):
    """(T, D) frames of speakers that differ, one after another: (speaker, seconds) each."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(5, dim))
    labels = np.concatenate([np.full(round(seconds / SHIFT_S), speaker) for speaker, seconds in turns])
    return (means[labels] + rng.normal(size=(len(labels), dim))).astype(np.float32)


def turn(start_s, end_s, speaker):
    return Turn(Segment(start_s, end_s), speaker)


def resegment(features, speech, turns, config=CONFIG):
    return ViterbiResegmenter(config)(features, SHIFT_S, speech, turns)


def rounded(turns):
    return [(round(t.segment.start_s, 2), round(t.segment.end_s, 2), t.speaker) for t in turns]


def is_allowed(path, min_frames):
    return all(len(list(run)) >= min_frames for _, run in groupby(path))


@pytest.mark.parametrize("min_frames", [1, 2, 3, 4])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 4.0])
def test_viterbi_finds_the_best_of_all_paths(min_frames, penalty):
    for seed in range(8):
        log_p = np.random.default_rng(seed).normal(scale=2.0, size=(7, 3))

        def score(path, log_p=log_p):
            return log_p[range(7), path].sum() - penalty * np.count_nonzero(np.diff(path))

        best = max((path for path in product(range(3), repeat=7) if is_allowed(path, min_frames)), key=score)
        path = viterbi(log_p, min_frames, penalty)
        assert is_allowed(path, min_frames)
        assert score(path) == pytest.approx(score(best), rel=1e-12)


def test_a_stretch_too_short_for_a_turn_goes_to_one_speaker():
    log_p = np.array([[0.0, 5.0], [3.0, 0.0], [3.0, 0.0]])
    np.testing.assert_array_equal(viterbi(log_p, 4, 1.0), [0, 0, 0])


def test_borders_move_to_where_the_speakers_change():
    features = voices((0, 4.0), (1, 3.0), (0, 2.0))
    old = [turn(0.0, 3.6, "a"), turn(3.6, 7.4, "b"), turn(7.4, 9.0, "a")]
    new = resegment(features, [Segment(0.0, 9.0)], old)
    assert [t.speaker for t in new] == ["a", "b", "a"]
    assert [t.segment.end_s for t in new] == pytest.approx([4.0, 7.0, 9.0], abs=0.03)


def test_a_turn_that_nobody_found_is_found():
    features = voices((0, 4.0), (1, 3.0), (0, 4.0), (1, 1.5), (0, 3.0))
    old = [turn(0.0, 4.2, "a"), turn(4.2, 7.0, "b"), turn(7.0, 15.5, "a")]
    new = resegment(features, [Segment(0.0, 15.5)], old)
    assert [t.speaker for t in new] == ["a", "b", "a", "b", "a"]
    assert [t.segment.end_s for t in new[2:4]] == pytest.approx([11.0, 12.5], abs=0.06)


def test_within_reach_borders_move_as_without():
    features = voices((0, 4.0), (1, 3.0), (0, 2.0))
    speech = [Segment(0.0, 9.0)]
    turns = [turn(0.0, 4.5, "a"), turn(4.5, 6.6, "b"), turn(6.6, 9.0, "a")]
    reach = replace(CONFIG, reach_s=0.75)
    assert resegment(features, speech, turns, reach) == resegment(features, speech, turns)


def test_nobody_is_heard_out_of_reach_of_their_turns():
    features = voices((0, 4.0), (1, 3.0), (0, 2.0), (1, 2.0))
    speech = [Segment(0.0, 11.0)]
    turns = [turn(0.0, 5.5, "a"), turn(5.5, 7.0, "b"), turn(7.0, 11.0, "a")]
    assert rounded(resegment(features, speech, turns))[-1][2] == "b"
    found = rounded(resegment(features, speech, turns, replace(CONFIG, reach_s=1.0)))
    assert [name for *_, name in found] == ["a", "b", "a"]
    assert 4.5 <= found[1][0] < 4.6 and found[2][1] == 11.0  # the border comes as near as it may


def test_a_reach_beyond_the_recording_takes_no_more_than_none():
    features = voices((0, 4.0), (1, 3.0), (0, 2.0), (1, 2.0))
    turns = [turn(0.0, 5.5, "a"), turn(5.5, 7.0, "b"), turn(7.0, 11.0, "a")]
    without = resegment(features, [Segment(0.0, 11.0)], turns)
    for reach_s in (20.0, 1e300):
        assert resegment(features, [Segment(0.0, 11.0)], turns, replace(CONFIG, reach_s=reach_s)) == without


def test_where_no_turn_is_near_frames_decide():
    features = voices((0, 3.0), (1, 3.0), (0, 3.0))
    speech = [Segment(0.0, 9.0)]
    turns = [turn(0.0, 3.0, "a"), turn(3.0, 5.0, "b")]  # nobody from 5 s on
    found = resegment(features, speech, turns, replace(CONFIG, reach_s=0.5))
    assert sum(t.segment.duration_s for t in found) == pytest.approx(9.0)
    assert {t.speaker for t in found if t.segment.start_s >= 5.9} == {"a"}


def test_a_speaker_of_few_frames_can_gain_more():
    features = voices((0, 6.0), (1, 3.0), (0, 3.0))
    old = [turn(0.0, 8.2, "a"), turn(8.2, 8.8, "b"), turn(8.8, 12.0, "a")]
    new = resegment(features, [Segment(0.0, 12.0)], old, ResegmentConfig(n_components=4, n_iterations=4))
    assert [t.speaker for t in new] == ["a", "b", "a"]
    assert [t.segment.end_s for t in new] == pytest.approx([6.0, 9.0, 12.0], abs=0.05)


def test_iterating_improves():
    rng = np.random.default_rng(0)
    truth = [(i % 2, rng.uniform(0.6, 1.5)) for i in range(30)]
    features = 0.7 * voices(*truth) + rng.normal(size=(sum(round(100 * s) for _, s in truth), 6)).astype(np.float32)
    labels = np.concatenate([np.full(round(100 * s), speaker) for speaker, s in truth])
    duration_s = len(labels) * SHIFT_S
    shifted = np.roll(labels, 40)
    borders = [0, *(np.flatnonzero(np.diff(shifted)) + 1).tolist(), len(labels)]
    old = [turn(a * SHIFT_S, b * SHIFT_S, "ab"[shifted[a]]) for a, b in pairwise(borders)]

    def error(n_iterations):
        config = ResegmentConfig(n_components=2, switch_penalty=5.0, n_iterations=n_iterations)
        found = np.full(len(labels), -1)
        for x in resegment(features, [Segment(0.0, duration_s)], old, config):
            found[round(x.segment.start_s / SHIFT_S) : round(x.segment.end_s / SHIFT_S)] = "ab".index(x.speaker)
        return (found != labels).mean()

    assert (shifted != labels).mean() > 0.3
    assert error(4) < 0.05 < error(1)


def test_no_turn_is_shorter_than_asked_for():
    rng = np.random.default_rng(0)
    features = voices(*((rng.integers(0, 3), rng.uniform(0.05, 1.0)) for _ in range(40)))
    duration_s = len(features) * SHIFT_S
    old = [turn(i * duration_s / 12, (i + 1) * duration_s / 12, "abc"[i % 3]) for i in range(12)]
    speech = [Segment(0.0, 5.0), Segment(5.3, duration_s)]
    config = ResegmentConfig(n_components=4, switch_penalty=0.0, min_turn_s=0.4)
    durations = [t.segment.duration_s for t in resegment(features, speech, old, config)]
    assert min(durations) > 0.4 - 1e-9
    free = ResegmentConfig(n_components=4, switch_penalty=0.0, min_turn_s=0.0)
    assert min(t.segment.duration_s for t in resegment(features, speech, old, free)) < 0.1


def test_a_higher_penalty_gives_fewer_turns():
    rng = np.random.default_rng(1)
    features = voices(*((i % 2, rng.uniform(0.1, 1.0)) for i in range(40)))
    duration_s = len(features) * SHIFT_S
    old = [turn(i * duration_s / 12, (i + 1) * duration_s / 12, "ab"[i % 2]) for i in range(12)]
    numbers = [
        len(resegment(features, [Segment(0.0, duration_s)], old, ResegmentConfig(switch_penalty=p, n_iterations=1)))
        for p in (0.0, 5.0, 1e6)
    ]
    assert numbers[0] > numbers[1] > numbers[2] == 1


def test_overlapped_speech_is_left_alone():
    features = voices((0, 4.0), (1, 4.0))
    old = [turn(0.0, 4.4, "a"), turn(1.0, 2.0, "b"), turn(4.4, 8.0, "b")]
    new = resegment(features, [Segment(0.0, 8.0)], old)
    assert rounded(new)[:2] == [(0.0, pytest.approx(4.0, abs=0.03), "a"), (1.0, 2.0, "b")]
    assert rounded(new)[2:] == [(pytest.approx(4.0, abs=0.03), 8.0, "b")]


def test_overlapped_speech_says_nothing_of_who_speaks():
    features = voices((0, 10.5), (1, 2.0))
    old = [turn(0.0, 10.0, "a"), turn(4.0, 12.5, "b")]  # of the time that both are said to speak, it is all a's voice
    new = resegment(features, [Segment(0.0, 12.5)], old)
    assert rounded(new) == [
        (0.0, pytest.approx(10.5, abs=0.03), "a"),
        (4.0, 10.0, "b"),
        (pytest.approx(10.5, abs=0.03), 12.5, "b"),
    ]


def test_speech_without_turn_gets_its_speaker_and_turns_outside_are_cut():
    features = voices((0, 3.0), (1, 3.0), (0, 3.0))
    speech = [Segment(0.0, 2.0), Segment(3.5, 8.0)]
    old = [turn(0.0, 3.2, "a"), turn(3.4, 5.0, "b"), turn(8.5, 9.0, "b")]
    new = resegment(features, speech, old)
    assert rounded(new) == [
        (0.0, 2.0, "a"),
        (3.5, pytest.approx(6.0, abs=0.03), "b"),
        (pytest.approx(6.0, abs=0.03), 8.0, "a"),
    ]


def test_names_do_not_matter():
    features = voices((0, 3.0), (1, 3.0), (2, 3.0), (0, 2.0))
    old = [turn(0.0, 2.6, "a"), turn(2.6, 6.3, "b"), turn(6.3, 9.0, "c"), turn(9.0, 11.0, "a")]
    speech = [Segment(0.0, 11.0)]
    rename = {"a": "z", "b": "y", "c": "x"}
    renamed = [Turn(t.segment, rename[t.speaker]) for t in old]
    expected = [Turn(t.segment, rename[t.speaker]) for t in resegment(features, speech, old)]
    assert resegment(features, speech, renamed) == sorted(expected)


times = st.lists(st.integers(0, 60), min_size=2, max_size=10, unique=True).map(sorted)


@settings(max_examples=40, deadline=None)
@given(
    speech=times,
    turns=st.lists(st.tuples(st.integers(0, 55), st.integers(1, 20), st.sampled_from("abc")), max_size=8),
    jitter=st.floats(-0.007, 0.007),
)
def test_no_instant_of_speech_is_lost_and_none_added(speech, turns, jitter):
    features = voices((0, 2.0), (1, 2.0), (2, 2.0))
    borders = [max(t / 10 + jitter, 0.0) for t in speech]
    segments = [Segment(a, b) for a, b in zip(borders[::2], borders[1::2], strict=False)]
    old = [turn(start / 10, (start + n) / 10, name) for start, n, name in turns]
    new = resegment(features, segments, old, ResegmentConfig(n_components=2, n_iterations=1))
    if not old:
        assert new == []
        return
    assert {t.speaker for t in new} <= {t.speaker for t in old}
    covered = []
    for t in sorted(t.segment for t in new):
        if covered and t.start_s <= covered[-1][1] and not any(covered[-1][1] == s.end_s for s in segments):
            covered[-1][1] = max(covered[-1][1], t.end_s)
        elif covered and t.end_s <= covered[-1][1]:
            continue
        else:
            covered.append([t.start_s, t.end_s])
    assert covered == [[s.start_s, s.end_s] for s in segments]


def test_a_single_speaker_has_all_the_speech():
    speech = [Segment(0.5, 2.0), Segment(3.0, 4.0)]
    assert resegment(np.zeros((0, 3), np.float32), speech, [turn(0.6, 1.0, "a")]) == [
        turn(0.5, 2.0, "a"),
        turn(3.0, 4.0, "a"),
    ]


def test_without_turns_there_are_none():
    assert resegment(voices((0, 1.0)), [Segment(0.0, 1.0)], []) == []


def test_without_speech_there_is_none():
    assert resegment(voices((0, 1.0)), [], [turn(0.0, 0.5, "a"), turn(0.5, 1.0, "b")]) == []


def test_speech_may_last_longer_than_the_frames():
    features = voices((0, 2.0), (1, 2.0))
    new = resegment(features, [Segment(0.0, 4.02), Segment(4.03, 4.05)], [turn(0.0, 1.8, "a"), turn(1.8, 4.1, "b")])
    assert rounded(new) == [
        (0.0, pytest.approx(2.0, abs=0.03), "a"),
        (pytest.approx(2.0, abs=0.03), 4.02, "b"),
        (4.03, 4.05, "b"),
    ]


def test_missing_frames_are_an_error():
    turns = [turn(0.0, 0.5, "a"), turn(0.5, 1.0, "b")]
    with pytest.raises(ValueError, match="needs the frames of the speech, got none"):
        resegment(np.zeros((0, 3), np.float32), [Segment(0.0, 1.0)], turns)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"n_iterations": 0}, "n_iterations must be at least 1, got 0"),
        ({"relevance": 0.0}, "relevance must be a positive number, got 0.0"),
        ({"switch_penalty": -1.0}, "switch_penalty must be a number of at least 0, got -1.0"),
        ({"switch_penalty": float("inf")}, "switch_penalty must be a number of at least 0, got inf"),
        ({"reach_s": -0.1}, "reach_s must be a number of at least 0, got -0.1"),
        ({"min_turn_s": float("nan")}, "min_turn_s must be a number of at least 0, got nan"),
        ({"min_turn_s": float("inf")}, "min_turn_s must be a number of at least 0, got inf"),
        ({"seed": -1}, "seed must be a number of at least 0, got -1"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ResegmentConfig(**options)
