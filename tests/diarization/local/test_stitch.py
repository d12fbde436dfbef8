"""Activities of windows added up."""

import numpy as np
import pytest

from pysid.diarization.local.stitch import filled, segments_of, stitch, turns_of
from pysid.segmentation import FrameGrid
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segments import Segment


def windows_of(truth: np.ndarray, size: int, shift: int, seed: int = 0) -> tuple[LocalSpeech, np.ndarray]:
    """The windows of what is true, (T, C) bool, their local speakers in any order; and who they are."""
    rng = np.random.default_rng(seed)
    starts = np.arange(0, len(truth) - size + 1, shift)
    active = np.zeros((len(starts), size, 3), bool)
    labels = np.full((len(starts), 3), -1)
    for w, start in enumerate(starts):
        slots = rng.permutation(3)
        for slot, speaker in zip(slots, np.flatnonzero(truth[start : start + size].any(0)), strict=False):
            active[w, :, slot] = truth[start : start + size, speaker]
            labels[w, slot] = speaker
    return LocalSpeech(FrameGrid(0.1, 0.0, size / 10), starts, active, len(truth) / 10), labels


def test_windows_that_agree_give_back_the_truth() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat(rng.random((40, 3)) < 0.4, 5, axis=0)
    truth[truth.sum(1) > 2] = False
    speech, labels = windows_of(truth, 40, 10)
    np.testing.assert_array_equal(stitch(speech, labels, 3), truth)


def test_one_at_a_time() -> None:
    truth = np.ones((80, 2), bool)
    truth[:40, 1] = False
    speech, labels = windows_of(truth, 40, 10)
    exclusive = stitch(speech, labels, 2, most=1)
    assert (exclusive.sum(1) == 1).all()


def test_one_window_of_four_that_errs_is_overruled() -> None:
    truth = np.zeros((100, 2), bool)
    truth[:, 0] = True
    speech, labels = windows_of(truth, 40, 10)
    speech.active[3, :20, labels[3] == 0] = False
    labels[4] = np.where(labels[4] == 0, 1, labels[4])  # one is taken for somebody else
    np.testing.assert_array_equal(stitch(speech, labels, 2), truth)


def test_blocks_of_a_long_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    speech, labels = windows_of(np.repeat(rng.random((60, 3)) < 0.4, 5, axis=0), 40, 20)
    whole = stitch(speech, labels, 3)
    monkeypatch.setattr("pysid.diarization.local.stitch.BLOCK", 7)
    np.testing.assert_array_equal(stitch(speech, labels, 3), whole)


def test_turns() -> None:
    active = np.array([[1, 0], [1, 0], [1, 1], [0, 1]], bool)
    speech = LocalSpeech(FrameGrid(1.0, 0.5, 4.0), np.array([0]), np.zeros((1, 4, 3), bool), 4.8)
    turns = turns_of(active, speech, ["anna", "ben"])
    assert [(t.segment, t.speaker) for t in turns] == [(Segment(0.0, 3.5), "anna"), (Segment(2.5, 4.8), "ben")]


def test_turns_end_with_the_recording() -> None:
    speech = LocalSpeech(FrameGrid(1.0, 0.0, 4.0), np.array([0]), np.zeros((1, 4, 3), bool), 3.4)
    assert segments_of(np.array([0, 0, 1, 1], bool), speech) == [Segment(2.0, 3.4)]


def test_nobody_to_fill_with() -> None:
    assert not filled(np.zeros((3, 2), bool), np.ones(3, bool)).any()
