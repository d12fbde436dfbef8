"""The files of a model directory that hold a detector of speech: `activity.json` and `activity.safetensors`."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from pysid.activity import ActivityConfig, ActivityDetector, ActivityNetwork
from pysid.config import from_plain, read_formatted, write_formatted
from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.io.weights import load_network, save_weights

CONFIG_FILE, WEIGHTS_FILE = "activity.json", "activity.safetensors"


@dataclass(frozen=True)
class ActivityFileConfig:
    """What `activity.json` says.

    Attributes:
        features: what the network reads.
        network: the network.
    """

    features: FbankConfig = field(default_factory=lambda: FbankConfig(use_energy=True))
    network: ActivityConfig = field(default_factory=ActivityConfig)

    def __post_init__(self) -> None:
        if not self.features.use_energy or self.features.htk_compat:
            raise DataError("the features must be filter banks with use_energy, without htk_compat")
        if self.features.dim != self.network.feature_dim:
            raise DataError(
                f"network.feature_dim is {self.network.feature_dim}, but the features have {self.features.dim}"
            )


def read_detector(directory: Path, device: str | torch.device = "cpu") -> ActivityDetector | None:
    """The detector of a model directory; None where there is none.

    Raises:
        DataError: a file is damaged, or the two do not fit each other.
    """
    path = directory / CONFIG_FILE
    if not path.exists():
        return None
    config = from_plain(ActivityFileConfig, read_formatted(path), str(path))
    network = load_network(lambda: ActivityNetwork(config.network), directory / WEIGHTS_FILE, CONFIG_FILE)
    return ActivityDetector(network.to(device), config.features)


def write_detector(directory: Path, detector: ActivityDetector, half: bool = False) -> None:
    """Writes what `read_detector` reads.

    Args:
        half: store weights in half precision.
    """
    directory.mkdir(parents=True, exist_ok=True)
    save_weights(detector.network, directory / WEIGHTS_FILE, half)
    write_formatted(directory / CONFIG_FILE, ActivityFileConfig(detector.features, detector.network.config))
