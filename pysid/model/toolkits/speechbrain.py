"""A folder of SpeechBrain: `hyperparams.yaml` with `embedding_model.ckpt`, of its ECAPA-TDNN, x-vector or ResNet.

Scores are cosines of the embeddings as they come, as those of `SpeakerRecognition.verify_batch`, so that
`mean_var_norm_emb.ckpt` is not looked at. Source: speechbrain/inference/{classifiers,speaker}.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from pysid.config import from_plain
from pysid.embedding import preactivated_resnet, time_delay
from pysid.embedding.ecapa import EcapaConfig
from pysid.embedding.preactivated_resnet import PreactivatedResNetConfig
from pysid.embedding.time_delay import TimeDelayConfig
from pysid.errors import DataError
from pysid.frontend import FrontendConfig, StftMelConfig
from pysid.io.checkpoint import read_checkpoint
from pysid.model.config import ModelConfig
from pysid.model.toolkits.hyperparams import CLASS, read_hyperparams
from pysid.model.toolkits.names import ecapa_of_speechbrain
from pysid.model.toolkits.read import WHOLE, ToolkitModel, build, only

TOOLKIT = "SpeechBrain"
SETTINGS, WEIGHTS = "hyperparams.yaml", "embedding_model.ckpt"

ECAPA = "speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN"
XVECTOR = "speechbrain.lobes.models.Xvector.Xvector"
RESNET = "speechbrain.lobes.models.ResNet.ResNet"
LEAKY_SLOPE = 0.01  # of torch.nn.LeakyReLU
MOST = 100_000  # channels and such
MOST_BLOCKS = 100
MOST_TAPS = 1000  # frames that a layer sees

SpeechBrainConfig = EcapaConfig | TimeDelayConfig | PreactivatedResNetConfig
FBANK = "speechbrain.lobes.features.Fbank"
NORMALIZATION = "speechbrain.processing.features.InputNormalization"
OF_NORM = {"norm_type", "std_norm", "update_until_epoch", "avoid_padding_norm", "epsilon", "device"}


def claims(path: Path) -> bool:
    """Whether a folder has SpeechBrain's `hyperparams.yaml`."""
    return (path / SETTINGS).is_file()


def read(path: Path) -> ToolkitModel:
    """The model in a folder; of the settings only plain values and references to one another are read, nothing is run.

    Raises:
        DataError: a file is missing or damaged, or its network is not one that is read.
    """
    where = path / SETTINGS
    settings = read_hyperparams(where)
    features = _features(_group(settings, "compute_features", FBANK, where), where)
    norm = _group(settings, "mean_var_norm", NORMALIZATION, where)
    if norm.get("norm_type", "global") != "sentence" or norm.get("std_norm", True):
        raise DataError(f"{where}: mean_var_norm must be of norm_type sentence without std_norm, got {norm}")
    only(norm, OF_NORM, {"mean_norm": True, "avg_factor": None, "length_dim": 1}, f"{where}: mean_var_norm")
    given = settings.get("embedding_model")
    kind = given.get(CLASS) if isinstance(given, dict) else None
    make = NETWORKS.get(str(kind))
    if make is None:
        raise DataError(f"{where}: expected embedding_model to be one of {', '.join(NETWORKS)}, got {kind!r}")
    network = make(_group(settings, "embedding_model", str(kind), where), features.n_mels, where)
    config = ModelConfig(FrontendConfig(features=features), network, WHOLE)
    weights = _names(network, read_checkpoint(path / WEIGHTS))
    built = build(network, weights, path / WEIGHTS, f"that {SETTINGS} describes")
    return ToolkitModel(TOOLKIT, config, built, (where, path / WEIGHTS))


def _group(settings: dict[str, Any], name: str, kind: str, where: Path) -> dict[str, Any]:
    """The settings of an object that must be of the class `kind`."""
    found = settings.get(name)
    if not isinstance(found, dict) or found.get(CLASS) != kind:
        got = found.get(CLASS) if isinstance(found, dict) else found
        raise DataError(f"{where}: expected {name} to be a {kind}, got {got!r}")
    return {k: v for k, v in found.items() if k != CLASS}


def _features(given: dict[str, Any], where: Path) -> StftMelConfig:
    names = {
        "sample_rate": "sample_rate",
        "f_min": "low_hz",
        "f_max": "high_hz",
        "n_fft": "n_fft",
        "n_mels": "n_mels",
        "win_length": "window_ms",
        "hop_length": "shift_ms",
    }
    plain = {"n_mels": 40} | {ours: given[theirs] for theirs, ours in names.items() if given.get(theirs) is not None}
    fixed = {"deltas": False, "context": False, "requires_grad": False, "filter_shape": "triangular"}
    only(given, {*names, "left_frames", "right_frames"}, fixed, f"{where}: compute_features")
    return from_plain(StftMelConfig, plain, f"{where}: compute_features")


