"""WeSpeaker's models: `avg_model.pt`, or another checkpoint, with `config.yaml`; and pyannote's copy of its ResNet34.

Scores are cosines. Source: WeSpeaker, wespeaker/models/{resnet,ecapa_tdnn,campplus,tdnn,speaker_model}.py and
wespeaker/cli/speaker.py; pyannote.audio, models/embedding/wespeaker/__init__.py.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from pysid.config import read_plain
from pysid.embedding.campplus import CamPlusPlusConfig, published_names
from pysid.embedding.ecapa import EcapaConfig
from pysid.embedding.renaming import renamed
from pysid.embedding.resnet import ResNetConfig, wespeaker_resnet
from pysid.embedding.time_delay import TimeDelayConfig, names_of_wespeaker
from pysid.embedding.xvector import KALDI_FRAME_LAYERS
from pysid.errors import DataError
from pysid.io.checkpoint import read_checkpoint
from pysid.model.config import ModelConfig
from pysid.model.onnx_file import WESPEAKER
from pysid.model.toolkits.names import ecapa_of_wespeaker, swap_time_and_bands
from pysid.model.toolkits.read import WHOLE, ToolkitModel, build, only, shape

TOOLKIT = "WeSpeaker"
SETTINGS = "config.yaml"
WEIGHTS = ("avg_model.pt", "final_model.pt", "model.pt")  # the first that is there
RESNET = re.compile(r"ResNet(18|34|50|101|152|221|293)")
DIMS = ("feat_dim", "embed_dim")
CAMPPLUS = {  # the only arguments of that network that are known
    "pooling_func": "TSTP",
    "growth_rate": 32,
    "bn_size": 4,
    "init_channels": 128,
    "config_str": "batchnorm-relu",
}
FBANK = {"frame_length": 25, "frame_shift": 10}
OFFSET = 1e-7  # of variances, wespeaker/models/pooling_layers.py


def claims(path: Path) -> bool:
    """Whether a path is a folder of WeSpeaker's, or the checkpoint in one."""
    folder = path if path.is_dir() else path.parent
    named = path.is_dir() or path.name in WEIGHTS
    return named and (folder / SETTINGS).is_file() and _weights(folder) is not None


def read(path: Path) -> ToolkitModel:
    """The model in a folder with `config.yaml`.

    Raises:
        DataError: a file is missing or damaged, or it is a network that is not known here.
    """
    folder = path if path.is_dir() else path.parent
    file = path if path.is_file() else _weights(folder)
    assert file is not None
    where = folder / SETTINGS
    settings = read_plain(where, repeats=True)
    name, given = settings.get("model"), settings.get("model_args", {})
    if not isinstance(name, str) or not isinstance(given, dict):
        raise DataError(f"{where}: expected 'model' and 'model_args', as WeSpeaker's training writes them")
    _check_features(settings, where)
    weights = {k: x for k, x in read_checkpoint(file).items() if not k.startswith("projection.")}
    if RESNET.fullmatch(name):
        return _resnet(name, weights, given, file, where)
    if name.startswith("ECAPA_TDNN"):
        return _ecapa(name, weights, given, file, where)
    if name == "CAMPPlus":
        return _campplus(weights, given, file, where)
    if name == "XVEC":
        return _xvector(weights, given, file, where)
    raise DataError(f"{where}: the network {name} is not read; ResNet, ECAPA_TDNN, CAMPPlus and XVEC are")


def read_pyannote(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """pyannote's `wespeaker-voxceleb-resnet34-LM`, whose tensors have `resnet.` before their names."""
    own = {k.removeprefix("resnet."): x for k, x in weights.items()}
    embedding_dim = shape(own, "seg_1.weight", 2, path)[0]
    network = wespeaker_resnet(34, embedding_dim=embedding_dim)
    model = _built(network, resnet_names(own, network), path, "ResNet34 of WeSpeaker")
    return replace(model, toolkit="pyannote", files=(path,))


def _weights(folder: Path) -> Path | None:
    return next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)


def _resnet(name: str, weights: dict[str, Tensor], given: dict[str, Any], file: Path, where: Path) -> ToolkitModel:
    only(given, DIMS, {"pooling_func": "TSTP", "two_emb_layer": False}, f"{where}: model_args")
    network = wespeaker_resnet(int(name[6:]), *_dims(given, 40, 128, where))  # type: ignore[arg-type]
    return _built(network, resnet_names(weights, network), file, name, where)


def _ecapa(name: str, weights: dict[str, Tensor], given: dict[str, Any], file: Path, where: Path) -> ToolkitModel:
    known = {*DIMS, "channels", "emb_bn", "global_context_att"}
    only(given, known, {"pooling_func": "ASTP"}, f"{where}: model_args")
    feature_dim, embedding_dim = _dims(given, 80, 192, where)
    network = EcapaConfig(
        feature_dim=feature_dim,
        channels=shape(weights, "layer1.conv.weight", 3, file)[0],
        padding="zeros",
        attention_norm=False,
        pooled_norm=False,
        global_context="GLOB" in name or given.get("global_context_att") is True,
        context_unbiased=True,
        context_offset=OFFSET,
        embedding_norm="bn2.weight" in weights,
        embedding_dim=embedding_dim,
    )
    return _built(network, ecapa_of_wespeaker(weights, network), file, name, where)


