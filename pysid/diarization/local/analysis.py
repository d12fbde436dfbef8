"""The two halves of diarization from local segmentation: what is costly, and who is who."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pysid.backend.projection import Projection
from pysid.diarization.local.cluster import cluster_local_speakers
from pysid.diarization.local.config import LocalWindowConfig
from pysid.diarization.local.embeddings import LocalSpeakers, embed_local_speakers
from pysid.diarization.local.stitch import filled, segments_of, stitch, turns_of
from pysid.diarization.steps import Clusterer, Clustering, SpeakerCount, Windows
from pysid.embedding.masked import MaskedEmbedder
from pysid.frontend import RecordingFeatures
from pysid.model.speaker_model import SpeakerModel
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segments import Segment, Turn


@dataclass(frozen=True, eq=False)
class LocalAnalysis:
    """A recording whose local speakers are known.

    Attributes:
        speech: who speaks in each window.
        speakers: the local speakers with an embedding.
        known: where somebody speaks, in order and not overlapping, where that was given.
    """

    speech: LocalSpeech
    speakers: LocalSpeakers
    known: Sequence[Segment] | None = None

    @cached_property
    def windows(self) -> Windows:
        """Of all local speakers."""
        return self.speakers.windows(self.speech, np.arange(len(self.speakers)))

    @property
    def speech_segments(self) -> list[Segment]:
        """Where anybody speaks."""
        if self.known is not None:
            return list(self.known)
        anybody = stitch(self.speech, np.where(self.speech.active.any(1), 0, -1), 1)
        return segments_of(anybody[:, 0], self.speech)


def analyse_locally(
    model: SpeakerModel,
    features: RecordingFeatures,
    speech: LocalSpeech,
    known: Sequence[Segment] | None,
    config: LocalWindowConfig,
) -> LocalAnalysis:
    """Embeds the local speakers of a recording.

    Args:
        known: where somebody speaks; what is heard elsewhere does not count. None where that is not known.
    """
    if known is not None:
        speech = replace(speech, active=speech.active & speech.within(known)[:, :, None])
    shift_s = features.shift_s
    embedder = MaskedEmbedder(
        model.network, features.normalized, len(features), round(config.chunk_s / shift_s), model.config.extract
    )
    speakers = embed_local_speakers(speech, embedder, shift_s, model.config.network.embedding_dim, config)
    return LocalAnalysis(speech, speakers, known)


def assign_locally(
    local: LocalAnalysis,
    clusterer: Clusterer,
    projection: Projection,
    count: SpeakerCount,
    config: LocalWindowConfig,
    overlap: bool = True,
) -> tuple[list[Turn], Clustering, list[str]]:
    """The turns of a recording with at least one local speaker, who each of these is, and the speakers' names.

    Args:
        projection: see `cluster_local_speakers`.
        overlap: several may speak at once.
    """
    labels, clustering = cluster_local_speakers(local.speech, local.speakers, clusterer, projection, count, config)
    names = [f"speaker{i + 1}" for i in range(clustering.n_speakers)]
    active = stitch(local.speech, labels, len(names), most=None if overlap else 1)
    if local.known is not None:
        active = filled(active, local.speech.on_grid(local.known))
    return turns_of(active, local.speech, names), clustering, names
