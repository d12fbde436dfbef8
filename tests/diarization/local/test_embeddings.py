"""Which frames each local speaker's embedding is of."""

import numpy as np
import pytest

from pysid.diarization.local.config import LocalWindowConfig
from pysid.diarization.local.embeddings import embed_local_speakers
from pysid.segmentation import FrameGrid
from pysid.segmentation.local_speech import LocalSpeech


class Recorder:
    """An embedder whose embedding of a part is its number of frames; it notes the masks."""

    def __init__(self, n_frames):
        self.n_frames, self.calls = n_frames, []

    def __call__(self, first, masks):
        self.calls.append((first, masks))
        return masks.sum(1, keepdims=True).astype(np.float32)


def speech(active, starts):
    active = np.array(active, bool)
    return LocalSpeech(FrameGrid(0.1, 0.0, active.shape[1] / 10), np.array(starts), active, 2.0)


@pytest.fixture
def two_windows():
    """Ten frames of 0.1 s each: in the first, two speakers with an overlap of 0.2 s; in the second, one for 0.1 s."""
    first = [[1, 0]] * 4 + [[1, 1]] * 2 + [[0, 1]] * 4
    second = [[0, 1]] + [[0, 0]] * 9
    return speech([first, second], [0, 10])


def test_overlap_is_left_out_where_there_is_enough_else(two_windows):
    embedder = Recorder(200)
    found = embed_local_speakers(two_windows, embedder, 0.01, 1, LocalWindowConfig(min_clean_s=0.3, min_speech_s=0.05))
    assert (found.window.tolist(), found.slot.tolist(), len(found)) == ([0, 0, 1], [0, 1, 1], 3)
    np.testing.assert_allclose(found.speech_s, [0.6, 0.6, 0.1])
    np.testing.assert_allclose(found.clean_s, [0.4, 0.4, 0.1])
    assert found.embeddings[:, 0].tolist() == [40, 40, 10]  # frames of 10 ms
    (first, masks), (second, late) = embedder.calls
    assert (first, masks.shape, second, late.shape) == (0, (2, 100), 100, (1, 100))
    assert masks[0, :40].all() and not masks[0, 40:].any() and not masks[1, :60].any() and masks[1, 60:].all()


def test_overlap_counts_where_there_is_little_else(two_windows):
    embedder = Recorder(200)
    found = embed_local_speakers(two_windows, embedder, 0.01, 1, LocalWindowConfig(min_clean_s=0.5))
    assert found.embeddings[:2, 0].tolist() == [60, 60]


def test_who_speaks_too_little_has_no_embedding(two_windows):
    found = embed_local_speakers(two_windows, Recorder(200), 0.01, 1, LocalWindowConfig(min_speech_s=0.2))
    assert found.window.tolist() == [0, 0]
    nobody = embed_local_speakers(two_windows, Recorder(200), 0.01, 7, LocalWindowConfig(min_speech_s=5))
    assert len(nobody) == 0 and nobody.embeddings.shape == (0, 7)


def test_a_part_past_the_last_feature_frame_gets_the_nearest_one():
    """The recording has 90 feature frames; who speaks in the last 100 ms alone is still heard in one of them."""
    late = speech([[[0]] * 9 + [[1]]], [0])
    embedder = Recorder(90)
    embed_local_speakers(late, embedder, 0.01, 1, LocalWindowConfig(min_speech_s=0.05))
    ((first, masks),) = embedder.calls
    assert (first, masks.shape) == (0, (1, 90))
    assert masks[0].nonzero()[0].tolist() == [89]


def test_a_clusterer_is_told_times_and_who_is_apart(two_windows):
    found = embed_local_speakers(two_windows, Recorder(200), 0.01, 1, LocalWindowConfig(min_speech_s=0.05))
    windows = found.windows(two_windows, np.array([1, 2]))
    assert (windows.start_s.tolist(), windows.end_s.tolist()) == ([0.0, 1.0], [1.0, 2.0])
    assert windows.apart.tolist() == [0, 1]
    np.testing.assert_allclose(windows.speech_s, [0.4, 0.1])  # windows do not overlap: all of it counts once
