"""What a model directory holds for diarization: `diarization.json`, and a back-end of its own.

The back-end in `diarization.safetensors` is one for windows of speech, which are shorter than the utterances that the
model's own was made for.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pysid.backend.chain import Backend, PldaBackend
from pysid.config import from_plain, override, read_formatted, to_plain, write_formatted
from pysid.diarization.affinity import CosineAffinityConfig
from pysid.diarization.config import DiarizationConfig
from pysid.diarization.linkage import LinkageConfig
from pysid.diarization.local.config import LocalOverlapConfig, LocalWindowConfig
from pysid.diarization.spectral import SpectralConfig
from pysid.errors import DataError
from pysid.frontend.mel import MfccConfig
from pysid.frontend.webrtc import SAMPLE_RATES, WebrtcVadConfig
from pysid.model.directory import WINDOW_BACKEND_FILE, load_backend, save_backend
from pysid.model.speaker_model import SpeakerModel
from pysid.segmentation.files import CONFIG_FILE as SEGMENTATION_FILE
from pysid.segmentation.find import NAMES

CONFIG_FILE = "diarization.json"

LOCAL = DiarizationConfig(
    windows=LocalWindowConfig(),
    affinity=CosineAffinityConfig(lda=False),
    clustering=LinkageConfig(),
    overlap=LocalOverlapConfig(),
)
WITHOUT_PLDA = DiarizationConfig(affinity=CosineAffinityConfig(), clustering=SpectralConfig())


def load_config(model: SpeakerModel, settings: Mapping[str, Any] | None = None) -> tuple[DiarizationConfig, Backend]:
    """The configuration and the back-end for diarization that a model came with, or the defaults and the model's own.

    Args:
        settings: plain values by dotted names, such as {"clustering.threshold": 3}, over those of the model.
    Raises:
        DataError: a file is damaged, or a value is wrong.
    """
    settings = settings or {}
    backend, config = model.scorer(), None
    if model.diarization is not None:
        config = from_plain(DiarizationConfig, model.diarization, "the settings of the pipeline")
    if model.path is not None:
        path = model.path / WINDOW_BACKEND_FILE
        if path.exists():
            backend = load_backend(path, model.config.network.embedding_dim)
        path = model.path / CONFIG_FILE
        if path.exists():
            config = from_plain(DiarizationConfig, read_formatted(path), str(path))
            named = config.windows.segmentation if isinstance(config.windows, LocalWindowConfig) else None
            if named not in (None, *NAMES):  # a model's file opens no other file
                raise DataError(f"{path}: windows.segmentation must be null or {', '.join(NAMES)}, got {named!r}")
    has_network = model.path is not None and (model.path / SEGMENTATION_FILE).exists()
    kind = _kind_asked_for(settings) or (config.windows.kind if config else "local" if has_network else "uniform")
    if config is None or config.windows.kind != kind:  # what was tuned for the one kind means little for the other
        config = _defaults(kind, backend)
        features = model.config.frontend.features
        has_energy = isinstance(features, MfccConfig) or features.use_energy
        if not has_energy and features.sample_rate in SAMPLE_RATES:
            config = replace(config, vad=WebrtcVadConfig())  # as there is no energy to find speech by
    return with_settings(config, settings), backend


def _kind_asked_for(settings: Mapping[str, Any]) -> str | None:
    """The kind of windows that settings name."""
    windows = settings.get("windows")
    kind = windows.get("kind") if isinstance(windows, Mapping) else None
    kind = settings.get("windows.kind", kind)
    return kind if kind in ("local", "uniform") else None


def _defaults(kind: str, backend: Backend) -> DiarizationConfig:
    if kind == "local":
        return LOCAL
    return DiarizationConfig() if isinstance(backend, PldaBackend) else WITHOUT_PLDA


def with_settings(config: DiarizationConfig, settings: Mapping[str, Any]) -> DiarizationConfig:
    """A configuration with values replaced, by dotted names; a new `kind` drops the old kind's other settings.

    >>> with_settings(DiarizationConfig(), {"clustering.kind": "spectral"}).clustering.kind
    'spectral'
    """
    plain = to_plain(config)
    for name, value in sorted(settings.items(), key=lambda setting: _order(*setting)):
        group, _, key = name.rpartition(".")
        if key == "kind":
            if _kind_of(plain, group) != value:  # else what was tuned for it stays
                plain = override(plain, {group: {"kind": value}})
        elif isinstance(value, Mapping) and isinstance(plain.get(name), dict) and "kind" not in value:
            plain = override(plain, {f"{name}.{k}": v for k, v in value.items()})
        else:
            plain = override(plain, {name: value})
    _check_threshold(plain)
    return from_plain(DiarizationConfig, plain, "settings")


def _order(name: str, value: Any) -> tuple[int, bool]:
    """Outer kinds before inner ones, and a kind before the settings that it has, however they were given."""
    has_kind = name.endswith(".kind") or (isinstance(value, Mapping) and "kind" in value)
    return name.removesuffix(".kind").count("."), not has_kind


def _check_threshold(plain: Mapping[str, Any]) -> None:
    """Says what to set instead of a threshold, where the clustering has none."""
    clustering = plain.get("clustering")
    kind = _kind_of(plain, "clustering")
    if kind not in ("vbx", "spectral") or not isinstance(clustering, Mapping) or "threshold" not in clustering:
        return
    if kind == "vbx":
        now = f" (now {clustering['fb']})" if "fb" in clustering else ""
        instead = f"set clustering.fb, of which higher values find fewer speakers{now}"
    else:
        instead = "say how many speakers there are"
    raise DataError(
        f"settings: clustering.threshold is for ahc, linkage and centroid, and the clustering here is {kind}: choose "
        f"one of those (--clustering ahc), or {instead}"
    )


def _kind_of(plain: Mapping[str, Any], group: str) -> Any:
    """The kind that stands in a group of settings, given by its dotted name; None where there is none."""
    inner: Any = plain
    for name in group.split("."):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner.get("kind") if isinstance(inner, Mapping) else None


def save_config(directory: str | os.PathLike[str], config: DiarizationConfig, backend: Backend | None = None) -> None:
    """Writes them into a model directory.

    Args:
        directory: of the model.
        config: settings of diarization.
        backend: of windows; None writes none.
    """
    write_formatted(Path(directory) / CONFIG_FILE, config)
    if backend is not None:
        save_backend(directory, backend, WINDOW_BACKEND_FILE)