def _ecapa(given: dict[str, Any], n_mels: int, where: Path) -> EcapaConfig:
    channels = given.get("channels", [512, 512, 512, 512, 1536])
    dilations = given.get("dilations", [1, 2, 3, 4, 1])
    kernels = given.get("kernel_sizes", [5, 3, 3, 3, 1])
    lists = (channels, dilations, kernels)
    if not all(isinstance(x, list) and len(x) == len(channels) > 2 for x in lists) or kernels != [
        5,
        *[3] * (len(channels) - 2),
        1,
    ]:
        raise DataError(f"{where}: embedding_model: expected kernel_sizes 5, 3 for each block and 1, got {kernels}")
    if len(set(channels[:-1])) != 1 or (dilations[0], dilations[-1]) != (1, 1):
        raise DataError(
            f"{where}: embedding_model: expected blocks of as many channels, and dilations from 1 to 1, got {channels} "
            f"and {dilations}"
        )
    names = {
        "input_size": "feature_dim",
        "lin_neurons": "embedding_dim",
        "attention_channels": "attention_dim",
        "res2net_scale": "scale",
        "se_channels": "squeeze_dim",
        "global_context": "global_context",
    }
    only(
        given,
        {*names, "channels", "dilations", "kernel_sizes", "dropout", "device"},
        {"groups": [1] * len(channels), "activation": {CLASS: "torch.nn.ReLU", "": ""}},
        f"{where}: embedding_model",
    )
    plain = {ours: given[theirs] for theirs, ours in names.items() if theirs in given}
    plain |= {"skip_energy": False, "channels": channels[0], "pooled_dim": channels[-1], "dilations": dilations[1:-1]}
    plain.setdefault("feature_dim", n_mels)
    return from_plain(EcapaConfig, plain, f"{where}: embedding_model")


def _xvector(given: dict[str, Any], n_mels: int, where: Path) -> TimeDelayConfig:
    place = f"{where}: embedding_model"
    known = {"tdnn_blocks", "tdnn_channels", "tdnn_kernel_sizes", "tdnn_dilations", "lin_neurons", "in_channels"}
    only(given, known | {"device"}, {"activation": {CLASS: "torch.nn.LeakyReLU", "": ""}}, place)
    channels = _sizes(given, "tdnn_channels", [512, 512, 512, 512, 1500], place)
    kernels = _sizes(given, "tdnn_kernel_sizes", [5, 3, 3, 1, 1], place)
    dilations = _sizes(given, "tdnn_dilations", [1, 2, 3, 1, 1], place)
    if not given.get("tdnn_blocks", 5) == len(channels) == len(kernels) == len(dilations):
        raise DataError(f"{place}: expected lists of tdnn_blocks numbers, got {channels}, {kernels} and {dilations}")
    if any(kernel % 2 == 0 or kernel > MOST_TAPS for kernel in kernels):
        raise DataError(f"{place}: expected odd tdnn_kernel_sizes up to {MOST_TAPS}, got {kernels}")
    layers = [
        {"dim": dim, "offsets": [dilation * (i - kernel // 2) for i in range(kernel)]}
        for dim, kernel, dilation in zip(channels, kernels, dilations, strict=True)
    ]
    plain = {
        "feature_dim": given.get("in_channels", n_mels),
        "skip_energy": False,
        "frame_layers": layers,
        "padding": "reflect",
        "slope": LEAKY_SLOPE,
        "norm_affine": True,
        "variance_offset": 0.0,
        "segment_dims": [given.get("lin_neurons", 512)],
    }
    return from_plain(TimeDelayConfig, plain, place)


def _resnet(given: dict[str, Any], n_mels: int, where: Path) -> PreactivatedResNetConfig:
    place = f"{where}: embedding_model"
    known = {"input_size", "channels", "block_sizes", "strides", "lin_neurons", "device"}
    only(given, known, {"activation": {CLASS: "torch.nn.ReLU", "": ""}}, place)
    plain = {
        "feature_dim": given.get("input_size", n_mels),
        "skip_energy": False,
        "channels": _sizes(given, "channels", [128, 128, 256, 256], place),
        "blocks": _sizes(given, "block_sizes", [3, 4, 6, 3], place),
        "strides": _sizes(given, "strides", [1, 2, 2, 2], place),
        "embedding_dim": given.get("lin_neurons", 256),
    }
    if max(plain["blocks"]) > MOST_BLOCKS or len(plain["blocks"]) != 4:
        raise DataError(f"{place}: expected four stages of at most {MOST_BLOCKS} blocks, got {plain['blocks']}")
    return from_plain(PreactivatedResNetConfig, plain, place)


def _sizes(given: dict[str, Any], name: str, default: list[int], place: str) -> list[int]:
    found = given.get(name, default)
    is_list = isinstance(found, list) and 0 < len(found) <= MOST_BLOCKS
    if not is_list or not all(type(x) is int and 0 < x <= MOST for x in found):
        raise DataError(f"{place}: {name} must be a list of whole numbers from 1 to {MOST}, got {found!r}")
    return list(found)


def _names(network: SpeechBrainConfig, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by our names."""
    if isinstance(network, TimeDelayConfig):
        return time_delay.names_of_speechbrain(weights, network)
    if isinstance(network, PreactivatedResNetConfig):
        return preactivated_resnet.published_names(weights)
    return ecapa_of_speechbrain(weights)


NETWORKS: dict[str, Callable[[dict[str, Any], int, Path], SpeechBrainConfig]]
NETWORKS = {ECAPA: _ecapa, XVECTOR: _xvector, RESNET: _resnet}
