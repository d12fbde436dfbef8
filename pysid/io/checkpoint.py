"""Tensors of PyTorch's checkpoints and of safetensors files. Nothing in a file is ever run."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from pysid.errors import DataError, one_line

ENDINGS = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
WRAPPERS = ("state_dict", "model_state", "model_state_dict", "model", "embedding_model")
MOST_EXPANDED = 4  # times as large as the file, for one that is compressed


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name: where it holds more than the model, those of the model's dictionary.

    PyTorch's files are read with `weights_only`: tensors, numbers, text, lists and dictionaries.

    Raises:
        DataError: the file is missing, damaged or hostile, holds something else, or a NaN.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.suffix == ".safetensors":
        return _checked(_read_safetensors(path), str(path))
    with path.open("rb") as stream:
        return read_pytorch(stream, path.stat().st_size, str(path))


def read_pytorch(stream: BinaryIO, size: int, where: str) -> dict[str, Tensor]:
    """What `read_checkpoint` gives, for a PyTorch checkpoint within another file.

    Args:
        stream: a seekable one.
        size: its bytes.
        where: what to call it in a message.
    Raises:
        DataError: it is damaged or hostile, holds something else, or a NaN.
    """
    _check_size(stream, size, where)
    try:
        content = torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # exceptions that a damaged or hostile file makes the reader raise have no common base
        reason = one_line(error)
    else:
        return _checked(content, where)
    if "weights_only" not in reason and "Unsupported" not in reason:
        raise DataError(f"{where}: expected a checkpoint of PyTorch, got: {reason[:200]}")
    what = reason.partition("Unsupported global: GLOBAL ")[2].partition(" ")[0] or "objects"
    raise DataError(
        f"{where}: holds more than tensors ({what}), which could run code. If you trust where it is from, write its "
        "tensors alone with torch.save(state_dict, FILE) or safetensors.torch.save_file(state_dict, FILE) where that "
        "toolkit is installed"
    )


def _checked(content: Any, where: str) -> dict[str, Tensor]:
    tensors = _state(content)
    if not tensors:
        raise DataError(f"{where}: expected a dictionary of tensors, got {_describe(content)}")
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
            raise DataError(f"{where}: expected plain tensors of numbers, got another kind as {name!r}")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise DataError(f"{where}: {name!r} claims {tuple(tensor.shape)} numbers, more than the file holds")
        if not bool(torch.isfinite(tensor).all()):
            raise DataError(f"{where}: expected finite numbers, got a NaN or an infinity in {name!r}")
    return tensors


def _read_safetensors(path: Path) -> Any:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: expected a safetensors file, got: {one_line(error)}") from None


def _check_size(stream: BinaryIO, file_size: int, where: str) -> None:
    """Raises DataError where a zipped checkpoint would fill the memory; the format is not meant to be compressed."""
    if not zipfile.is_zipfile(stream):
        stream.seek(0)
        return
    try:
        with zipfile.ZipFile(stream) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{where}: expected a checkpoint of PyTorch, got: {one_line(error)}") from None
    if size > MOST_EXPANDED * file_size:
        raise DataError(f"{where}: expected a checkpoint of PyTorch, got a compressed file that claims {size} bytes")
    stream.seek(0)


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
