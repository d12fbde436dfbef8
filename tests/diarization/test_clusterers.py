"""Which object does what a configuration names."""

import numpy as np
import pytest

from pysid.backend import CosineBackend, Plda, PldaBackend
from pysid.diarization.affinity import CosineAffinity, CosineAffinityConfig, PldaAffinity, PldaAffinityConfig
from pysid.diarization.ahc import Ahc, AhcConfig
from pysid.diarization.centroid import Centroid, CentroidConfig
from pysid.diarization.clusterers import make_clusterer
from pysid.diarization.linkage import Linkage, LinkageConfig
from pysid.diarization.spectral import Spectral, SpectralConfig
from pysid.diarization.steps import SpeakerCount, Windows
from pysid.diarization.vbx import Vbx, VbxConfig
from pysid.errors import DataError

PLDA = PldaBackend.from_parts(Plda.from_parameters(np.zeros(4), np.eye(4), [40.0, 30.0, 20.0, 10.0]))
KINDS = {
    Ahc: AhcConfig(),
    Centroid: CentroidConfig(threshold=0.5),
    Linkage: LinkageConfig(),
    Spectral: SpectralConfig(),
    Vbx: VbxConfig(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_tells_two_voices_apart(kind):
    rng = np.random.default_rng(0)
    centres = np.array([[9.0, 0, 0, 0], [0, 9.0, 0, 0]])
    x = np.concatenate([centre + 0.3 * rng.standard_normal((20, 4)) for centre in centres])
    clusterer = make_clusterer(KINDS[kind], CosineAffinityConfig(), PLDA)
    assert type(clusterer) is kind
    starts_s = np.arange(40) * 0.75
    labels = clusterer(x, Windows(starts_s, starts_s + 1.5, np.zeros(40, int)), SpeakerCount.exactly(2)).labels
    assert len(set(labels[:20])) == len(set(labels[20:])) == 1 and labels[0] != labels[-1]


def test_the_affinity_is_the_one_named_or_given():
    assert isinstance(make_clusterer(AhcConfig(), PldaAffinityConfig(), PLDA).affinity, PldaAffinity)
    assert isinstance(make_clusterer(AhcConfig(), CosineAffinityConfig(), PLDA).affinity, CosineAffinity)
    own = object()
    assert make_clusterer(AhcConfig(), own, PLDA).affinity is own


@pytest.mark.parametrize("config", [VbxConfig(), AhcConfig()])
def test_plda_must_be_there_where_it_is_needed(config):
    with pytest.raises(DataError, match="PLDA"):
        make_clusterer(config, PldaAffinityConfig(), CosineBackend())
