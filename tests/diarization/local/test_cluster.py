"""Local speakers of windows become speakers of the recording, two of a window never the same one."""

import numpy as np
import pytest

from pysid.backend import Projection
from pysid.diarization.local.cluster import cluster_local_speakers
from pysid.diarization.local.config import LocalWindowConfig
from pysid.diarization.local.embeddings import LocalSpeakers
from pysid.diarization.steps import Clustering, SpeakerCount
from pysid.segmentation import FrameGrid
from pysid.segmentation.local_speech import LocalSpeech

ANNA, BEN = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


class ByLargestValue:
    """A clusterer of vectors near to axes; it notes what it was given."""

    def __call__(self, embeddings, windows, count):
        self.embeddings, self.windows = embeddings, windows
        _, labels = np.unique(embeddings.argmax(1), return_inverse=True)
        return Clustering(labels)


@pytest.fixture
def clusterer():
    return ByLargestValue()


def cluster(clusterer, window, slot, embeddings, clean_s, **settings):
    active = np.ones((max(window) + 1, 100, 3), bool)
    speech = LocalSpeech(FrameGrid(0.1, 0.0, 10.0), np.arange(len(active)) * 100, active, 10.0 * len(active))
    clean_s = np.array(clean_s, float)
    speakers = LocalSpeakers(np.array(window), np.array(slot), clean_s, clean_s, np.array(embeddings, np.float32))
    projection = Projection.from_parts(length_norm=False)
    config = LocalWindowConfig(**settings)
    return cluster_local_speakers(speech, speakers, clusterer, projection, SpeakerCount(), config)


def test_each_slot_gets_its_speaker(clusterer):
    table, clustering = cluster(clusterer, [0, 0, 1], [2, 0, 1], [ANNA, BEN, ANNA + 0.1], [5, 5, 5])
    assert table.tolist() == [[1, -1, 0], [-1, 0, -1]]
    assert clustering.labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(clusterer.windows.apart, [0, 0, 1])


def test_two_of_a_window_are_never_one(clusterer):
    """Both sound like Anna; the one more like her is, and the other is somebody else."""
    table, _ = cluster(clusterer, [0, 0, 1, 1], [0, 1, 0, 1], [ANNA, ANNA + 0.4 * BEN, ANNA, BEN], [5, 5, 5, 5])
    assert table[:, :2].tolist() == [[0, 1], [0, 1]]


def test_those_with_little_clean_speech_are_given_to_the_clusters_of_others(clusterer):
    embeddings = [ANNA, BEN, [0.5, 0.1, 0.9]]
    table, _ = cluster(clusterer, [0, 0, 1], [0, 1, 0], embeddings, [5, 5, 0.2], min_clustered_s=1.0)
    assert len(clusterer.embeddings) == 2
    assert table[1, 0] == 0  # the nearest of those two, though it would have been a third


def test_only_so_many_are_clustered_those_with_most_speech(clusterer):
    cluster(clusterer, [0, 1, 2], [0, 0, 0], [ANNA, BEN, ANNA], [3, 9, 4], max_clustered=2)
    np.testing.assert_allclose(clusterer.embeddings, [BEN, ANNA])
    cluster(clusterer, [0, 1], [0, 0], [ANNA, BEN], [0.3, 0.4], min_clustered_s=1.0)
    assert len(clusterer.embeddings) == 1  # where nobody has enough, the one with most of it
