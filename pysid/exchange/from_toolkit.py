"""Models of other toolkits as model directories."""

import os
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from pysid._version import __version__
from pysid.errors import DataError
from pysid.exchange.plda_file import read_backend
from pysid.io.files import PathLike, atomic_directory, atomic_text, read_bytes
from pysid.model.directory import find_model, shipped_models
from pysid.model.onnx_file import ENDING
from pysid.model.speaker_model import SpeakerModel
from pysid.model.toolkits import read_toolkit_model


def convert_model(source: PathLike, target: PathLike, *, plda: Path | None = None, mean: Path | None = None) -> str:
    """Writes the model directory of a file or a folder of another toolkit, with a README.md; or copies a shipped model.

    Args:
        source: a path, or the name of a model.
        plda, mean: of a back-end, see `read_backend`.
    Returns:
        a line of what it is.
    Raises:
        DataError: nothing there is read, it is damaged, or `target` exists and is not empty.
    """
    path = find_model(source)
    if path in shipped_models().values():
        return _copy(path, target, plda or mean)
    other = read_toolkit_model(path)
    if other is not None and other.diarization is not None:
        raise DataError(f"{path}: is a pipeline, which pysid diarize takes as it is; convert the folder of its network")
    if other is not None:
        model, toolkit, files = SpeakerModel(other.config, other.network, other.backend), other.toolkit, other.files
    elif path.suffix == ENDING:
        model, toolkit, files = SpeakerModel.load(path), "ONNX", (path,)
    else:
        raise DataError(f"{path}: is a model directory already")
    if plda is not None or mean is not None:
        model.backend = read_backend(plda, mean, model.config.network.embedding_dim, toolkit)
        files = (*files, *(x for x in (plda, mean) if x is not None))
    with atomic_directory(target) as folder:
        model.save(folder)
        with atomic_text(folder / "README.md") as readme:
            readme.write(_readme(Path(target).name, toolkit, files, path))
    network = model.config.network
    kind = getattr(network, "kind", "xvector")
    backend = "" if plda is None else ", with PLDA"
    return f"a network of the kind {kind}, {network.embedding_dim} dimensions{backend}, from {toolkit}"


def _copy(shipped: Path, target: PathLike, backend: Path | None) -> str:
    """Copies a model that ships with pysid, its README.md included."""
    if backend is not None:
        raise DataError(
            f"{backend}: the model {shipped.name} has a back-end of its own; pysid fit-backend makes another"
        )
    with atomic_directory(target) as folder:
        for path in shipped.iterdir():
            if path.is_file():
                shutil.copyfile(path, folder / path.name)
    return f"a copy of the model {shipped.name}, which ships with pysid"


def _readme(title: str, toolkit: str, files: Iterable[Path], source: Path) -> str:
    start = source if source.is_dir() else source.parent
    rows = [f"| {os.path.relpath(x, start)} | {sha256(read_bytes(x)).hexdigest()} |" for x in files]
    origin = f"Converted by pysid {__version__} from a model of {toolkit}. Its data and its licence are those of that"
    lines = [f"# {title}", "", f"{origin} model; please name them here.", "", "| file | SHA-256 |", "|---|---|", *rows]
    return "".join(f"{line}\n" for line in lines)
