"""The file of a model directory that holds its network.

`model.safetensors` has the weights of a network that can be trained here. A Kaldi network of another form stays as it
is, in `model.raw`, and so does an ONNX graph, in `model.onnx`. Beside weights, `model.raw` is the network that they
were converted from, for the way back."""

from pathlib import Path

from pysid.embedding.networks import TrainableConfig, TrainableNetwork, make_network
from pysid.embedding.onnx_network import OnnxConfig, OnnxNetwork
from pysid.errors import DataError
from pysid.io.files import atomic_path, read_bytes
from pysid.io.weights import load_network, save_weights
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
    return load_network(lambda: make_network(config), directory / WEIGHTS_FILE)


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


def _read_nnet3(directory: Path, config: Nnet3Config) -> Nnet3Network:
    path = directory / NNET3_FILE
    lines = [parse_config_line(text, f"{directory / 'config.json'}: network.extract") for text in config.extract]
    network = Nnet3Network(read_bytes(path), str(path), lines)
    for name in ("feature_dim", "embedding_dim", "context"):
        said, found = getattr(config, name), getattr(network.config, name)
        if said != found:
            raise DataError(f"{path}: does not fit config.json: its {name} is {found}, not {said}")
    return network
