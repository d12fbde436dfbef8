"""From settings to the objects that do the work."""

from pysid.backend.chain import Backend, PldaBackend
from pysid.diarization.affinity import CosineAffinityConfig, PldaAffinityConfig, make_affinity
from pysid.diarization.ahc import Ahc, AhcConfig
from pysid.diarization.centroid import Centroid, CentroidConfig
from pysid.diarization.linkage import Linkage, LinkageConfig
from pysid.diarization.spectral import Spectral, SpectralConfig
from pysid.diarization.steps import Affinity, Clusterer
from pysid.diarization.vbx import Vbx, VbxConfig
from pysid.errors import DataError


def make_clusterer(
    config: AhcConfig | CentroidConfig | LinkageConfig | SpectralConfig | VbxConfig,
    affinity: CosineAffinityConfig | PldaAffinityConfig | Affinity,
    backend: Backend,
) -> Clusterer:
    """The clusterer that a configuration names.

    Args:
        affinity: how alike windows are: what a configuration names, or an object.
    Raises:
        DataError: it needs PLDA, and the back-end has none.
    """
    compare: Affinity
    if isinstance(affinity, CosineAffinityConfig | PldaAffinityConfig):
        compare = make_affinity(affinity, backend)
    else:
        compare = affinity
    if isinstance(config, AhcConfig):
        return Ahc(config, compare)
    if isinstance(config, CentroidConfig):
        return Centroid(config)
    if isinstance(config, LinkageConfig):
        return Linkage(config, compare)
    if isinstance(config, SpectralConfig):
        return Spectral(config, compare)
    if not isinstance(backend, PldaBackend):
        raise DataError("VBx needs a PLDA back-end, and this model has none: take ahc or spectral clustering")
    start, short_start = (make_clusterer(c, affinity, backend) for c in (config.start, config.short_start))
    return Vbx(config, backend, start, short_start)
