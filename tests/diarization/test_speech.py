from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysid.diarization.speech import AS_DECIDED, OverlapRules, SpeechConfig, speech_mask, speech_segments
from pysid.segments import Segment

SHIFT_S = 0.01
SHIFTS = st.sampled_from([0.01, 110 / 11025, 0.00125, 0.5])
SECONDS = st.integers(0, 60).map(lambda frames: frames * SHIFT_S)

masks = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=12).map(
    lambda runs: np.repeat([voiced for voiced, _ in runs], [n for _, n in runs]).astype(bool)
)


@st.composite
def configs(draw):
    offset, onset = sorted(draw(st.tuples(*[st.sampled_from([0.1, 0.3, 0.5, 0.6, 1.0])] * 2)))
    names = ("window_s", "pad_s", "min_silence_s", "min_speech_s")
    return SpeechConfig(onset=onset, offset=offset, **{name: draw(SECONDS) for name in names})


def frames(segments, shift_s=SHIFT_S):
    """Start and end of each segment, in frames."""
    return [(round(s.start_s / shift_s, 3), round(s.end_s / shift_s, 3)) for s in segments]


def voiced(text):
    return np.array([c == "#" for c in text])


def one_by_one(share, shift_s, config, duration_s):
    """The definition, frame by frame and stretch by stretch."""
    half = int(config.window_s / shift_s / 2 + 1e-6)
    stretches, active = [], False
    for k in range(len(share)):
        mean = np.mean(share[max(0, k - half) : k + half + 1])
        begins = not active and mean >= config.onset
        if begins:
            stretches.append([k, k])
        active = begins or (active and mean >= config.offset)
        if active:
            stretches[-1][1] = k + 1
    padded = [[max(0, a * shift_s - config.pad_s), min(duration_s, b * shift_s + config.pad_s)] for a, b in stretches]
    bridged = []
    for start_s, end_s in padded:
        if bridged and start_s - bridged[-1][1] <= max(1e-6, config.min_silence_s - 1e-6):
            bridged[-1][1] = max(end_s, bridged[-1][1])
        else:
            bridged.append([start_s, end_s])
    return [(a, b) for a, b in bridged if b - a > max(1e-6, config.min_speech_s - 1e-6)]


@given(masks, configs())
def test_by_the_definition(mask, config):
    ours = speech_segments(mask, SHIFT_S, config)
    expected = one_by_one(mask, SHIFT_S, config, len(mask) * SHIFT_S)
    np.testing.assert_allclose([(s.start_s, s.end_s) for s in ours], expected, rtol=0, atol=1e-9)


@given(masks, configs(), st.floats(0, 5))
def test_segments_keep_to_their_limits(mask, config, duration_s):
    segments = speech_segments(mask, SHIFT_S, config, duration_s)
    for s in segments:
        assert 0 <= s.start_s < s.end_s <= duration_s
        assert s.duration_s >= config.min_speech_s - 1e-5
    for a, b in pairwise(segments):
        assert b.start_s - a.end_s >= config.min_silence_s - 1e-5
        assert b.start_s > a.end_s


@given(masks, SHIFTS)
def test_there_and_back(mask, shift_s):
    segments = speech_segments(mask, shift_s, AS_DECIDED)
    np.testing.assert_array_equal(speech_mask(segments, len(mask), shift_s), mask)
    assert len(segments) == (np.diff(mask.astype(int), prepend=0) == 1).sum()


@given(masks, SECONDS, SECONDS)
def test_what_is_steady_stays_as_it_is(mask, min_silence_s, min_speech_s):
    config = replace(AS_DECIDED, min_silence_s=min_silence_s, min_speech_s=min_speech_s)
    once = speech_segments(mask, SHIFT_S, config)
    again = speech_segments(speech_mask(once, len(mask), SHIFT_S), SHIFT_S, config)
    assert frames(again) == frames(once)


@given(masks, configs())
def test_more_padding_and_longer_bridges_never_take_speech_away(mask, config):
    before = speech_mask(speech_segments(mask, SHIFT_S, config), len(mask), SHIFT_S)
    for wider in (
        replace(config, pad_s=config.pad_s + 0.03),
        replace(config, min_silence_s=config.min_silence_s + 0.05),
        replace(config, min_speech_s=0.0),
    ):
        assert (speech_mask(speech_segments(mask, SHIFT_S, wider), len(mask), SHIFT_S) >= before).all()


def test_frames_stand_for_the_time_up_to_the_next():
    assert speech_segments(voiced(".##..#"), 0.5, AS_DECIDED) == [Segment(0.5, 1.5), Segment(2.5, 3.0)]
    assert speech_segments(voiced(".##..#"), 0.5, AS_DECIDED, 2.75)[-1] == Segment(2.5, 2.75)
    assert speech_segments(voiced(".##..#"), 0.5, AS_DECIDED, 2.5) == [Segment(0.5, 1.5)]
    assert speech_segments(voiced("....."), 0.5) == speech_segments(voiced(""), 0.5) == []


def test_two_thresholds():
    share = np.array([0.4, 0.6, 0.8, 0.5, 0.3, 0.6, 0.2, 0.7])
    config = replace(AS_DECIDED, onset=0.7, offset=0.3)
    assert frames(speech_segments(share, SHIFT_S, config)) == [(2, 6), (7, 8)]
    assert frames(speech_segments(share, SHIFT_S, AS_DECIDED)) == [(1, 4), (5, 6), (7, 8)]


