"""nnet3 components as torch modules in test mode: batch norm with stored statistics, dropout as its mean.

Source of each: the Propagate function of the same name in
kaldi/src/nnet3/nnet-{simple,general,normalize,tdnn}-component.cc.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pysid.nnet3.components import ComponentRecord
from pysid.nnet3.layers import (
    Affine,
    BlockAffine,
    Layer,
    Pointwise,
    ScaleAndOffset,
    StatisticsExtraction,
    StatisticsPooling,
    WindowLayer,
)
from pysid.nnet3.rewrite import rewritten_moments
from pysid.nnet3.times import BlockWindow, ContextWindow

_SCALE_FLOOR = 1e-4  # ScaleAndOffsetComponent::Epsilon
_SQUARED_NORM_FLOOR = 2.0**-66  # NormalizeComponent::kSquaredNormFloor
_SOFTMAX_FLOOR = 1e-20


def build_layer(record: ComponentRecord) -> Layer | WindowLayer:
    """The torch module of a component.

    Raises:
        DataError: a field is missing, does not fit the others, or is not finite.
    """
    for key, value in record.fields.items():
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            raise record.error(f"finite numbers in <{key}>", "a NaN or an infinity")
    return _BUILDERS[record.type](record)


def batch_norm_moments(record: ComponentRecord) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and variance, (BlockDim,), that Kaldi's batch norm works with.

    Kaldi reads them, goes through sums and sums of squares in single precision, and subtracts again: where
    the mean is much larger than the deviation, its variance is off by more than the epsilon hides, and so
    must ours be. It does that `record.n_rewrites` times.

    Raises:
        DataError: the network was never given statistics, or they have another dimension.
    """
    mean, variance, count = record["StatsMean"], record["StatsVar"], float(record["Count"])
    block = record.get("BlockDim", record["Dim"])
    if not count > 0 or mean.shape != (block,) or variance.shape != (block,):
        raise record.error(f"statistics of {block} dimensions", f"{len(mean)} and a count of {count:g}")
    with np.errstate(all="ignore"):
        for _ in range(record.n_rewrites):
            mean, variance = rewritten_moments(mean, variance, count)
    if not np.isfinite(variance).all():
        raise record.error("statistics and a count within single precision", f"a count of {count:g}")
    return mean, np.maximum(variance, np.float32(0))


