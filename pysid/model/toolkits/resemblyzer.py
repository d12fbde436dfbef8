"""Resemblyzer's `pretrained.pt`, and checkpoints trained like it (Real-Time-Voice-Cloning's `encoder.pt`).

Scores are cosines. Source: Resemblyzer, resemblyzer/voice_encoder.py, resemblyzer/hparams.py.
"""

from pathlib import Path

from torch import Tensor

from pysid.embedding.extract import ExtractConfig
from pysid.embedding.lstm import LstmConfig
from pysid.frontend import FrontendConfig, PauseCutConfig, StftMelConfig
from pysid.model.config import ModelConfig
from pysid.model.toolkits.read import ToolkitModel, build, shape

TOOLKIT = "Resemblyzer"
OF_THE_LOSS = ("similarity_weight", "similarity_bias")


def read(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """The LSTM of GE2E, for mel powers of speech that is loud enough, pauses cut out."""
    gates, n_mels = shape(weights, "lstm.weight_ih_l0", 2, path)
    embedding_dim, _ = shape(weights, "linear.weight", 2, path)
    layers = sum(name.startswith("lstm.weight_ih_l") for name in weights)
    network = LstmConfig(feature_dim=n_mels, hidden_dim=gates // 4, layers=layers, embedding_dim=embedding_dim)
    features = StftMelConfig(
        n_mels=n_mels, window_type="hann", filters="librosa", scale="power", tail_frames=network.tail_frames
    )
    frontend = FrontendConfig(features=features, vad=PauseCutConfig(), least_dbfs=-30.0)
    config = ModelConfig(frontend, network, ExtractConfig(chunk_size=-1, min_chunk_size=1))
    own = {name: x for name, x in weights.items() if name not in OF_THE_LOSS}
    return ToolkitModel(TOOLKIT, config, build(network, own, path, "GE2E's LSTM"), (path,))
