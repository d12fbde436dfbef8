"""3D-Speaker's checkpoints. Source: 3D-Speaker, speakerlab/bin/infer_sv.py and speakerlab/process/processor.py."""

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from pysid.embedding.campplus import CamPlusPlusConfig, published_names
from pysid.frontend import FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.toolkits.read import KALDI_FBANK, WHOLE, ToolkitModel, build, shape

TOOLKIT = "3D-Speaker"


def read_campplus(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """CAM++, for log filter banks of waveforms in [-1, 1] less their mean."""
    dim = shape(weights, "xvector.dense.linear.weight", 3, path)[0]
    network = CamPlusPlusConfig(embedding_dim=dim, wave_scale="unit")
    frontend = with_bands(8 * shape(weights, "xvector.tdnn.linear.weight", 3, path)[1] // network.head_channels)
    config = ModelConfig(frontend, replace(network, feature_dim=frontend.dim), WHOLE)
    built = build(config.network, published_names(weights), path, "CAM++")  # type: ignore[arg-type]
    return ToolkitModel(TOOLKIT, config, built, (path,))


def with_bands(n_bands: int) -> FrontendConfig:
    """The front-end of so many mel bands."""
    return replace(KALDI_FBANK, features=replace(KALDI_FBANK.features, n_mels=n_bands))
