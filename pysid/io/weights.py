"""Weights of a network in a safetensors file."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from pysid.errors import DataError, one_line
from pysid.io.files import atomic_path

Network = TypeVar("Network", bound=nn.Module)

MOST_PARAMETERS = 10  # times as many as there are weights, of a network that is being made


def save_weights(network: nn.Module, path: Path, half: bool = False) -> None:
    """Writes what `load_network` reads; arguments as of `write_network`."""
    tensors = {k: v.contiguous() for k, v in network.state_dict().items() if "num_batches_tracked" not in k}
    if half:
        # Running variances can lie beyond float16's range, and they are few.
        tensors = {k: v if "running" in k else v.half() for k, v in tensors.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors))


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, by name.

    Raises:
        DataError: the file is missing or damaged, or a number in it is not finite: what a network with such a weight
            gives is NaN, and the recording would be blamed.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; is {path.parent} a whole model directory?")
    try:
        arrays = dict(safetensors.numpy.load_file(path))
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":  # bfloat16 loads only where some package has taught NumPy about it
                raise TypeError(f"{name} in {array.dtype}")
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
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise DataError(f"{path}: expected finite numbers, got a NaN or an infinity in {name!r}")
    return arrays


def load_network(make: Callable[[], Network], path: Path, config_file: str = "config.json") -> Network:
    """A network with the weights of a safetensors file.

    Args:
        make: as of `build_network`.
        config_file: what the network is made from, for messages.
    Raises:
        DataError: the file is missing or damaged, or has the weights of another network.
    """
    arrays = read_safetensors(path)
    return build_network(make, {k: torch.from_numpy(v) for k, v in arrays.items()}, str(path), config_file)


def build_network(
    make: Callable[[], Network], weights: dict[str, Tensor], where: str, config_file: str = "config.json"
) -> Network:
    """A network with weights by their names. Its settings may claim any size: it is made no larger than the weights.

    Args:
        make: makes it.
        where, config_file: as of `set_weights`.
    Raises:
        DataError: the weights are those of another network, or there is no such network.
    """
    n_numbers = sum(tensor.numel() for tensor in weights.values())
    try:
        with _at_most(MOST_PARAMETERS * len(weights), MOST_PARAMETERS * n_numbers):
            network = make()
    except (ArithmeticError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        too_large = isinstance(error, MemoryError) or "allocate memory" in str(error)
        reason = "the network does not fit into memory" if too_large else one_line(error)
        raise DataError(f"{where}: does not fit {config_file}: {reason}") from None
    set_weights(network, weights, where, config_file)
    return network


@contextmanager
def _at_most(n_tensors: int, n_numbers: int) -> Iterator[None]:
    """Raises ValueError where networks that are made within the block come to have more parameters than so many.

    That is before they are filled: until then memory for them is promised, but not taken.
    """
    thread, tensors, numbers = threading.get_ident(), 0, 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal tensors, numbers
        if threading.get_ident() == thread and parameter is not None:
            tensors, numbers = tensors + 1, numbers + parameter.numel()
        if tensors > n_tensors:
            raise ValueError(f"lacks most of the network's tensors, which are more than {n_tensors}")
        if numbers > n_numbers:
            raise ValueError(f"lacks most of the network's numbers, which are more than {n_numbers}")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


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