def test_a_window_shrinks_at_the_ends():
    config = replace(AS_DECIDED, window_s=0.03, onset=2 / 3, offset=2 / 3)
    assert frames(speech_segments(voiced("##.#.#.##"), SHIFT_S, config)) == [(0, 3), (4, 5), (6, 9)]


def test_a_window_may_be_longer_than_all_there_is():
    config = SpeechConfig(window_s=1e300, onset=0.5, offset=0.5, pad_s=0.0, min_silence_s=0.0, min_speech_s=0.0)
    assert speech_segments(np.array([True, True, False]), 0.01, config) == [Segment(0.0, 0.03)]


def test_a_window_has_an_odd_number_of_frames():
    for window_s, n_frames in ((0.58, 59), (0.05, 5), (0.03, 3), (0.01, 1)):  # 0.58 / 0.01 is just below 58
        config = replace(AS_DECIDED, window_s=window_s, onset=1.0, offset=1.0)
        mask = np.zeros(200, bool)
        mask[70 : 70 + n_frames] = True
        assert frames(speech_segments(mask, SHIFT_S, config)) == [(70 + n_frames // 2, 71 + n_frames // 2)]


def test_padding_goes_before_bridging_and_bridging_before_dropping():
    mask = voiced("..#.......#..................#..")
    assert frames(speech_segments(mask, SHIFT_S, replace(AS_DECIDED, pad_s=0.02))) == [(0, 5), (8, 13), (27, 32)]
    bridged = replace(AS_DECIDED, pad_s=0.02, min_silence_s=0.04)
    assert frames(speech_segments(mask, SHIFT_S, bridged)) == [(0, 13), (27, 32)]
    assert frames(speech_segments(mask, SHIFT_S, replace(bridged, min_speech_s=0.06))) == [(0, 13)]


def test_a_pause_of_just_the_least_length_stays():
    mask = voiced("#" * 7 + "." * 30 + "#" * 5)
    for min_silence_s, n_segments in ((0.3, 2), (0.31, 1)):
        assert len(speech_segments(mask, SHIFT_S, replace(AS_DECIDED, min_silence_s=min_silence_s))) == n_segments
    for min_speech_s, n_segments in ((0.05, 2), (0.06, 1), (0.07, 1), (0.08, 0)):
        assert len(speech_segments(mask, SHIFT_S, replace(AS_DECIDED, min_speech_s=min_speech_s))) == n_segments


def test_stretches_that_padding_makes_touch_are_one():
    assert frames(speech_segments(voiced("#...#....#"), SHIFT_S, replace(AS_DECIDED, pad_s=0.02))) == [(0, 10)]


def test_flicker_is_steadied():
    mask = np.zeros(500, bool)
    mask[100:300] = True
    mask[[120, 150, 151, 220]] = False
    mask[[40, 41, 400, 430]] = True
    segments = speech_segments(mask, SHIFT_S)
    assert len(segments) == 1
    assert segments[0].start_s == pytest.approx(0.94, abs=0.03) and segments[0].end_s == pytest.approx(3.13, abs=0.03)


def test_masks_of_any_segments():
    segments = [Segment(0.4, 0.6), Segment(0.0, 0.1), Segment(0.5, 0.7), Segment(0.9, 2.0), Segment(5.0, 6.0)]
    assert speech_mask(segments, 10, 0.1).tolist() == [True, False, False, False, True, True, True, False, False, True]
    assert speech_mask([Segment(0.14, 0.26)], 4, 0.1).tolist() == [False, True, True, False]
    assert speech_mask([Segment(0.15, 0.15)], 3, 0.1).tolist() == [False] * 3
    assert speech_mask([], 2, 0.1).tolist() == [False, False]
    assert speech_mask(segments, 0, 0.1).shape == (0,)


def test_a_last_frame_that_the_recording_half_fills_is_kept():
    for n_frames in range(1, 300):
        duration_s = (n_frames * 160 - 80) / 16000
        mask = np.ones(n_frames, bool)
        segments = speech_segments(mask, SHIFT_S, AS_DECIDED, duration_s)
        assert speech_mask(segments, n_frames, SHIFT_S).all()


def test_wrong_arguments():
    for onset, offset in ((0.4, 0.5), (0.5, 0.0), (1.1, 0.5)):
        with pytest.raises(ValueError, match="0 < offset <= onset <= 1 must hold"):
            SpeechConfig(onset=onset, offset=offset)
    for name in ("window_s", "pad_s", "min_silence_s", "min_speech_s"):
        for value in (-0.1, float("nan")):
            with pytest.raises(ValueError, match=f"{name} must be 0 or more seconds"):
                SpeechConfig(**{name: value})
    with pytest.raises(ValueError, match=r"voiced must be \(frames,\), got \(1, 3\)"):
        speech_segments(np.ones((1, 3), bool), 0.01)
    with pytest.raises(ValueError, match="shift_s must be positive, got 0"):
        speech_segments(np.ones(3, bool), 0)
    for wrong in (2.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=r"voiced must lie in \[0, 1\]"):
            speech_segments(np.array([0.5, wrong]), 0.01)


def test_rules_of_overlap_are_those_of_speech_without_margins() -> None:
    rules = OverlapRules(window_s=0.3, onset=0.7, offset=0.6, min_s=0.1)
    expected = SpeechConfig(window_s=0.3, onset=0.7, offset=0.6, pad_s=0, min_silence_s=0, min_speech_s=0.1)
    assert rules.as_speech == expected
    with pytest.raises(ValueError, match=r"0 < offset <= onset <= 1 must hold, got offset 0\.6, onset 0\.4"):
        OverlapRules(onset=0.4, offset=0.6)
