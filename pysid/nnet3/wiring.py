"""From the lines of an nnet3 file to the nodes to compute, in order, with widths that fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from pysid.errors import DataError
from pysid.nnet3.builders import build_layer
from pysid.nnet3.config_lines import ComponentNode, ConfigLine, DimRangeNode, InputNode, OutputNode
from pysid.nnet3.descriptors import Append, Combined, Const, Descriptor, Node, Offset
from pysid.nnet3.file import Nnet3Model
from pysid.nnet3.layers import Layer, WindowLayer
from pysid.nnet3.times import Step


@dataclass(frozen=True)
class Stage:
    """One node to compute: a layer of its input, or some columns of it, or the input itself.

    `release` names the nodes that nothing needs after this one.
    """

    step: Step
    layer: Layer | WindowLayer | None
    columns: slice
    release: tuple[str, ...] = ()


def needed_lines(model: Nnet3Model, output: str) -> list[ConfigLine]:
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
        node = lines[name].node
        graph[name] = [] if isinstance(node, InputNode) else list(node.input.nodes())
        for source in graph[name]:
            if source not in lines or isinstance(lines[source].node, OutputNode):
                raise DataError(f"{lines[name].where}: node {name}: expected the name of a node, got {source}")
        pending += graph[name]
    try:
        return [lines[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise DataError(f"{model.source}: expected no recurrence, got {' -> '.join(error.args[1][::-1])}") from None


def build_stages(model: Nnet3Model, lines: Sequence[ConfigLine], features: str) -> list[Stage]:
    """The stages of `lines`, which stand in order, with the input node named `features` as the only one.

    Args:
        model: has the components.
        lines: nodes, each after those that it needs.
        features: name of the input node.
    Raises:
        DataError: another input node, a component that is missing, or one that does not fit together.
    """
    stages = [_stage(model, line, features) for line in lines]
    seen: set[str] = set()
    for i in reversed(range(len(stages))):  # backwards, the first to mention a node is the last to need it
        source = stages[i].step.input
        names = set() if source is None else set(source.nodes()) - seen
        seen |= names
        stages[i] = Stage(stages[i].step, stages[i].layer, stages[i].columns, tuple(sorted(names)))
    return stages


def _stage(model: Nnet3Model, line: ConfigLine, features: str) -> Stage:
    everything = slice(None)
    match line.node:
        case InputNode(name):
            if name != features:
                raise DataError(f"{line.where}: expected no input but {features}, got one named {name}")
            return Stage(Step(name, None), None, everything)
        case DimRangeNode(name, source, offset, dim):
            return Stage(Step(name, source), None, slice(offset, offset + dim))
        case OutputNode(name, source):
            return Stage(Step(name, source), None, everything)
        case ComponentNode(name, component, source):
            if component not in model.components:
                raise DataError(f"{line.where}: node {name}: expected the name of a component, got {component}")
            layer = build_layer(model.components[component])
            if isinstance(layer, WindowLayer):
                return Stage(Step(name, source, layer.window), layer, everything)
            if layer.offsets != (0,):
                source = Append(tuple(Offset(source, frames) for frames in layer.offsets))
            return Stage(Step(name, source), layer, everything)


def check_dims(model: Nnet3Model, stages: Sequence[Stage]) -> dict[str, int]:
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
