"""What the readers of models have in common."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from pysid.backend.chain import Backend
from pysid.embedding.extract import ExtractConfig
from pysid.embedding.networks import TrainableConfig, make_network
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.io.weights import build_network
from pysid.model.config import ModelConfig
from pysid.model.network_file import Network

WHOLE = ExtractConfig(chunk_size=-1)
"""Utterances are embedded whole, as these toolkits do."""

KALDI_FBANK = FrontendConfig(features=FbankConfig(n_mels=80, use_energy=True))
"""torchaudio's compliance.kaldi.fbank with 80 bands and no dither; the energy is for the VAD of diarization alone."""


@dataclass(frozen=True, eq=False)
class ToolkitModel:
    """A model of another toolkit.

    Attributes:
        toolkit: where it is from, such as "3D-Speaker".
        files: what it was read from.
        diarization: the settings of a diarization that it is a part of, as plain values; None where it stands alone.
    """

    toolkit: str
    config: ModelConfig
    network: Network
    files: tuple[Path, ...]
    backend: Backend | None = None
    diarization: Mapping[str, Any] | None = None


def build(config: TrainableConfig, weights: dict[str, Tensor], where: Path, what: str) -> Network:
    """A network with weights by our names.

    Args:
        what: the network that a file is said to hold, for messages, such as "CAM++".
    Raises:
        DataError: the weights are those of another network.
    """
    return build_network(lambda: make_network(config), weights, str(where), f"a network of the kind {what}")


def only(given: Mapping[str, Any], known: Collection[str], fixed: Mapping[str, Any], where: str) -> None:
    """Raises DataError for a setting that is not known, or not as it must be.

    Args:
        given: settings of a part of a model.
        known: names of those that are read, or that change nothing that is computed.
        fixed: the only values of others.
        where: the file and the part, for messages.
    """
    for name, value in given.items():
        if name in fixed and value != fixed[name]:
            raise DataError(f"{where}: {name} {value!r} is not supported, only {fixed[name]!r}")
        if name not in known and name not in fixed:
            raise DataError(f"{where}: {name} is not supported")


def shape(weights: dict[str, Tensor], name: str, n_axes: int, where: Path) -> tuple[int, ...]:
    """The shape of a tensor that says how large a network is.

    Args:
        weights: of a checkpoint.
        name: of the tensor.
        n_axes: how many are expected.
        where: the file, for messages.
    Raises:
        DataError: it is not there, has another number of axes, or is empty.
    """
    found = weights.get(name)
    if found is None or found.ndim != n_axes or not found.numel():
        got = "none" if found is None else f"the shape {tuple(found.shape)}"
        raise DataError(f"{where}: expected a tensor {name!r} with {n_axes} axes, got {got}")
    return tuple(found.shape)
