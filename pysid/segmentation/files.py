"""The files of a model directory with a segmentation network: `segmentation.json` and `segmentation.safetensors`."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from pysid.config import from_plain, read_formatted, write_formatted
from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.io.weights import load_network, save_weights
from pysid.segmentation.network import MelNet, MelNetConfig, MelSegmentation

CONFIG_FILE, WEIGHTS_FILE = "segmentation.json", "segmentation.safetensors"


@dataclass(frozen=True)
class SegmentationFileConfig:
    """What `segmentation.json` says.

    Attributes:
        features: what the network reads.
        network: the network.
    """

    features: FbankConfig = field(default_factory=lambda: FbankConfig(n_mels=80, use_energy=True, snip_edges=False))
    network: MelNetConfig = field(default_factory=MelNetConfig)

    def __post_init__(self) -> None:
        f = self.features
        if not f.use_energy or f.htk_compat or f.snip_edges:
            raise DataError("the features must be filter banks with use_energy, without htk_compat and snip_edges")
        if f.dim != self.network.feature_dim:
            raise DataError(f"network.feature_dim is {self.network.feature_dim}, but the features have {f.dim}")


def read_segmenter(directory: Path, device: str | torch.device = "cpu") -> MelSegmentation | None:
    """The segmentation network of a model directory; None where there is none.

    Raises:
        DataError: a file is damaged, or the two do not fit each other.
    """
    path = directory / CONFIG_FILE
    if not path.exists():
        return None
    config = from_plain(SegmentationFileConfig, read_formatted(path), str(path))
    network = load_network(lambda: MelNet(config.network), directory / WEIGHTS_FILE, CONFIG_FILE)
    return MelSegmentation(network.to(device), config.features)


def write_segmenter(directory: Path, network: MelNet, features: FbankConfig, half: bool = False) -> None:
    """Writes what `read_segmenter` reads.

    Args:
        half: store weights in half precision.
    """
    config = SegmentationFileConfig(features, network.config)
    directory.mkdir(parents=True, exist_ok=True)
    save_weights(network, directory / WEIGHTS_FILE, half)
    write_formatted(directory / CONFIG_FILE, config)
