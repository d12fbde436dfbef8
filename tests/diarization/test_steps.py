"""What the steps of diarization hand to each other."""

import re

import numpy as np
import pytest

from pysid.diarization.steps import ANY_NUMBER, Clustering, SpeakerCount, Windows, check_steps


def test_windows_are_chosen_with_all_that_is_known_of_them():
    start = np.arange(4.0)
    windows = Windows(start, start + 2, np.array([0, 0, 1, 1]), apart=np.array([7, 8, 9, 9]), speech_s=np.ones(4))
    some = windows.chosen(np.array([3, 1]))
    assert len(some) == 2 and some.centre_s.tolist() == [4, 2]
    assert some.speech.tolist() == [1, 0] and some.apart.tolist() == [9, 8] and some.speech_s.tolist() == [1, 1]
    assert Windows(start, start + 2, start.astype(int)).chosen(slice(0, 2)).apart is None


def test_windows_need_as_many_starts_as_ends():
    with pytest.raises(ValueError, match="windows need as many starts as ends and indices, got 2, 1 and 2"):
        Windows(np.zeros(2), np.zeros(1), np.zeros(2, int))


@pytest.mark.parametrize(
    ("count", "given", "clipped"),
    [
        (ANY_NUMBER, None, [1, 1, 9]),
        (SpeakerCount.exactly(4), 4, [4, 4, 4]),
        (SpeakerCount(2, 6), None, [2, 2, 6]),
        (SpeakerCount(3), None, [3, 3, 9]),
        (SpeakerCount(maximum=1), 1, [1, 1, 1]),
    ],
)
def test_counts(count, given, clipped):
    assert count.given == given and [count.clip(n) for n in (0, 1, 9)] == clipped


@pytest.mark.parametrize("bounds", [(0, None), (3, 2), (1, 0), (-1, 4)])
def test_impossible_counts(bounds):
    message = f"expected 1 <= minimum <= maximum speakers, got {bounds[0]} and {bounds[1]}"
    with pytest.raises(ValueError, match=message):
        SpeakerCount(*bounds)


@pytest.mark.parametrize("n", [2.0, 2.5, "2", True])
def test_counts_are_whole_numbers(n):
    for bounds in ((n, None), (1, n)):
        with pytest.raises(TypeError, match=f"numbers of speakers must be whole numbers, got {n!r}"):
            SpeakerCount(*bounds)
    assert SpeakerCount.exactly(np.int32(2)).given == 2


def test_speakers_are_numbered_as_they_first_speak():
    posteriors = np.array([[0.1, 0.2, 0.7], [0.3, 0.1, 0.6], [0.8, 0.1, 0.1]])
    found = Clustering.in_order(np.array([2, 2, 0]), posteriors)
    assert found.labels.tolist() == [0, 0, 1] and found.n_speakers == 2
    np.testing.assert_array_equal(found.posteriors, posteriors[:, [2, 0]])  # who has no window has no column
    assert Clustering.in_order(np.array([5, -3])).labels.tolist() == [0, 1]
    assert Clustering(np.zeros(0, int)).n_speakers == 0


@pytest.mark.parametrize(
    ("steps", "local", "kind", "message"),
    [
        ({"clusterers": print}, False, TypeError, "there is no step 'clusterers'; the steps are"),
        ({"clusterer": 3}, False, TypeError, "the step 'clusterer' must be an object that can be called, got int"),
        (
            {"windows": print},
            True,
            ValueError,
            "the network of local windows does the step 'windows'; set",
        ),
    ],
)
def test_wrong_steps(steps, local, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        check_steps(steps, local=local)


def test_right_steps():
    check_steps({"windows": print, "clusterer": print}, local=False)
    check_steps({"clusterer": print}, local=True)
