"""Records of nnet3 components: all that a file holds of them, in the file's order.

A component stands in a file as `<Type> <Field> value <Field> value ... </Type>`. Fields came and went over
the years, so they are read by name, not by position. Source: the Read functions in
kaldi/src/nnet3/nnet-{simple,general,normalize,tdnn}-component.cc and nnet-component-itf.cc.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any

import numpy as np

from pysid.errors import DataError
from pysid.io.kaldi.reader import Reader, Writer

Value = Any  # int, bool, np.float32, np.float64, an array, a tuple of two numbers, or None for a bare switch
Schema = dict[str, Callable[[Reader], Value]]


@dataclass(frozen=True, eq=False)
class ComponentRecord:
    """A named component.

    Attributes:
        name: as nodes refer to it.
        type: such as "AffineComponent".
        fields: values by name, the names without angle brackets.
        where: the file and the place the record came from.
        closing: the token that ended it.
        n_rewrites: how often Kaldi takes the statistics through sums before it works with them; see `rewrite`.
            Twice where a recipe reads the network through a pipe from `nnet3-copy`, as they do.
    """

    name: str
    type: str
    fields: dict[str, Value]
    where: str = "a new network"
    closing: str = field(default="", repr=False)
    n_rewrites: int = field(default=2, repr=False)

    def __getitem__(self, key: str) -> Value:
        if key not in self.fields:
            raise self.error(f"a field <{key}>", "none")
        return self.fields[key]

    def get(self, key: str, default: Value) -> Value:
        """The field's value, or `default` where files of this version have no such field."""
        return self.fields.get(key, default)

    def error(self, expected: str, found: object) -> DataError:
        """The error that the component holds something other than `expected`."""
        return DataError(f"{self.where}: {self.type} {self.name}: expected {expected}, got {found}")


def read_component(reader: Reader) -> ComponentRecord:
    """Reads `<ComponentName> name <Type> ... </Type>`.

    Raises:
        DataError: the component is of a type that is not known here, or broken; with file and place.
    """
    reader.expect("<ComponentName>")
    where, name = reader.where(reader.position), reader.token()
    kind = reader.token().strip("<>")
    if kind not in SCHEMAS:
        raise DataError(f"{where}: component {name}: expected a supported type, got {kind}")
    fields: dict[str, Value] = {}
    ends = (f"</{kind}>", f"<{kind}>")  # old versions closed some components with the opening token
    while (token := reader.peek_token()) not in ends:
        key = token[1:-1]
        if token != f"<{key}>" or key not in SCHEMAS[kind] or key in fields:
            raise reader.error(f"a further field of the {kind} {name}, or {ends[0]}")
        reader.token()
        fields[key] = SCHEMAS[kind][key](reader)
    return ComponentRecord(name, kind, fields, where, closing=reader.token())


def write_component(writer: Writer, record: ComponentRecord) -> None:
    """The counterpart of `read_component`."""
    writer.token("<ComponentName>")
    writer.token(record.name)
    writer.token(f"<{record.type}>")
    for key, value in record.fields.items():
        writer.token(f"<{key}>")
        write_value(writer, value)
    writer.token(record.closing or f"</{record.type}>")


def write_value(writer: Writer, value: Value) -> None:
    """Writes one field's value in the way its Python type calls for."""
    match value:
        case None:
            pass
        case bool():
            writer.boolean(value)
        case int():
            writer.integer(value)
        case tuple():
            for part in value:
                write_value(writer, part)
        case np.floating():
            writer.real(value)
        case np.ndarray() if value.dtype.kind == "i":
            writer.integers(value)
        case np.ndarray() if value.ndim == 1:
            writer.vector(value)
        case np.ndarray():
            writer.matrix(value)
        case _:
            raise TypeError(f"no Kaldi form for {type(value).__name__}")


def _double(reader: Reader) -> Value:
    return reader.real(np.float64)


def _two_integers(reader: Reader) -> Value:
    return reader.integer(), reader.integer()


def _two_reals(reader: Reader) -> Value:
    return reader.real(), reader.real()


def _switch(reader: Reader) -> bool | None:
    """Some components write T or F here, and some nothing, where the bare token means T."""
    return None if reader.peek_token().startswith("<") else reader.boolean()


_integer, _real, _boolean = methodcaller("integer"), methodcaller("real"), methodcaller("boolean")
_vector, _matrix, _integers = methodcaller("vector"), methodcaller("matrix"), methodcaller("integers")

