"""A network in words and figures, as `nnet3-info` prints it.

Source: kaldi/src/nnet3/nnet-nnet.cc, Nnet::Info; nnet-utils.cc, ComputeSimpleNnetContext; and the Info functions of
the components. For rare components only the dimensions are given.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pysid.errors import DataError
from pysid.kaldi.log import six_digits
from pysid.kaldi.nnet3_edits import PARAMETERS
from pysid.nnet3.builders import build_layer
from pysid.nnet3.components import ComponentRecord
from pysid.nnet3.config_lines import ComponentNode, InputNode, OutputNode
from pysid.nnet3.descriptors import Descriptor, Node, Offset, Round, Switch
from pysid.nnet3.file import Nnet3Model
from pysid.nnet3.rewrite import rewritten_moments
from pysid.nnet3.times import Step, TimePlan
from pysid.nnet3.wiring import Stage, build_stages, check_dims, needed_lines

_WINDOW = 150  # frames that Kaldi tries a network with
_PERCENTILES = (0, 1, 2, 5, 10, 20, 50, 80, 90, 95, 98, 99, 100)


def network_info(model: Nnet3Model) -> str:
    """The whole text, one line for each figure, node and component.

    Raises:
        DataError: the network does not fit together.
    """
    stages = _all_stages(model)
    dims = check_dims(model, list(stages.values()))
    modulus = _modulus(model)
    lines = []
    if _is_simple(model):
        left, right = _context(build_stages(model, needed_lines(model, "output"), "input"), modulus)
        lines += [f"left-context: {left}", f"right-context: {right}"]
    lines.append(f"num-parameters: {sum(_n_parameters(record) for record in model.components.values())}")
    lines.append(f"modulus: {modulus}")
    lines += [_node_line(line.node, stages, dims) for line in model.lines if line.node.name in dims]
    lines += [f"component name={name} type={component_info(x)}" for name, x in model.components.items()]
    return "".join(f"{line}\n" for line in lines)


def component_info(record: ComponentRecord) -> str:
    """A component's type, dimensions, settings and statistics, in one line."""
    match record.type:
        case "AffineComponent" | "NaturalGradientAffineComponent":
            return _updatable(record) + _orthonormal(record) + _affine(record) + _natural_gradient(record)
        case "LinearComponent":
            return _updatable(record) + _matrix("params", record["Params"]) + _orthonormal(record) + _pairs(record)
        case "TdnnComponent":
            offsets = ", time-offsets=" + ",".join(str(x) for x in record["TimeOffsets"])
            return _updatable(record) + _orthonormal(record) + offsets + _affine(record) + _pairs(record)
        case "BatchNormComponent":
            return _batch_norm(record)
        case "NoOpComponent":
            return f"{record.type}, dim={record['Dim']}"
        case "DropoutComponent" | "GeneralDropoutComponent":
            block = f", block-dim={record['BlockDim']}" if "BlockDim" in record.fields else ""
            proportion = six_digits(float(record.get("DropoutProportion", 0)))
            return f"{record.type}, dim={record['Dim']}{block}, dropout-proportion={proportion}"
        case _ if "ValueAvg" in record.fields and "Dim" in record.fields:
            return _nonlinearity(record)
        case _ if "LearningRate" in record.fields:
            return _updatable(record)
        case _:
            return _dimensions(record)


