"""Writing an `XVector` as an nnet3 network, with the node names of Kaldi's recipe; see `xvector`."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pysid.embedding.tdnn import TdnnLayer
from pysid.embedding.xvector import XVector, XVectorConfig
from pysid.io.files import PathLike
from pysid.nnet3.components import ComponentRecord, Value
from pysid.nnet3.config_lines import ComponentNode, ConfigLine, InputNode, OutputNode
from pysid.nnet3.descriptors import Append, Descriptor, Node, Offset, Round
from pysid.nnet3.file import Nnet3Model, write_nnet3

POOLED_FRAMES = 10000  # longer than any chunk of the recipe
_NO_VALUES = np.zeros(0, np.float32)


def export_xvector(network: XVector, path: PathLike, output: nn.Linear | None = None, *, binary: bool = True) -> None:
    """Writes an `XVector` as an nnet3 network that Kaldi's programs read.

    Args:
        network: with statistics pooling as in Kaldi, no padding, and batch norms without an affine part.
        path: the file to write.
        output: the layer from the last segment layer to the speakers, to be written with a log-softmax;
            without it, the network's output is the embedding.
        binary: Kaldi's binary format rather than its text format.
    Raises:
        ValueError: the network has something that a Kaldi x-vector network cannot have.
    """
    _check_exportable(network.config)
    draft = _Draft(network.config)
    for layer in network.frame_layers:
        draft.add_layer(layer)
    draft.add_pooling()
    for layer in network.segment_layers:
        draft.add_layer(layer)
    draft.add_output(output)
    write_nnet3(path, Nnet3Model(tuple(draft.lines), draft.components), binary=binary)


def _check_exportable(config: XVectorConfig) -> None:
    wanted = {
        "pooling": (config.pooling, "statistics"),
        "unbiased_std": (config.unbiased_std, False),
        "variance_offset": (config.variance_offset, 0.0),
        "norm_affine": (config.norm_affine, False),
        "padding": (max(layer.padding for layer in config.frame_layers), 0),
    }
    for name, (value, expected) in wanted.items():
        if value != expected:
            raise ValueError(f"a Kaldi x-vector network needs {name}={expected!r}, got {value!r}")


class _Draft:
    """A network in the making: each new node sees the one before."""

    def __init__(self, config: XVectorConfig) -> None:
        self.config = config
        self.lines = [ConfigLine.of(InputNode("input", config.feature_dim))]
        self.components: dict[str, ComponentRecord] = {}
        self.dim = config.feature_dim
        self.last: Descriptor = Node("input")
        self.n_layers = 0

    def add_layer(self, layer: nn.Module) -> None:
        """Adds tdnn<i>.affine, tdnn<i>.relu and tdnn<i>.batchnorm, the latter two in the network's order."""
        assert isinstance(layer, TdnnLayer)
        self.n_layers += 1
        name = f"tdnn{self.n_layers}"
        self.add_affine(f"{name}.affine", layer.affine, layer.offsets, max_change=0.75)
        for step in self.config.order.split("-"):
            if step == "relu":
                self.add(f"{name}.relu", "RectifiedLinearComponent", _nonlinearity(self.dim, repair=1e-5))
            else:
                self.add(f"{name}.batchnorm", "BatchNormComponent", _batch_norm(layer.norm))

    def add_affine(self, name: str, affine: nn.Linear, offsets: tuple[int, ...], max_change: float) -> None:
        parts = tuple(Offset(self.last, frames) if frames else self.last for frames in offsets)
        self.last = parts[0] if len(parts) == 1 else Append(parts)
        self.add(name, "NaturalGradientAffineComponent", _affine(affine, max_change))
        self.dim = affine.out_features

    def add_pooling(self) -> None:
        name = f"0-{POOLED_FRAMES}"
        extraction = {"InputDim": self.dim, "InputPeriod": 1, "OutputPeriod": 1, "IncludeVarinance": True}
        self.add(f"stats-extraction-{name}", "StatisticsExtractionComponent", extraction)
        pooling = {
            "InputDim": 1 + 2 * self.dim,
            "InputPeriod": 1,
            "LeftContext": 0,
            "RightContext": POOLED_FRAMES,
            "NumLogCountFeatures": 0,
            "OutputStddevs": True,
            "VarianceFloor": np.float32(1e-10),
        }
        self.add(f"stats-pooling-{name}", "StatisticsPoolingComponent", pooling)
        self.dim *= 2
        self.last = Round(self.last, 1)

    def add_output(self, output: nn.Linear | None) -> None:
        if output is None:
            number = len(self.config.frame_layers) + 1 + self.config.embedding_layer
            self.last = Node(f"tdnn{number}.affine")
        else:
            self.add_affine("output.affine", output, (0,), max_change=1.5)
            self.add("output.log-softmax", "LogSoftmaxComponent", _nonlinearity(self.dim))
        self.lines.append(ConfigLine.of(OutputNode("output", self.last)))

    def add(self, name: str, kind: str, fields: dict[str, Value]) -> None:
        self.components[name] = ComponentRecord(name, kind, fields)
        self.lines.append(ConfigLine.of(ComponentNode(name, name, self.last)))
        self.last = Node(name)


def _affine(affine: nn.Linear, max_change: float) -> dict[str, Value]:
    """The weights, and Kaldi's defaults for training on (nnet-simple-component.cc, InitFromConfig)."""
    return {
        "MaxChange": np.float32(max_change),
        "LearningRate": np.float32(0.001),
        "LinearParams": _array(affine.weight),
        "BiasParams": _array(affine.bias),
        "RankIn": min(20, (affine.in_features + 1) // 2),
        "RankOut": min(80, (affine.out_features + 1) // 2),
        "UpdatePeriod": 4,
        "NumSamplesHistory": np.float32(2000),
        "Alpha": np.float32(4),
    }


def _nonlinearity(dim: int, repair: float = 0.0) -> dict[str, Value]:
    zero = np.float64(0)
    fields: dict[str, Any] = {
        "Dim": dim,
        "ValueAvg": _NO_VALUES,
        "DerivAvg": _NO_VALUES,
        "Count": zero,
        "OderivRms": _NO_VALUES,
        "OderivCount": zero,
        "NumDimsSelfRepaired": zero,
        "NumDimsProcessed": zero,
    }
    return {**fields, "SelfRepairScale": np.float32(repair)} if repair else fields


def _batch_norm(norm: nn.BatchNorm1d) -> dict[str, Value]:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    return {
        "Dim": norm.num_features,
        "BlockDim": norm.num_features,
        "Epsilon": np.float32(norm.eps),
        "TargetRms": np.float32(1),
        "TestMode": False,
        "Count": np.float64(1),  # Kaldi refuses to work with statistics of nothing
        "StatsMean": _array(mean),
        "StatsVar": _array(variance),
    }


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().to("cpu", torch.float32).numpy()
    return array
