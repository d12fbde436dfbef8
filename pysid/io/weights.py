"""Weights of a network in a safetensors file."""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor, nn

from pysid.errors import DataError, one_line
from pysid.io.files import atomic_path


def save_weights(network: nn.Module, path: Path, half: bool = False) -> None:
    """Writes what `load_weights` reads; arguments as of `write_network`."""
    tensors = {k: v.contiguous() for k, v in network.state_dict().items() if "num_batches_tracked" not in k}
    if half:
        # Running variances can lie beyond float16's range, and they are few.
        tensors = {k: v if "running" in k else v.half() for k, v in tensors.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors))


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, by name. Raises DataError."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; is {path.parent} a whole model directory?")
    try:
        arrays = dict(safetensors.numpy.load_file(path))
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":  # bfloat16 loads only where some package has taught NumPy about it
                raise TypeError(f"{name} in {array.dtype}")
        return arrays
    except (
        safetensors.SafetensorError,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        MemoryError,
    ) as error:
        raise DataError(f"{path}: expected a safetensors file, got: {one_line(error)}") from None


def load_weights(network: nn.Module, path: Path, config_file: str = "config.json") -> None:
    """Reads a network's weights from a safetensors file.

    Args:
        config_file: what the network was made from, for messages.
    Raises:
        DataError: the file is missing or damaged, or has the weights of another network.
    """
    arrays = read_safetensors(path)
    set_weights(network, {k: torch.from_numpy(v) for k, v in arrays.items()}, str(path), config_file)


def set_weights(network: nn.Module, weights: dict[str, Tensor], where: str, config_file: str = "config.json") -> None:
    """Gives a network weights by their names; all of them, and no others.

    Args:
        where: what they are from, for messages.
    Raises:
        DataError: the weights are those of another network.
    """
    weights = {k: v.to(torch.get_default_dtype()) for k, v in weights.items() if "num_batches_tracked" not in k}
    expected = {k for k in network.state_dict() if "num_batches_tracked" not in k}
    for names, what in ((expected - set(weights), "lacks"), (set(weights) - expected, "has superfluous")):
        if names:
            raise DataError(f"{where}: does not fit {config_file}: {what} {len(names)} tensors, such as {min(names)!r}")
    try:
        network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        reason = one_line(error).partition(": ")[2]
        raise DataError(f"{where}: does not fit {config_file}: {reason}") from None