def _tensor(values: NDArray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _weights(record: ComponentRecord, n_blocks: int = 1) -> tuple[Tensor, Tensor]:
    weight, bias = record["LinearParams"], record["BiasParams"]
    if weight.size == 0 or len(bias) != len(weight) or n_blocks < 1 or len(weight) % n_blocks:
        raise record.error(f"a bias of {len(weight)} numbers in {n_blocks} blocks", len(bias))
    return _tensor(weight), _tensor(bias)


def _affine(record: ComponentRecord) -> Layer:
    return Affine(*_weights(record))


def _linear(record: ComponentRecord) -> Layer:
    if record["Params"].size == 0:
        raise record.error("a matrix", "an empty one")
    return Affine(_tensor(record["Params"]), None)


def _tdnn(record: ComponentRecord) -> Layer:
    weight, bias = record["LinearParams"], record["BiasParams"]
    offsets = tuple(record["TimeOffsets"].tolist())
    if weight.size == 0 or not offsets or weight.shape[1] % len(offsets) or len(bias) not in (0, len(weight)):
        raise record.error(
            "a bias, or none, and weights of whole frames",
            f"{weight.shape} for {len(offsets)} frames, {len(bias)}",
        )
    return Affine(_tensor(weight), _tensor(bias) if len(bias) else None, offsets)


def _repeated_affine(record: ComponentRecord) -> Layer:
    weight, bias = _weights(record)
    n = _positive(record, "NumRepeats")
    return BlockAffine(weight.expand(n, -1, -1), bias.expand(n, -1))


def _block_affine(record: ComponentRecord) -> Layer:
    n = _positive(record, "NumBlocks")
    weight, bias = _weights(record, n)
    return BlockAffine(weight.unflatten(0, (n, -1)), bias.unflatten(0, (n, -1)))


def _batch_norm(record: ComponentRecord) -> Layer:
    mean, variance = batch_norm_moments(record)
    if not (record["Epsilon"] > 0 and record["TargetRms"] > 0):
        raise record.error("<Epsilon> and <TargetRms> to be positive", f"{record['Epsilon']:g}")
    root = ((variance + record["Epsilon"]).astype(np.float64) ** -0.5).astype(np.float32)
    scale = np.float32(record["TargetRms"]) * root
    return _scale_and_offset(record, scale, -mean * scale, record["Dim"])


def _per_element(record: ComponentRecord) -> Layer:
    fields = record.fields
    scale = next((fields[key] for key in ("Params", "Scales") if key in fields), None)
    offset = next((fields[key] for key in ("Offsets", "Bias") if key in fields), None)
    if scale is None and offset is None:
        raise record.error("scales or offsets", "neither")
    if record.type == "ScaleAndOffsetComponent" and scale is not None:
        scale = np.where(np.abs(scale) < _SCALE_FLOOR, np.copysign(_SCALE_FLOOR, scale), scale)
    return _scale_and_offset(record, scale, offset, record.get("Dim", 0))


def _scale_and_offset(
    record: ComponentRecord, scale: NDArray | None, offset: NDArray | None, dim: int
) -> ScaleAndOffset:
    block = max(0 if x is None else len(x) for x in (scale, offset))
    scale = np.ones(block) if scale is None else scale
    offset = np.zeros(block) if offset is None else offset
    dim = dim or block
    if block == 0 or len(scale) != len(offset) or dim % block:
        raise record.error(f"scales and offsets that divide {dim} dimensions", f"{len(scale)} and {len(offset)}")
    return ScaleAndOffset(dim, _tensor(scale), _tensor(offset))


def _dropout(record: ComponentRecord) -> Layer:
    keep = float(1 - record["DropoutProportion"])  # in test mode the mean replaces the random mask
    return Pointwise(*_same_dim(record), lambda x: x * keep)


def _pointwise(function: Callable[[Tensor], Tensor]) -> Callable[[ComponentRecord], Layer]:
    return lambda record: Pointwise(*_same_dim(record), function)


def _same_dim(record: ComponentRecord) -> tuple[int, int]:
    dim = _positive(record, "Dim")
    return dim, dim


def _normalize(record: ComponentRecord) -> Layer:
    dim = _positive(record, "InputDim" if "InputDim" in record.fields else "Dim")
    block, rms = record.get("BlockDim", dim), float(record.get("TargetRms", 1.0))
    add_log, n_blocks = record.get("AddLogStddev", False), dim // max(block, 1)
    if n_blocks * block != dim:
        raise record.error(f"blocks that divide {dim} dimensions", block)

    def normalize(x: Tensor) -> Tensor:
        blocks = x.unflatten(-1, (n_blocks, block))
        power = blocks.square().sum(-1, keepdim=True) / (block * rms**2)
        scale = power.clamp(min=_SQUARED_NORM_FLOOR).rsqrt()
        parts = [blocks * scale, np.log(rms) - scale.log()] if add_log else [blocks * scale]
        return torch.cat(parts, dim=-1).flatten(-2)

    return Pointwise(dim, dim + n_blocks * int(add_log), normalize)


def _blockwise(function: Callable[[Tensor], Tensor], axis: int) -> Callable[[ComponentRecord], Layer]:
    """Reduces InputDim columns to OutputDim: within neighbours (axis -1) or across blocks (axis -2)."""

    def build(record: ComponentRecord) -> Layer:
        dim, out = _positive(record, "InputDim"), _positive(record, "OutputDim")
        if dim % out:
            raise record.error(f"an OutputDim that divides {dim}", out)
        shape = (out, -1) if axis == -1 else (-1, out)
        scale = float(record.get("Scale", 1.0))
        return Pointwise(dim, out, lambda x: scale * function(x.unflatten(-1, shape)))

    return build


def _sum_group(record: ComponentRecord) -> Layer:
    sizes = record["Sizes"]
    if len(sizes) == 0 or sizes.min() < 1:
        raise record.error("positive sizes", sizes.tolist())
    ends = np.cumsum(sizes)
    return Pointwise(
        int(ends[-1]), len(sizes), lambda x: torch.stack([g.sum(-1) for g in x.split(sizes.tolist(), -1)], -1)
    )


def _permute(record: ComponentRecord) -> Layer:
    columns = torch.from_numpy(record["ColumnMap"].astype(np.int64))
    if len(columns) == 0 or sorted(columns.tolist()) != list(range(len(columns))):
        raise record.error("a permutation", columns.tolist()[:20])
    return Pointwise(len(columns), len(columns), lambda x: x.index_select(-1, columns.to(x.device)))


def _statistics_extraction(record: ComponentRecord) -> WindowLayer:
    step, period = _positive(record, "InputPeriod"), _positive(record, "OutputPeriod")
    if period % step:
        raise record.error(f"an OutputPeriod that {step} divides", period)
    window = BlockWindow(step, period)
    return StatisticsExtraction(_positive(record, "InputDim"), window, record["IncludeVarinance"])


def _statistics_pooling(record: ComponentRecord) -> WindowLayer:
    dim, step, stddevs = (
        _positive(record, "InputDim"),
        _positive(record, "InputPeriod"),
        record["OutputStddevs"],
    )
    left, right, n_log_counts = record["LeftContext"], record["RightContext"], record["NumLogCountFeatures"]
    if min(left, right, n_log_counts) < 0 or left % step or right % step or dim < 2 or (stddevs and dim % 2 == 0):
        raise record.error("contexts in steps of InputPeriod and a fitting InputDim", f"{left}, {right} and {dim}")
    window = ContextWindow(step, left, right)
    return StatisticsPooling(dim, window, n_log_counts, stddevs, float(record["VarianceFloor"]))


def _positive(record: ComponentRecord, key: str) -> int:
    value = record[key]
    if value < 1:
        raise record.error(f"<{key}> to be positive", value)
    return int(value)


def _identity(x: Tensor) -> Tensor:
    return x


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1).clamp(min=_SOFTMAX_FLOOR)


