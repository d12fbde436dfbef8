"""NeMo's TitaNet, a `.nemo` archive.

Scores are cosines. Source: NeMo, nemo/collections/asr/models/label_models.py (EncDecSpeakerLabelModel),
nemo/collections/asr/modules/{audio_preprocessing,conv_asr}.py.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pysid.config import from_plain
from pysid.embedding.titanet import TitaNetBlockConfig, TitaNetConfig, published_names
from pysid.errors import DataError
from pysid.frontend import FrontendConfig, StftMel, StftMelConfig
from pysid.model.config import ModelConfig
from pysid.model.toolkits.nemo_archive import SETTINGS, read_nemo
from pysid.model.toolkits.read import WHOLE, ToolkitModel, build, only

TOOLKIT = "NeMo"
ENDING = ".nemo"
OF_TRAINING = ("decoder.final.", "loss.", "_loss.")
BUFFERS = {"preprocessor.featurizer.window": "window", "preprocessor.featurizer.fb": "bank"}
LARGEST = 100_000  # channels and such
MOST_BLOCKS = 100  # and convolutions in one
# Of each part: the settings that are read here or change nothing in use, and what others must be.
OF_ENCODER = {"feat_in", "jasper", "init_mode"}
ENCODER = {
    "activation": "relu",
    "normalization_mode": "batch",
    "residual_mode": "add",
    "norm_groups": -1,
    "frame_splicing": 1,
    "conv_mask": True,
    "quantize": False,
}
OF_BLOCK = {"filters", "repeat", "kernel", "dropout", "residual", "se_interpolation_mode"}
BLOCK = {
    "stride": 1,
    "dilation": 1,
    "separable": True,
    "se": True,
    "se_context_size": -1,
    "se_reduction_ratio": 8,
    "kernel_size_factor": 1.0,
    "groups": 1,
    "heads": -1,
    "residual_mode": "add",
    "residual_dense": False,
    "stride_last": False,
    "future_context": -1,
}
REQUIRED = ("separable", "se")  # whose defaults are others
OF_DECODER = {"feat_in", "num_classes", "emb_sizes", "pool_mode", "angular", "attention_channels", "init_mode"}
NUMBERS = {  # of the features, and what they are if not given
    "sample_rate": 16000,
    "window_size": 0.02,
    "window_stride": 0.01,
    "features": 64,
    "lowfreq": 0,
    "highfreq": None,
    "preemph": 0.97,
    "log_zero_guard_value": 2**-24,
    "n_fft": None,
}
OF_FEATURES = {*NUMBERS, "window", "dither", "pad_to", "rng", "nb_augmentation_prob", "nb_max_freq", "use_grads"}
FEATURES = {
    "normalize": "per_feature",
    "frame_splicing": 1,
    "log": True,
    "log_zero_guard_type": "add",
    "exact_pad": False,
    "pad_value": 0,
    "mag_power": 2.0,
    "mel_norm": "slaney",
    "n_window_size": None,
    "n_window_stride": None,
    "stft_exact_pad": False,
    "stft_conv": False,
    "use_torchaudio": False,
}


def claims(path: Path) -> bool:
    """Whether a path is a `.nemo` archive, or a folder with one and no more."""
    return _file(path) is not None


def read(path: Path) -> ToolkitModel:
    """The model in an archive; of its settings only plain values are read.

    Raises:
        DataError: it is damaged, or another network than TitaNet.
    """
    file = _file(path)
    assert file is not None
    settings, weights = read_nemo(file)
    where = f"{file}: {SETTINGS}"
    features = _features(_group(settings, "preprocessor", "AudioToMelSpectrogramPreprocessor", where), where)
    encoder = _group(settings, "encoder", "ConvASREncoder", where)
    decoder = _group(settings, "decoder", "SpeakerDecoder", where)
    network = _titanet(encoder, decoder, features.n_mels, where)
    own = {k: x for k, x in weights.items() if not k.startswith(OF_TRAINING) and k not in BUFFERS}
    config = ModelConfig(FrontendConfig(features=features), network, WHOLE)
    built = build(network, published_names(own), file, f"that {SETTINGS} describes")
    _check_buffers(weights, features, file)  # after the weights, which bound the size of the filters
    return ToolkitModel(TOOLKIT, config, built, (file,))


def _file(path: Path) -> Path | None:
    """The archive that a path names, or holds if it is a folder of one."""
    if path.suffix == ENDING and path.is_file():
        return path
    files = sorted(x for x in path.glob(f"*{ENDING}") if x.is_file()) if path.is_dir() else []
    return files[0] if len(files) == 1 else None


def _group(settings: dict[str, Any], name: str, kind: str, where: str) -> dict[str, Any]:
    """The settings of a module that must be of the class `kind`."""
    found = settings.get(name)
    target = found.get("_target_", found.get("cls")) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not isinstance(target, str) or target.rpartition(".")[2] != kind:
        raise DataError(f"{where}: expected {name} to be a {kind}, got {target!r}")
    found = found.get("params", found)
    if not isinstance(found, dict):
        raise DataError(f"{where}: expected settings of {name}, got {found!r}")
    return {str(k): v for k, v in found.items() if k != "_target_"}


def _features(given: dict[str, Any], where: str) -> StftMelConfig:
    only(given, OF_FEATURES, FEATURES, f"{where}: preprocessor")
    found: dict[str, Any] = {k: given.get(k, v) for k, v in NUMBERS.items()}
    for name, value in found.items():
        optional = value is None and name in ("highfreq", "preemph", "n_fft")
        if not optional and (not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9):
            raise DataError(f"{where}: preprocessor: {name} must be a number, got {value!r}")
    rate, window = found["sample_rate"], found["window_size"]
    plain = {
        "sample_rate": rate,
        "window_ms": 1000 * window,
        "shift_ms": 1000 * found["window_stride"],
        "n_fft": found["n_fft"] or 1 << max(0, int(window * rate) - 1).bit_length(),
        "window_type": given.get("window", "hann"),
        "periodic_window": False,
        "n_mels": found["features"],
        "low_hz": found["lowfreq"],
        "high_hz": found["highfreq"] or 0,
        "filters": "librosa",
        "scale": "log",
        "floor": found["log_zero_guard_value"],
        "preemphasis": found["preemph"] or 0,
        "tail_frames": -1,
    }
    if plain["n_fft"] > LARGEST or plain["n_mels"] > LARGEST:
        raise DataError(f"{where}: preprocessor: n_fft and features must be at most {LARGEST}, got {given}")
    return from_plain(StftMelConfig, plain, f"{where}: preprocessor")


def _titanet(encoder: dict[str, Any], decoder: dict[str, Any], n_mels: int, where: str) -> TitaNetConfig:
    only(encoder, OF_ENCODER, ENCODER, f"{where}: encoder")
    only(decoder, OF_DECODER, {}, f"{where}: decoder")
    if encoder.get("feat_in") != n_mels:
        raise DataError(f"{where}: encoder: feat_in must be the {n_mels} features, got {encoder.get('feat_in')!r}")
    given = encoder.get("jasper")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_BLOCKS:
        raise DataError(f"{where}: encoder: expected a list of blocks as jasper, got {type(given).__name__}")
    blocks = tuple(_block(x, f"{where}: encoder: jasper[{i}]") for i, x in enumerate(given))
    sizes, mode = decoder.get("emb_sizes", 256), decoder.get("pool_mode", "xvector")
    sizes = sizes if isinstance(sizes, list) else [sizes]
    if len(sizes) != 1 or str(mode).lower() != "attention":
        raise DataError(
            f"{where}: decoder: expected pool_mode attention and one embedding layer, got {mode!r} and {sizes!r}"
        )
    plain = {
        "feature_dim": n_mels,
        "skip_energy": False,
        "attention_dim": decoder.get("attention_channels", 128),
        "embedding_dim": sizes[0],
    }
    _check_size(plain["attention_dim"], f"{where}: decoder: attention_channels")
    _check_size(plain["embedding_dim"], f"{where}: decoder: emb_sizes")
    try:
        return TitaNetConfig(blocks=blocks, **plain)
    except ValueError as error:
        raise DataError(f"{where}: decoder: {error}") from None


def _block(given: Any, where: str) -> TitaNetBlockConfig:
    if not isinstance(given, dict):
        raise DataError(f"{where}: expected the settings of a block, got {given!r}")
    single = {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in given.items()}
    only(single, OF_BLOCK, BLOCK, where)
    for name in REQUIRED:
        if single.get(name) is not True:
            raise DataError(f"{where}: {name} {single.get(name)!r} is not supported, only True")
    most = {"filters": LARGEST, "kernel": LARGEST, "repeat": MOST_BLOCKS}
    plain = {name: _check_size(single.get(name), f"{where}: {name}", n) for name, n in most.items()}
    plain["channels"] = plain.pop("filters")
    plain |= {"residual": single.get("residual", True), "dropout": single.get("dropout", 0.0)}
    return from_plain(TitaNetBlockConfig, plain, where)


def _check_size(value: Any, where: str, most: int = LARGEST) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise DataError(f"{where} must be a whole number from 1 to {most}, got {value!r}")
    return value


def _check_buffers(weights: dict[str, Tensor], features: StftMelConfig, file: Path) -> None:
    """Raises DataError where the window or the filters that an archive carries are not those that are made here."""
    ours = StftMel(features)
    for name, attribute in BUFFERS.items():
        theirs = weights.get(name)
        expected = getattr(ours, attribute)
        if theirs is not None:
            theirs = theirs.squeeze(0).T if attribute == "bank" else theirs
            if theirs.shape != expected.shape or not torch.allclose(theirs.float(), expected, rtol=0, atol=1e-4):
                raise DataError(f"{file}: {name} is not what the preprocessor's settings describe")
