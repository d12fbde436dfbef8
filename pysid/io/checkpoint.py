"""Tensors of PyTorch's checkpoints and of safetensors files. Nothing in a file is ever run."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from pysid.errors import DataError, one_line

ENDINGS = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
WRAPPERS = ("state_dict", "model_state", "model_state_dict", "model", "embedding_model")
MOST_EXPANDED = 4  # times as large as the file, for one that is compressed


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, of the dictionary within it where one holds the model beside other things.

    PyTorch's files are read with `weights_only`: tensors, numbers, text, lists and dictionaries.

    Raises:
        DataError: the file is missing, damaged or hostile, holds something else, or a NaN.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pytorch(path)
    tensors = _state(content)
    if not tensors:
        raise DataError(f"{path}: expected a dictionary of tensors, got {_describe(content)}")
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
            raise DataError(f"{path}: expected plain tensors of numbers, got another kind as {name!r}")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise DataError(f"{path}: {name!r} claims {tuple(tensor.shape)} numbers, more than the file holds")
        if not bool(torch.isfinite(tensor).all()):
            raise DataError(f"{path}: expected finite numbers, got a NaN or an infinity in {name!r}")
    return tensors


def _read_safetensors(path: Path) -> Any:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: expected a safetensors file, got: {one_line(error)}") from None


def _read_pytorch(path: Path) -> Any:
    _check_size(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged or a hostile file makes the reader raise has no common base
        reason = one_line(error)
    if "weights_only" not in reason and "Unsupported" not in reason:
        raise DataError(f"{path}: expected a checkpoint of PyTorch, got: {reason[:200]}")
    what = reason.partition("Unsupported global: GLOBAL ")[2].partition(" ")[0] or "objects"
    raise DataError(
        f"{path}: holds more than tensors ({what}), which could run code. If you trust where it is from, write its "
        "tensors alone with torch.save(state_dict, FILE) or safetensors.torch.save_file(state_dict, FILE) where that "
        "toolkit is installed"
    )


def _check_size(path: Path) -> None:
    """Raises DataError where a zipped checkpoint would fill the memory; the format is not meant to be compressed."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: expected a checkpoint of PyTorch, got: {one_line(error)}") from None
    if size > MOST_EXPANDED * path.stat().st_size:
        raise DataError(f"{path}: expected a checkpoint of PyTorch, got a compressed file that claims {size} bytes")


def _state(content: Any) -> dict[str, Tensor]:
    """The tensors of a dictionary, or of one of the dictionaries in it."""
    if not isinstance(content, Mapping):
        return {}
    for name in WRAPPERS:
        if isinstance(content.get(name), Mapping) and (inner := _state(content[name])):
            return inner
    return {str(k): v for k, v in content.items() if isinstance(v, Tensor)}


def _describe(content: Any) -> str:
    if not isinstance(content, Mapping):
        return type(content).__name__
    return "one with " + (", ".join(map(repr, list(content)[:5])) or "nothing")