def _log_softmax(x: Tensor) -> Tensor:
    return x.log_softmax(-1)


def _norm(x: Tensor) -> Tensor:
    return x.square().sum(-1).sqrt()


_BUILDERS: dict[str, Callable[[ComponentRecord], Layer | WindowLayer]] = {
    "AffineComponent": _affine,
    "NaturalGradientAffineComponent": _affine,
    "FixedAffineComponent": _affine,
    "LinearComponent": _linear,
    "TdnnComponent": _tdnn,
    "RepeatedAffineComponent": _repeated_affine,
    "NaturalGradientRepeatedAffineComponent": _repeated_affine,
    "BlockAffineComponent": _block_affine,
    "BatchNormComponent": _batch_norm,
    "NormalizeComponent": _normalize,
    "RectifiedLinearComponent": _pointwise(torch.relu),
    "SigmoidComponent": _pointwise(torch.sigmoid),
    "TanhComponent": _pointwise(torch.tanh),
    "SoftmaxComponent": _pointwise(_softmax),
    "LogSoftmaxComponent": _pointwise(_log_softmax),
    "PnormComponent": _blockwise(_norm, -1),
    "NoOpComponent": _pointwise(_identity),
    "ClipGradientComponent": _pointwise(_identity),
    "BackpropTruncationComponent": _pointwise(_identity),
    "DropoutComponent": _dropout,
    "GeneralDropoutComponent": _pointwise(_identity),
    "SpecAugmentTimeMaskComponent": _pointwise(_identity),
    "StatisticsExtractionComponent": _statistics_extraction,
    "StatisticsPoolingComponent": _statistics_pooling,
    "FixedScaleComponent": _per_element,
    "FixedBiasComponent": _per_element,
    "PerElementScaleComponent": _per_element,
    "NaturalGradientPerElementScaleComponent": _per_element,
    "PerElementOffsetComponent": _per_element,
    "ScaleAndOffsetComponent": _per_element,
    "ElementwiseProductComponent": _blockwise(lambda x: x.prod(-2), -2),
    "SumBlockComponent": _blockwise(lambda x: x.sum(-2), -2),
    "SumGroupComponent": _sum_group,
    "PermuteComponent": _permute,
}