def summary(values: NDArray) -> str:
    """A vector: all its values if they are few, else percentiles, mean and standard deviation.

    >>> summary(np.array([0.5, 12, 1e-3], np.float32))
    '[ 0.50 12 0.001 ]'
    """
    values = values.astype(np.float32)
    if len(values) < 10:
        return "[ " + "".join(f"{_succinct(x)} " for x in values.tolist()) + "]"
    mean, deviation = _moments(values)
    ordered = np.sort(values)
    shown = [_succinct(float(ordered[(len(values) - 1) * p // 100])) for p in _PERCENTILES]
    groups = " ".join(",".join(group) for group in (shown[:4], shown[4:9], shown[9:]))
    names = " ".join(",".join(map(str, group)) for group in (_PERCENTILES[:4], _PERCENTILES[4:9], _PERCENTILES[9:]))
    return f"[percentiles({names})=({groups}), mean={mean:.3g}, stddev={deviation:.3g}]"


def _all_stages(model: Nnet3Model) -> dict[str, Stage]:
    """The stages of all outputs, by node."""
    stages: dict[str, Stage] = {}
    inputs = [line.node.name for line in model.lines if isinstance(line.node, InputNode)]
    if not inputs:
        raise DataError(f"{model.source}: expected an input-node, got none")
    for line in model.lines:
        if isinstance(line.node, OutputNode):
            for stage in build_stages(model, needed_lines(model, line.node.name), inputs[0]):
                stages.setdefault(stage.step.name, stage)
    return stages


def _is_simple(model: Nnet3Model) -> bool:
    names = {line.node.name: type(line.node) for line in model.lines}
    return names.get("output") is OutputNode and names.get("input") is InputNode


def _modulus(model: Nnet3Model) -> int:
    """After how many frames the network repeats itself."""

    def of(descriptor: Descriptor) -> int:
        own = descriptor.modulus if isinstance(descriptor, Round) else 1
        if isinstance(descriptor, Switch):
            own = len(descriptor.sources)
        return math.lcm(own, *(of(part) for part in descriptor.sources))

    return math.lcm(*(of(line.node.input) for line in model.lines if not isinstance(line.node, InputNode)))


def _context(stages: list[Stage], modulus: int) -> tuple[int, int]:
    """How many frames at either end of a window have no output of their own."""
    left = right = 0
    for shift in range(modulus):
        defined = [_is_defined([stage.step for stage in stages], shift, shift + t) for t in range(_WINDOW)]
        if not any(defined):
            raise DataError(f"expected an output within {_WINDOW} frames, got none")
        first = defined.index(True)
        end = defined.index(False, first) if False in defined[first:] else _WINDOW
        left, right = max(left, first), max(right, _WINDOW - end)
    return left, right


def _is_defined(steps: list[Step], start: int, time: int) -> bool:
    """Whether there is an output at `time` where the features are the frames from `start` on."""
    features = next(step.name for step in steps if step.input is None)
    shifted = [Step("features", None), Step(features, Offset(Node("features"), -start))]
    others = [step for step in steps if step.input is not None]
    output = Step("output at the time", Offset(Node(steps[-1].name), time))
    return bool(TimePlan([*shifted, *others, output], [_WINDOW]).defined[output.name].any())


def _n_parameters(record: ComponentRecord) -> int:
    if "LearningRate" not in record.fields:
        return 0
    return sum(record[key].size for key in PARAMETERS if key in record.fields)


def _node_line(node: object, stages: dict[str, Stage], dims: dict[str, int]) -> str:
    match node:
        case ComponentNode(name, _, source):
            return f"{node} input-dim={_input_dim(source, stages[name], dims)} output-dim={dims[name]}"
        case OutputNode(name, source, objective):
            return f"output-node name={name} input={source} dim={dims[name]} objective={objective}"
        case _:
            return str(node)


def _input_dim(source: Descriptor, stage: Stage, dims: dict[str, int]) -> int:
    """The width of one frame, for a layer that splices its input itself."""
    layer = stage.layer
    offsets = len(getattr(layer, "offsets", (0,)))
    return layer.in_dim // offsets if layer is not None else dims[next(source.nodes())]


def _updatable(record: ComponentRecord) -> str:
    text = f"{_dimensions(record)}, learning-rate={_float(record['LearningRate'])}"
    if record.get("IsGradient", False):
        text += ", is-gradient=true"
    for key, name, default in (
        ("L2Regularize", "l2-regularize", 0),
        ("LearningRateFactor", "learning-rate-factor", 1),
        ("MaxChange", "max-change", 0),
    ):
        if record.get(key, default) != default:
            text += f", {name}={_float(record[key])}"
    return text


def _dimensions(record: ComponentRecord) -> str:
    layer = build_layer(record)
    in_dim = layer.in_dim // len(getattr(layer, "offsets", (0,)))
    return f"{record.type}, input-dim={in_dim}, output-dim={layer.out_dim}"


def _orthonormal(record: ComponentRecord) -> str:
    constraint = float(record.get("OrthonormalConstraint", 0))
    return f", orthonormal-constraint={_float(constraint)}" if constraint else ""


def _affine(record: ComponentRecord) -> str:
    bias = record["BiasParams"]
    if bias.size == 0:
        return _matrix("linear-params", record["LinearParams"]) + ", has-bias=false"
    mean, deviation = _moments(bias)
    return f"{_matrix('linear-params', record['LinearParams'])}, bias-{{mean,stddev}}={mean:.4g},{deviation:.4g}"


def _matrix(name: str, matrix: NDArray) -> str:
    squares = matrix.astype(np.float32) ** 2
    rms = math.sqrt(float(squares.sum()) / matrix.size)
    rows, columns = (summary(np.sqrt(squares.sum(axis=axis))) for axis in (1, 0))
    return f", {name}-rms={rms:.4g}, {name}-row-norms={rows}, {name}-col-norms={columns}"


def _natural_gradient(record: ComponentRecord) -> str:
    if "RankIn" not in record.fields:
        return ""
    return _preconditioner(record, record["RankIn"], record["RankOut"], record["Alpha"])


def _pairs(record: ComponentRecord) -> str:
    """The settings of components that keep those of both sides together."""
    is_used = record.get("UseNaturalGradient", True)
    if record.type == "TdnnComponent" and not is_used:
        return ", use-natural-gradient=false"
    used = f", use-natural-gradient={str(is_used).lower()}" if record.type == "LinearComponent" else ""
    alpha = record["AlphaInOut"][0] if "AlphaInOut" in record.fields else record.get("Alpha", np.float32(4))
    rank_in, rank_out = record["RankInOut"]
    return used + _preconditioner(record, rank_in, rank_out, alpha)


def _preconditioner(record: ComponentRecord, rank_in: int, rank_out: int, alpha: float) -> str:
    return (
        f", rank-in={rank_in}, rank-out={rank_out}, num-samples-history={_float(record['NumSamplesHistory'])}"
        f", update-period={record.get('UpdatePeriod', 4)}, alpha={_float(alpha)}"
    )


def _nonlinearity(record: ComponentRecord) -> str:
    dim, count = record["Dim"], float(record.get("Count", 0))
    text = f"{record.type}, dim={dim}"
    if record.get("BlockDim", dim) != dim:
        text += f", block-dim={record['BlockDim']}"
    for key, name in (
        ("SelfRepairLowerThreshold", "self-repair-lower-threshold"),
        ("SelfRepairUpperThreshold", "self-repair-upper-threshold"),
        ("SelfRepairScale", "self-repair-scale"),
    ):
        if key in record.fields:
            text += f", {name}={_float(record[key])}"
    if count > 0 and len(record["ValueAvg"]) == dim:
        processed, repaired = (float(record.get(key, 0)) for key in ("NumDimsProcessed", "NumDimsSelfRepaired"))
        share = repaired / processed if processed else 0.0
        text += f", count={count:.3g}, self-repaired-proportion={six_digits(share)}"
        text += f", value-avg={summary(record['ValueAvg'])}"
        if len(record["DerivAvg"]) == dim:
            text += f", deriv-avg={summary(record['DerivAvg'])}"
    rms_count = float(record.get("OderivCount", 0))
    if rms_count > 0 and len(record["OderivRms"]) == dim:
        text += f", oderiv-rms={summary(record['OderivRms'])}, oderiv-count={six_digits(rms_count)}"
    return text


def _batch_norm(record: ComponentRecord) -> str:
    dim, count = record["Dim"], float(record["Count"])
    text = (
        f"{record.type}, dim={dim}, block-dim={record.get('BlockDim', dim)}, epsilon={_float(record['Epsilon'])}"
        f", target-rms={_float(record['TargetRms'])}, count={six_digits(count)}"
        f", test-mode={str(record.get('TestMode', False)).lower()}"
    )
    if count > 0:
        mean, variance = rewritten_moments(record["StatsMean"], record["StatsVar"], count)
        text += f", data-mean={summary(mean)}, data-stddev={summary(np.sqrt(np.maximum(variance, 0)))}"
    return text


def _moments(values: NDArray) -> tuple[float, float]:
    """Mean and standard deviation, rounded as Kaldi does."""
    n = np.float32(len(values))
    mean = np.cumsum(values)[-1] / n  # one after the other: where values cancel, what is left depends on the order
    return float(mean), math.sqrt(max(float(values @ values / n - mean * mean), 0))


def _float(value: object) -> str:
    return six_digits(float(np.float32(value)))  # type: ignore[arg-type]


def _succinct(value: float) -> str:
    size = abs(value)
    if 10 <= size < 10000:
        return f"{value:.0f}"
    if size >= 0.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.01 else f"{value:.1g}"
