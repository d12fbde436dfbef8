"""The file of a model directory that holds its network.

`model.safetensors` has the weights of a network that can be trained here. A Kaldi network of another form stays as it
is, in `model.raw`, and so does an ONNX graph, in `model.onnx`. Beside weights, `model.raw` is what they were converted
from, for the way back.
"""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import nn

from pysid.embedding.networks import TrainableConfig, TrainableNetwork, make_network
from pysid.embedding.onnx_network import OnnxConfig, OnnxNetwork
from pysid.errors import DataError
from pysid.io.files import atomic_path
from pysid.io.kaldi.files import read_bytes
from pysid.nnet3.config_lines import parse_config_line
from pysid.nnet3.network import Nnet3Config, Nnet3Network

WEIGHTS_FILE = "model.safetensors"
NNET3_FILE = "model.raw"
ONNX_FILE = "model.onnx"

Network = TrainableNetwork | Nnet3Network | OnnxNetwork
NetworkConfig = TrainableConfig | Nnet3Config | OnnxConfig


def read_network(directory: Path, config: NetworkConfig) -> Network:
    """The network of a model directory, or of a single `.onnx` file.

    Raises:
        DataError: the file is missing, damaged, or does not fit the configuration.
    """
    if isinstance(config, Nnet3Config):
        return _read_nnet3(directory, config)
    if isinstance(config, OnnxConfig):
        path = directory if directory.is_file() else directory / ONNX_FILE
        return OnnxNetwork(read_bytes(path), str(path), config)
    network = make_network(config)
    load_weights(network, directory / WEIGHTS_FILE)
    return network


def write_network(directory: Path, network: Network, half: bool = False) -> None:
    """Writes what `read_network` reads.

    Args:
        half: store weights in half precision; the file of a Kaldi network or an ONNX graph stays as it is.
    """
    if isinstance(network, Nnet3Network | OnnxNetwork):
        with atomic_path(directory / (NNET3_FILE if isinstance(network, Nnet3Network) else ONNX_FILE)) as path:
            path.write_bytes(network.content)
        return
    save_weights(network, directory / WEIGHTS_FILE, half)


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
            if array.dtype.kind not in "biuf":  # bfloat16 loads only where some package has taught NumPy of it
                raise TypeError(f"{name} in {array.dtype}")
        return arrays
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: expected a safetensors file, got: {_one_line(error)}") from None


def _read_nnet3(directory: Path, config: Nnet3Config) -> Nnet3Network:
    path = directory / NNET3_FILE
    lines = [parse_config_line(text, f"{directory / 'config.json'}: network.extract") for text in config.extract]
    network = Nnet3Network(read_bytes(path), str(path), lines)
    for name in ("feature_dim", "embedding_dim", "context"):
        said, found = getattr(config, name), getattr(network.config, name)
        if said != found:
            raise DataError(f"{path}: does not fit config.json: its {name} is {found}, not {said}")
    return network


def load_weights(network: nn.Module, path: Path, config_file: str = "config.json") -> None:
    """Reads a network's weights from a safetensors file.

    Args:
        config_file: what the network was made from, for messages.
    Raises:
        DataError: the file is missing or damaged, or has the weights of another network.
    """
    arrays = read_safetensors(path)
    weights = {k: torch.from_numpy(v).to(torch.get_default_dtype()) for k, v in arrays.items()}
    expected = {k for k in network.state_dict() if "num_batches_tracked" not in k}
    for names, what in ((expected - set(weights), "lacks"), (set(weights) - expected, "has superfluous")):
        if names:
            raise DataError(f"{path}: does not fit {config_file}: {what} {len(names)} tensors, such as {min(names)!r}")
    try:
        network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        reason = _one_line(error).partition(": ")[2]
        raise DataError(f"{path}: does not fit {config_file}: {reason}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
