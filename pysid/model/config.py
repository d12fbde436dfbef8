"""What config.json of a model directory says."""

from dataclasses import dataclass, field
from pathlib import Path

from pysid.config import from_plain, read_formatted
from pysid.embedding.extract import ExtractConfig
from pysid.embedding.frame_input import FrameInput, check_input
from pysid.embedding.onnx_network import OnnxConfig
from pysid.embedding.xvector import XVectorConfig
from pysid.errors import DataError
from pysid.frontend import FrontendConfig
from pysid.model.network_file import NetworkConfig
from pysid.model.onnx_file import read_onnx_settings


@dataclass(frozen=True)
class ModelConfig:
    """What `config.json` of a model directory says.

    Attributes:
        frontend: from waveform to network input.
        network: the embedding network.
        extract: how long utterances are cut.
    Raises:
        DataError: the parts do not fit each other.
    """

    frontend: FrontendConfig
    network: NetworkConfig = field(default_factory=XVectorConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        if self.frontend.dim != self.network.feature_dim:
            raise DataError(
                f"network.feature_dim is {self.network.feature_dim}, but the frontend gives {self.frontend.dim}"
            )
        if isinstance(self.network, OnnxConfig):
            self.network.check(self.frontend, self.extract)
        if isinstance(self.network, FrameInput):
            check_input(self.network, self.frontend)
        if self.extract.min_chunk_size <= self.network.context:
            raise DataError(
                f"extract.min_chunk_size is {self.extract.min_chunk_size}, but the network needs chunks of more than "
                f"{self.network.context} frames"
            )

    @property
    def sample_rate(self) -> int:
        """Hz that the front-end wants."""
        return int(self.frontend.features.sample_rate)


def read_config(directory: Path) -> ModelConfig:
    """Reads `config.json` of a model directory, or the settings of an `.onnx` file."""
    if directory.is_file():
        return from_plain(ModelConfig, *read_onnx_settings(directory))
    path = directory / "config.json"
    return from_plain(ModelConfig, read_formatted(path), str(path))
