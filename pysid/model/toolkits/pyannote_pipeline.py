"""A diarization pipeline of pyannote's, a folder with `config.yaml` and its networks: nothing is downloaded.

Its hyper-parameters become settings of `pysid diarize`. Source: pyannote.audio, pyannote/audio/pipelines/
{speaker_diarization,clustering}.py and pyannote/audio/core/pipeline.py.
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from pysid.config import read_plain
from pysid.errors import DataError
from pysid.io.checkpoint import ENDINGS
from pysid.model.toolkits import state_dicts
from pysid.model.toolkits.read import ToolkitModel, only

SETTINGS = "config.yaml"
PIPELINE = "SpeakerDiarization"
WINDOW_S = 10.0  # of the segmentation networks that are read
ALWAYS_S = 1000.0  # longer than any window: overlapped frames count
PARAMS = {"clustering", "segmentation"}
OF_PIPELINE = {"segmentation", "embedding", "clustering", "segmentation_step", "embedding_exclude_overlap"}
BATCHES = {"segmentation_batch_size", "embedding_batch_size"}  # which change nothing that is computed


def claims(path: Path) -> bool:
    """Whether a path is a folder with `config.yaml` and no checkpoint beside it, or that file."""
    if path.name == SETTINGS and path.is_file():
        return claims(path.parent)
    if not (path / SETTINGS).is_file():
        return False
    return not any(x.suffix in ENDINGS for x in path.iterdir())  # else the settings are a network's


def read(path: Path) -> ToolkitModel:
    """The embedding that a pipeline names, with its hyper-parameters as settings of a diarization.

    Raises:
        DataError: the pipeline is another one, has a setting that is not supported and would change what is computed,
            or names a network that is not a checkpoint within the folder.
    """
    folder = path if path.is_dir() else path.parent
    where = folder / SETTINGS
    pipeline, params = _parts(where)
    segmentation = _inside(pipeline.get("segmentation"), folder, f"{where}: segmentation")
    embedding = _inside(pipeline.get("embedding"), folder, f"{where}: embedding")
    if not state_dicts.claims(embedding):
        raise DataError(f"{embedding}: expected one checkpoint, of the embedding that {where} names")
    found = state_dicts.read(embedding)
    settings = _settings(pipeline, params, segmentation, where)
    return replace(found, toolkit="pyannote", files=(where, *found.files), diarization=settings)


def _parts(where: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of the pipeline, and its hyper-parameters."""
    settings = read_plain(where, repeats=True)
    pipeline, params = settings.get("pipeline"), settings.get("params", {})
    name = pipeline.get("name") if isinstance(pipeline, dict) else None
    given = pipeline.get("params") if isinstance(pipeline, dict) else None
    if not isinstance(name, str) or name.rpartition(".")[2] != PIPELINE or not isinstance(given, dict):
        raise DataError(f"{where}: expected a pipeline {PIPELINE} with its params, got {name!r}")
    if not isinstance(params, dict) or not all(isinstance(x, dict) for x in params.values()):
        raise DataError(f"{where}: expected groups of hyper-parameters as params, got {params!r}")
    only(given, OF_PIPELINE | BATCHES, {}, f"{where}: pipeline.params")
    only(params, PARAMS, {}, f"{where}: params")
    return given, params


def _inside(name: Any, folder: Path, what: str) -> Path:
    """The file or folder within `folder` that a setting names: a path, or the last part of a name in a hub."""
    text = name.get("checkpoint", name) if isinstance(name, dict) else name
    if not isinstance(text, str) or not text:
        raise DataError(f"{what}: expected a path within the folder, got {name!r}")
    inner = PurePosixPath(text.partition("@")[0].removeprefix("$model/"))
    if inner.is_absolute() or ".." in inner.parts:
        raise DataError(f"{what}: expected a path within the folder, got {text!r}")
    for place in (folder / inner, folder / inner.name):
        if place.exists():
            return place
    raise DataError(f"{what}: {text!r} is not in {folder}, as {inner.name}; nothing is downloaded")


def _settings(pipeline: dict[str, Any], params: dict[str, Any], segmentation: Path, where: Path) -> dict[str, Any]:
    """What `DiarizationConfig` is made from."""
    kind, own = pipeline.get("clustering", "AgglomerativeClustering"), params.get("clustering", {})
    if kind != "AgglomerativeClustering":
        raise DataError(f"{where}: the clustering {kind} is not read, AgglomerativeClustering is")
    method = own.get("method", "centroid")
    only(own, {"method", "threshold", "min_cluster_size"}, {}, f"{where}: params.clustering")
    if method != "centroid":
        raise DataError(f"{where}: params.clustering: the method {method} is not read, centroid is")
    of_segmentation = params.get("segmentation", {})
    only(of_segmentation, {"min_duration_off"}, {}, f"{where}: params.segmentation")
    step = _number(pipeline, "segmentation_step", 0.1, f"{where}: pipeline.params")
    if not 0 < step <= 1:
        raise DataError(f"{where}: pipeline.params: segmentation_step must lie in (0, 1], got {step:g}")
    windows = {"kind": "local", "segmentation": str(segmentation), "shift_s": step * WINDOW_S}
    if not pipeline.get("embedding_exclude_overlap", False):
        windows["min_clean_s"] = ALWAYS_S
    return {
        "windows": windows,
        "affinity": {"kind": "cosine", "lda": False},
        "clustering": {"kind": "centroid"} | {k: v for k, v in own.items() if k != "method"},
        "overlap": {"kind": "local"},
        "turns": {"bridge_s": _number(of_segmentation, "min_duration_off", 0.0, f"{where}: params.segmentation")},
    }


def _number(given: dict[str, Any], name: str, default: float, where: str) -> float:
    found = given.get(name, default)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found < 1e6:
        raise DataError(f"{where}: {name} must be a number, got {found!r}")
    return float(found)
