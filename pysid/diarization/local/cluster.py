"""Which local speakers are one: those with enough clean speech are clustered, then all are given to the clusters."""

import numpy as np

from pysid.backend.normalize import length_normalize
from pysid.backend.projection import Projection
from pysid.diarization.local.assign import assign_one_to_one, mean_directions
from pysid.diarization.local.config import LocalWindowConfig
from pysid.diarization.local.embeddings import LocalSpeakers
from pysid.diarization.steps import Clusterer, Clustering, SpeakerCount
from pysid.segmentation.local_speech import LocalSpeech


def cluster_local_speakers(
    speech: LocalSpeech,
    speakers: LocalSpeakers,
    clusterer: Clusterer,
    projection: Projection,
    count: SpeakerCount,
    config: LocalWindowConfig,
) -> tuple[np.ndarray, Clustering]:
    """Gives each local speaker to a speaker of the recording.

    Args:
        speakers: at least one.
        projection: of a back-end; after it, directions are compared with the clusters' means.
    Returns:
        labels: (W, S) int: the speaker that each local one is, all of a window different; -1 where there is none.
        clustering: of `speakers` by themselves, several of a window in one cluster where there are too few.
    """
    chosen = _with_most_speech(speakers.clean_s, config)
    windows = speakers.windows(speech, chosen)
    labels = clusterer(speakers.embeddings[chosen], windows, count).labels
    x = length_normalize(projection.transform(speakers.embeddings), scale_up=False)
    similarity = x @ mean_directions(x[chosen], labels, int(labels.max()) + 1).T
    own = assign_one_to_one(similarity, speakers.window)
    table = np.full((len(speech.starts), speech.active.shape[2]), -1, np.int64)
    table[speakers.window, speakers.slot] = own
    return table, Clustering(np.where(own < 0, similarity.argmax(1), own))


def _with_most_speech(clean_s: np.ndarray, config: LocalWindowConfig) -> np.ndarray:
    """Indices, in order, of the local speakers to cluster: at least one."""
    enough = np.flatnonzero(clean_s >= min(config.min_clustered_s, clean_s.max()))
    if len(enough) > config.max_clustered:
        enough = enough[np.argsort(-clean_s[enough], kind="stable")[: config.max_clustered]]
    return np.sort(enough)
