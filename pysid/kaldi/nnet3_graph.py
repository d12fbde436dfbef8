"""An nnet3 network as a torch module: features in, the output at time 0 out, as `nnet3-xvector-compute` has it.

    network = load_nnet3("final.raw", "extract.config")
    embeddings = network(features, n_frames)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pysid.errors import DataError
from pysid.io.text import PathLike
from pysid.kaldi.descriptors import (
    Append,
    Combined,
    Const,
    Descriptor,
    Failover,
    IfDefined,
    Node,
    Offset,
    Retimed,
    Scale,
    Switch,
    Times,
)
from pysid.kaldi.nnet3_builders import build_layer
from pysid.kaldi.nnet3_config import ComponentNode, ConfigLine, DimRangeNode, InputNode, OutputNode
from pysid.kaldi.nnet3_file import Nnet3Model, read_nnet3
from pysid.kaldi.nnet3_layers import Layer, WindowLayer
from pysid.kaldi.nnet3_times import Step, TimePlan

_MOST_FRAMES = 1 << 20  # where the search for the shortest input gives up


def load_nnet3(path: PathLike, extract_config: PathLike | None = None) -> "Nnet3Graph":
    """The network in a `.raw` or `.mdl` file; see `read_nnet3` for the arguments. Raises DataError."""
    return Nnet3Graph(read_nnet3(path, extract_config))


@dataclass(frozen=True)
class _Stage:
    """One node to compute: a layer of its input, or some columns of it, or the input itself.

    `release` names the nodes that nothing needs after this one.
    """

    step: Step
    layer: Layer | WindowLayer | None
    columns: slice
    release: tuple[str, ...] = ()


class Nnet3Graph(nn.Module):
    """The part of an nnet3 network that its output node depends on.

    Batch norm and dropout run in test mode. Recurrent networks and further inputs (i-vectors) are refused.

    Args:
        model: the network.
        output: name of the output node.
        features: name of the input node.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim), the
        output at time 0, where the features are the frames 0 to n_frames - 1.

    Raises:
        DataError: the network does not fit together, or has what is refused; in `forward`, an utterance is
            shorter than `min_frames`.
    """

    def __init__(self, model: Nnet3Model, output: str = "output", features: str = "input") -> None:
        super().__init__()
        self.source = model.source
        self._stages = _stages(model, _needed_lines(model, output), features)
        self._steps = [stage.step for stage in self._stages]
        self._output = output
        self.layers = nn.ModuleList(stage.layer for stage in self._stages if stage.layer is not None)
        dims = _check_dims(model, self._stages)
        self.feature_dim = dims[features]
        self.embedding_dim = dims[output]

    @cached_property
    def min_frames(self) -> int:
        """The smallest number of frames that gives an output (15 for Kaldi's voxceleb/v2 network)."""
        longest = 1
        while not self._is_enough(longest):
            longest *= 2
            if longest > _MOST_FRAMES:
                raise DataError(f"{self.source}: no number of frames gives an output at time 0")
        shortest = longest // 2 + 1
        while shortest < longest:
            middle = (shortest + longest) // 2
            shortest, longest = (shortest, middle) if self._is_enough(middle) else (middle + 1, longest)
        return longest

    def forward(self, features: Tensor, n_frames: Tensor | None = None) -> Tensor:
        if features.ndim != 3 or features.shape[2] != self.feature_dim:
            raise ValueError(
                f"features must be (batch, frames, {self.feature_dim}), got {tuple(features.shape)}"
            )
        lengths = [features.shape[1]] * len(features) if n_frames is None else n_frames.tolist()
        plan = TimePlan(self._steps, lengths)
        self._check_lengths(plan, lengths)
        return _Evaluation(plan, features).run(self._stages)[:, 0]

    def _check_lengths(self, plan: TimePlan, lengths: Sequence[int]) -> None:
        enough = plan.defined[self._output].any(axis=1)
        for i, length in enumerate(lengths):
            if not enough[i]:
                raise DataError(f"utterance {i} of the batch: expected {self.min_frames} frames, got {length}")

    def _is_enough(self, n_frames: int) -> bool:
        return bool(TimePlan(self._steps, [n_frames]).defined[self._output].any())


class _Evaluation:
    """Computes nodes, each at the times that the plan wants, for one batch."""

    def __init__(self, plan: TimePlan, features: Tensor) -> None:
        self.plan = plan
        self.features = features
        self.values: dict[str, Tensor] = {}  # (B, n, D) by node

    def run(self, stages: Sequence[_Stage]) -> Tensor:
        """The value of the last stage's node."""
        for stage in stages:
            self.values[stage.step.name] = self.stage(stage)
            for name in stage.release:
                del self.values[name]
        return self.values[stages[-1].step.name]

    def stage(self, stage: _Stage) -> Tensor:
        step = stage.step
        if step.input is None:
            return _rows(self.features, self.plan.times[step.name])
        if isinstance(stage.layer, WindowLayer):
            span = self.plan.spans[step.name]
            x = self.value(step.input, span.times)
            counts = self.plan.is_defined(step.input, span.times)
            return stage.layer(x, None if counts.all() else self.mask(counts), span.starts, span.stops)  # type: ignore[no-any-return]
        x = self.value(step.input, self.plan.times[step.name])
        return x[..., stage.columns] if stage.layer is None else stage.layer(x)

    def value(self, descriptor: Descriptor, times: Times) -> Tensor:
        """(B, n, D): the descriptor at n times; anything where it is not defined."""
        match descriptor:
            case Node(name):
                return _rows(self.values[name], self.plan.locate(name, times)[0])
            case Retimed(source):
                return self.value(source, descriptor.times(times))
            case Scale(factor, source):
                return factor * self.value(source, times)
            case Const(value, dim):
                return self.features.new_full((len(self.features), len(times), dim), value)
        parts = [self.value(part, times) for part in descriptor.sources]
        match descriptor:
            case Append():
                return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
            case Switch():
                turn = torch.from_numpy(times % len(parts)).to(self.features.device)
                return torch.stack(parts)[turn, :, torch.arange(len(times))].transpose(0, 1)
            case Failover() | IfDefined():
                first = self.mask(self.plan.is_defined(descriptor.sources[0], times))[..., None]
                return torch.where(first, parts[0], parts[1] if len(parts) == 2 else 0.0)
            case _:
                return sum(parts[1:], start=parts[0])

    def mask(self, defined: NDArray) -> Tensor:
        return torch.from_numpy(defined).to(self.features.device)


def _rows(x: Tensor, positions: NDArray) -> Tensor:
    """x[:, positions]; a view where they are evenly spaced, as they mostly are."""
    if len(positions) == 0 or x.shape[1] == 0:
        return x.new_zeros(x.shape[0], len(positions), x.shape[2])
    first, last, n = int(positions[0]), int(positions[-1]), len(positions)
    step = (last - first) // (n - 1) if n > 1 else 1
    if step >= 1 and (positions[1:] - positions[:-1] == step).all():
        return x[:, first : last + 1 : step]
    return x.index_select(1, torch.from_numpy(positions).to(x.device))


def _needed_lines(model: Nnet3Model, output: str) -> list[ConfigLine]:
    """The lines of the nodes that `output` depends on, each behind those that it depends on itself."""
    lines = {line.node.name: line for line in model.lines}
    if not isinstance(lines[output].node if output in lines else None, OutputNode):
        raise DataError(f"{model.source}: expected an output-node with the name {output}, got none")
    graph: dict[str, list[str]] = {}
    pending = [output]
    while pending:
        name = pending.pop()
        if name in graph:
            continue
        graph[name] = [] if isinstance(lines[name].node, InputNode) else list(lines[name].node.input.nodes())
        for source in graph[name]:
            if source not in lines or isinstance(lines[source].node, OutputNode):
                raise DataError(f"{lines[name].where}: node {name}: expected the name of a node, got {source}")
        pending += graph[name]
    try:
        return [lines[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise DataError(
            f"{model.source}: expected no recurrence, got {' -> '.join(error.args[1][::-1])}"
        ) from None


def _stages(model: Nnet3Model, lines: Sequence[ConfigLine], features: str) -> list[_Stage]:
    stages = [_stage(model, line, features) for line in lines]
    seen: set[str] = set()
    for i in reversed(range(len(stages))):  # backwards, the first to mention a node is the last to need it
        source = stages[i].step.input
        names = set() if source is None else set(source.nodes()) - seen
        seen |= names
        stages[i] = _Stage(stages[i].step, stages[i].layer, stages[i].columns, tuple(sorted(names)))
    return stages


def _stage(model: Nnet3Model, line: ConfigLine, features: str) -> _Stage:
    everything = slice(None)
    match line.node:
        case InputNode(name):
            if name != features:
                raise DataError(f"{line.where}: expected no input but {features}, got one named {name}")
            return _Stage(Step(name, None), None, everything)
        case DimRangeNode(name, source, offset, dim):
            return _Stage(Step(name, source), None, slice(offset, offset + dim))
        case OutputNode(name, source):
            return _Stage(Step(name, source), None, everything)
        case ComponentNode(name, component, source):
            if component not in model.components:
                raise DataError(f"{line.where}: node {name}: expected the name of a component, got {component}")
            layer = build_layer(model.components[component])
            if isinstance(layer, WindowLayer):
                return _Stage(Step(name, source, layer.window), layer, everything)
            if layer.offsets != (0,):
                source = Append(tuple(Offset(source, frames) for frames in layer.offsets))
            return _Stage(Step(name, source), layer, everything)


def _check_dims(model: Nnet3Model, stages: Sequence[_Stage]) -> dict[str, int]:
    """The width of each node. Raises DataError where a node does not fit its input."""
    lines = {line.node.name: line for line in model.lines}
    dims: dict[str, int] = {}
    for stage in stages:
        line = lines[stage.step.name]
        if isinstance(line.node, InputNode):
            dims[line.node.name] = line.node.dim
            continue
        where = f"{line.where}: node {line.node.name}"
        assert stage.step.input is not None
        dim = _dim(stage.step.input, dims, where)
        if isinstance(line.node, DimRangeNode) and stage.columns.stop > dim:
            raise DataError(f"{where}: expected at least {stage.columns.stop} dimensions of input, got {dim}")
        if stage.layer is not None and stage.layer.in_dim != dim:
            raise DataError(f"{where}: expected {stage.layer.in_dim} dimensions of input, got {dim}")
        if stage.layer is not None:
            dim = stage.layer.out_dim
        dims[line.node.name] = line.node.dim if isinstance(line.node, DimRangeNode) else dim
    return dims


def _dim(descriptor: Descriptor, dims: dict[str, int], where: str) -> int:
    match descriptor:
        case Node(name):
            return dims[name]
        case Const(_, dim):
            return dim
    parts = [_dim(part, dims, where) for part in descriptor.sources]
    if isinstance(descriptor, Append):
        return sum(parts)
    if len(set(parts)) > 1 and isinstance(descriptor, Combined):
        raise DataError(f"{where}: expected parts of the same width in {descriptor}, got {parts}")
    return parts[0]