def _campplus(weights: dict[str, Tensor], given: dict[str, Any], file: Path, where: Path) -> ToolkitModel:
    only(given, DIMS, CAMPPLUS, f"{where}: model_args")
    feature_dim, embedding_dim = _dims(given, 80, 512, where)
    network = CamPlusPlusConfig(
        feature_dim=feature_dim, wave_scale="int16", embedding_dim=embedding_dim, variance_offset=OFFSET
    )
    return _built(network, published_names(weights), file, "CAMPPlus", where)


def _xvector(weights: dict[str, Tensor], given: dict[str, Any], file: Path, where: Path) -> ToolkitModel:
    only(given, {*DIMS, "hid_dim", "stats_dim"}, {"pooling_func": "TSTP"}, f"{where}: model_args")
    feature_dim, embedding_dim = _dims(given, 40, 512, where)
    hidden, pooled = (shape(weights, f"frame_{i}.conv_1d.weight", 3, file)[0] for i in (1, 5))
    *inner, last = (replace(x, dim=hidden) for x in KALDI_FRAME_LAYERS)
    network = TimeDelayConfig(
        feature_dim=feature_dim,
        frame_layers=(*inner, replace(last, dim=pooled)),
        variance_offset=OFFSET,
        segment_dims=(embedding_dim, embedding_dim),
    )
    return _built(network, names_of_wespeaker(weights), file, "XVEC", where)


def _built(network: Any, weights: dict[str, Tensor], file: Path, what: str, where: Path | None = None) -> ToolkitModel:
    frontend = replace(WESPEAKER, features=replace(WESPEAKER.features, n_mels=network.n_bands))
    config = ModelConfig(frontend, network, WHOLE)
    files = (file,) if where is None else (where, file)
    return ToolkitModel(TOOLKIT, config, build(network, weights, file, what), files)


def _dims(given: dict[str, Any], n_bands: int, embedding_dim: int, where: Path) -> tuple[int, int]:
    """Width of a frame with its energy, and of the embedding; the toolkit's own where the settings do not say."""
    found = (given.get("feat_dim", n_bands), given.get("embed_dim", embedding_dim))
    if not all(isinstance(x, int) and 8 <= x <= 10_000 for x in found):
        raise DataError(f"{where}: feat_dim and embed_dim must be whole numbers from 8 on, got {found}")
    return found[0] + 1, found[1]


def _check_features(settings: dict[str, Any], where: Path) -> None:
    """Raises DataError where a network was trained on other features than those that WeSpeaker's programs make."""
    data = _group(settings, "dataset_args")
    only(_group(data, "fbank_args"), {"num_mel_bins", "dither"}, FBANK, f"{where}: fbank_args")
    only(_group(data, "cmvn_args"), (), {"norm_mean": True, "norm_var": False}, f"{where}: cmvn_args")
    expected = {"resample_rate": 16000, "frontend": "fbank", "cmvn": True}
    only({k: data[k] for k in expected if k in data}, (), expected, f"{where}: dataset_args")


def _group(settings: dict[str, Any], name: str) -> dict[str, Any]:
    found = settings.get(name)
    return found if isinstance(found, dict) else {}


_STEM = [(r"conv1\.weight", "stem.conv.weight"), (r"bn1\.(\w+)", r"stem.norm.\1"), (r"seg_1\.(\w+)", r"affine.\1")]
_INNER = {"1": "first", "2": "second", "3": "third"}


def resnet_names(weights: dict[str, Tensor], config: ResNetConfig) -> dict[str, Tensor]:
    """Weights by our names and in our layout: (time, bands) and not (bands, time), channels last when pooled."""
    starts = [sum(config.blocks[:i]) for i in range(len(config.blocks))]
    found: dict[str, Tensor] = {}
    for name, x in weights.items():
        if inside := re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn)(\d)\.(\w+)", name):
            stage, i, kind, which, end = inside.groups()
            place = f"{_INNER.get(which, which)}.{'conv' if kind == 'conv' else 'norm'}.{end}"
        elif beside := re.fullmatch(r"layer(\d)\.(\d+)\.shortcut\.([01])\.(\w+)", name):
            stage, i, which, end = beside.groups()
            place = f"shortcut.{'conv' if which == '0' else 'norm'}.{end}"
        else:
            ours = renamed(name, _STEM)
            found[ours] = x
            continue
        stage_index = int(stage) - 1
        inner = 0 <= stage_index < len(starts) and int(i) < config.blocks[stage_index]
        found[f"blocks.{starts[stage_index] + int(i)}.{place}" if inner else name] = x
    affine = found.get("affine.weight")
    channels = config.channels[-1] * (1 if config.block == "basic" else 4)
    if affine is not None and affine.ndim == 2 and affine.shape[1] % (2 * channels) == 0:
        pooled = affine.reshape(len(affine), 2, channels, -1)  # [mean | std], channel by channel
        found["affine.weight"] = pooled.transpose(2, 3).reshape(affine.shape)
    return swap_time_and_bands(found)