_DIM: Schema = {"Dim": _integer}
_DIMS: Schema = {"InputDim": _integer, "OutputDim": _integer}
_UPDATABLE: Schema = {
    "LearningRateFactor": _real,
    "IsGradient": _boolean,
    "MaxChange": _real,
    "L2Regularize": _real,
    "LearningRate": _real,
}
_PRECONDITIONER: Schema = {"NumSamplesHistory": _real, "Alpha": _real, "UpdatePeriod": _integer}
_NONLINEARITY: Schema = {
    **_DIM,
    "BlockDim": _integer,
    "ValueAvg": _vector,
    "DerivAvg": _vector,
    "Count": _double,
    "OderivRms": _vector,
    "OderivCount": _double,
    "NumDimsSelfRepaired": _double,
    "NumDimsProcessed": _double,
    "SelfRepairLowerThreshold": _real,
    "SelfRepairUpperThreshold": _real,
    "SelfRepairScale": _real,
}
_AFFINE: Schema = {
    **_UPDATABLE,
    "LinearParams": _matrix,
    "BiasParams": _vector,
    "OrthonormalConstraint": _real,
}
_NATURAL_GRADIENT_AFFINE: Schema = {
    **_AFFINE,
    **_PRECONDITIONER,
    "RankIn": _integer,
    "RankOut": _integer,
    "MaxChangePerSample": _real,
    "UpdateCount": _double,
    "ActiveScalingCount": _double,
    "MaxChangeScaleStats": _double,
}
_LINEAR: Schema = {
    **_UPDATABLE,
    **_PRECONDITIONER,
    "Params": _matrix,
    "OrthonormalConstraint": _real,
    "UseNaturalGradient": _boolean,
    "RankInOut": _two_integers,
}
_TDNN: Schema = {
    **_AFFINE,
    "TimeOffsets": _integers,
    "JointL2RegularizeProportion": _real,
    "UseNaturalGradient": _boolean,
    "NumSamplesHistory": _real,
    "AlphaInOut": _two_reals,
    "RankInOut": _two_integers,
}
_SCALE: Schema = {**_UPDATABLE, "Params": _vector}
_DROPOUT: Schema = {
    **_DIM,
    "BlockDim": _integer,
    "TimePeriod": _integer,
    "DropoutProportion": _real,
    "DropoutPerFrame": _boolean,
    "SpecAugmentMaxProportion": _real,
    "SpecAugmentMaxRegions": _integer,
    "TestMode": _switch,
    "Continuous": _switch,
}

SCHEMAS: dict[str, Schema] = {
    "AffineComponent": _AFFINE,
    "NaturalGradientAffineComponent": _NATURAL_GRADIENT_AFFINE,
    "FixedAffineComponent": {"LinearParams": _matrix, "BiasParams": _vector},
    "LinearComponent": _LINEAR,
    "TdnnComponent": _TDNN,
    "RepeatedAffineComponent": {**_AFFINE, "NumRepeats": _integer},
    "NaturalGradientRepeatedAffineComponent": {**_AFFINE, "NumRepeats": _integer},
    "BlockAffineComponent": {**_AFFINE, "NumBlocks": _integer},
    "BatchNormComponent": {
        **_DIM,
        "BlockDim": _integer,
        "Epsilon": _real,
        "TargetRms": _real,
        "TestMode": _boolean,
        "Count": _double,
        "StatsMean": _vector,
        "StatsVar": _vector,
    },
    "NormalizeComponent": {
        **_NONLINEARITY,
        "InputDim": _integer,
        "TargetRms": _real,
        "AddLogStddev": _boolean,
    },
    "RectifiedLinearComponent": _NONLINEARITY,
    "SigmoidComponent": _NONLINEARITY,
    "TanhComponent": _NONLINEARITY,
    "SoftmaxComponent": _NONLINEARITY,
    "LogSoftmaxComponent": _NONLINEARITY,
    "PnormComponent": _DIMS,
    "NoOpComponent": {**_NONLINEARITY, "BackpropScale": _real},
    "ClipGradientComponent": {
        **_DIM,
        "ClippingThreshold": _real,
        "NormBasedClipping": _boolean,
        "SelfRepairClippedProportionThreshold": _real,
        "SelfRepairTarget": _real,
        "SelfRepairScale": _real,
        "NumElementsClipped": _integer,
        "NumElementsProcessed": _integer,
        "NumSelfRepaired": _integer,
        "NumBackpropped": _integer,
    },
    "BackpropTruncationComponent": {
        **_DIM,
        "Scale": _real,
        "ClippingThreshold": _real,
        "ZeroingThreshold": _real,
        "ZeroingInterval": _integer,
        "RecurrenceInterval": _integer,
        "NumElementsClipped": _double,
        "NumElementsZeroed": _double,
        "NumElementsProcessed": _double,
        "NumZeroingBoundaries": _double,
    },
    "DropoutComponent": _DROPOUT,
    "GeneralDropoutComponent": _DROPOUT,
    "SpecAugmentTimeMaskComponent": {
        **_DIM,
        "ZeroedProportion": _real,
        "TimeMaskMaxFrames": _integer,
        "TestMode": _switch,
    },
    "StatisticsExtractionComponent": {
        "InputDim": _integer,
        "InputPeriod": _integer,
        "OutputPeriod": _integer,
        "IncludeVarinance": _boolean,
    },
    "StatisticsPoolingComponent": {
        "InputDim": _integer,
        "InputPeriod": _integer,
        "LeftContext": _integer,
        "RightContext": _integer,
        "NumLogCountFeatures": _integer,
        "OutputStddevs": _boolean,
        "VarianceFloor": _real,
    },
    "FixedScaleComponent": {"Scales": _vector},
    "FixedBiasComponent": {"Bias": _vector},
    "PerElementScaleComponent": _SCALE,
    "NaturalGradientPerElementScaleComponent": {
        **_SCALE,
        **_PRECONDITIONER,
        "Rank": _integer,
        "MaxChangePerMinibatch": _real,
    },
    "PerElementOffsetComponent": {**_UPDATABLE, **_DIM, "Offsets": _vector, "UseNaturalGradient": _boolean},
    "ScaleAndOffsetComponent": {
        **_UPDATABLE,
        **_DIM,
        "Scales": _vector,
        "Offsets": _vector,
        "UseNaturalGradient": _boolean,
        "Rank": _integer,
    },
    "ElementwiseProductComponent": _DIMS,
    "SumBlockComponent": {**_DIMS, "Scale": _real},
    "SumGroupComponent": {"Sizes": _integers},
    "PermuteComponent": {"ColumnMap": _integers},
}
