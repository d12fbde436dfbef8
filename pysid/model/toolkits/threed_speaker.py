"""3D-Speaker's checkpoints. Source: 3D-Speaker, speakerlab/bin/infer_sv.py and speakerlab/process/processor.py."""

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from pysid.embedding import campplus, eres2net
from pysid.embedding.campplus import CamPlusPlusConfig
from pysid.embedding.ecapa import EcapaConfig
from pysid.embedding.eres2net import ERes2NetConfig
from pysid.errors import DataError
from pysid.frontend import FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.toolkits.names import ecapa_of_speechbrain
from pysid.model.toolkits.read import KALDI_FBANK, WHOLE, ToolkitModel, build, shape

TOOLKIT = "3D-Speaker"


def read_campplus(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """CAM++, for log filter banks of waveforms in [-1, 1] minus their mean."""
    dim = shape(weights, "xvector.dense.linear.weight", 3, path)[0]
    network = CamPlusPlusConfig(embedding_dim=dim, wave_scale="unit")
    frontend = with_bands(8 * shape(weights, "xvector.tdnn.linear.weight", 3, path)[1] // network.head_channels)
    config = ModelConfig(frontend, replace(network, feature_dim=frontend.dim), WHOLE)
    built = build(config.network, campplus.published_names(weights), path, "CAM++")  # type: ignore[arg-type]
    return ToolkitModel(TOOLKIT, config, built, (path,))


def read_ecapa(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """ECAPA-TDNN, with the same features; its code is SpeechBrain's, and so are the names of its tensors."""
    channels, n_bands, _ = shape(weights, "blocks.0.conv.conv.weight", 3, path)
    pooled, _, _ = shape(weights, "mfa.conv.conv.weight", 3, path)
    attention, attended, _ = shape(weights, "asp.tdnn.conv.conv.weight", 3, path)
    squeeze, _, _ = shape(weights, "blocks.1.se_block.conv1.conv.weight", 3, path)
    width, _, _ = shape(weights, "blocks.1.res2net_block.blocks.0.conv.conv.weight", 3, path)
    try:
        network = EcapaConfig(
            feature_dim=n_bands + 1,
            wave_scale="unit",
            channels=channels,
            scale=channels // width,
            squeeze_dim=squeeze,
            pooled_dim=pooled,
            attention_dim=attention,
            global_context=attended == 3 * pooled,
            embedding_dim=shape(weights, "fc.conv.weight", 3, path)[0],
        )
    except ValueError as error:
        raise DataError(f"{path}: expected an ECAPA-TDNN: {error}") from None
    config = ModelConfig(with_bands(n_bands), network, WHOLE)
    return ToolkitModel(TOOLKIT, config, build(network, ecapa_of_speechbrain(weights), path, "ECAPA-TDNN"), (path,))


def read_eres2net(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """ERes2Net, of one embedding layer, with the same features."""
    channels = shape(weights, "conv1.weight", 4, path)[0]
    embedding_dim, pooled = shape(weights, "seg_1.weight", 2, path)
    counts = [len({name.split(".")[1] for name in weights if name.startswith(f"layer{i}.")}) for i in range(1, 5)]
    frontend = with_bands(max(1, pooled // (4 * channels)))
    try:
        network = ERes2NetConfig(
            feature_dim=frontend.dim,
            channels=channels,
            blocks=(counts[0], counts[1], counts[2], counts[3]),
            scale=len({name.split(".")[3] for name in weights if name.startswith("layer1.0.convs.")}),
            embedding_dim=embedding_dim,
        )
    except ValueError as error:
        raise DataError(f"{path}: expected an ERes2Net: {error}") from None
    config = ModelConfig(frontend, network, WHOLE)
    built = build(network, eres2net.published_names(weights), path, "ERes2Net")
    return ToolkitModel(TOOLKIT, config, built, (path,))


def with_bands(n_bands: int) -> FrontendConfig:
    """The front-end of so many mel bands."""
    return replace(KALDI_FBANK, features=replace(KALDI_FBANK.features, n_mels=n_bands))
