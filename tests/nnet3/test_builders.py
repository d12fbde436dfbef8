"""Each component against its formula, in a network of that component alone."""

import math

import numpy as np
import pytest

from pysid.errors import DataError

X = np.array([0.5, -1.0, 2.0, 3.0])
W = np.array([[1.0, 2, 3, 4], [0, -1, 0, 1], [1, 1, 1, 1]])
MATRIX = "[\n 1 2 3 4\n 0 -1 0 1\n 1 1 1 1 ]"


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (
            "AffineComponent",
            f"<LearningRate> 0.1 <LinearParams> {MATRIX} <BiasParams> [ 1 2 3 ]",
            W @ X + np.array([1, 2, 3]),
        ),
        (
            "NaturalGradientAffineComponent",
            f"<LearningRate> 0.1 <LinearParams> {MATRIX} <BiasParams> [ 1 2 3 ] <RankIn> 1 <RankOut> 1",
            W @ X + np.array([1, 2, 3]),
        ),
        (
            "FixedAffineComponent",
            f"<LinearParams> {MATRIX} <BiasParams> [ 1 2 3 ]",
            W @ X + np.array([1, 2, 3]),
        ),
        ("LinearComponent", f"<LearningRate> 0.1 <Params> {MATRIX} <RankInOut> 1 2", W @ X),
        (
            "TdnnComponent",
            f"<LearningRate> 0.1 <TimeOffsets> [ 0 ] <LinearParams> {MATRIX} <BiasParams> [ ]",
            W @ X,
        ),
        (
            "RepeatedAffineComponent",
            "<NumRepeats> 2 <LinearParams> [\n 1 2 ] <BiasParams> [ 1 ]",
            [0.5 - 2 + 1, 2 + 6 + 1],
        ),
        (
            "BlockAffineComponent",
            "<NumBlocks> 2 <LinearParams> [\n 1 2\n 3 4 ] <BiasParams> [ 1 -1 ]",
            [0.5 - 2 + 1, 6 + 12 - 1],
        ),
        (
            "BatchNormComponent",
            "<Dim> 4 <BlockDim> 2 <Epsilon> 0.5 <TargetRms> 3 <Count> 9 <StatsMean> [ 1 2 ] <StatsVar> [ 3.5 0.5 ]",
            3 * (X - [1, 2, 1, 2]) / np.sqrt([4, 1, 4, 1]),
        ),
        ("NormalizeComponent", "<InputDim> 4 <TargetRms> 2", X * 4 / np.linalg.norm(X)),
        (
            "NormalizeComponent",
            "<InputDim> 4 <BlockDim> 2 <TargetRms> 1 <AddLogStddev> T",
            [*(X[:2] / 0.7905694), math.log(0.7905694), *(X[2:] / 2.5495098), math.log(2.5495098)],
        ),
        ("RectifiedLinearComponent", "<Dim> 4", [0.5, 0, 2, 3]),
        ("SigmoidComponent", "<Dim> 4", 1 / (1 + np.exp(-X))),
        ("TanhComponent", "<Dim> 4", np.tanh(X)),
        ("SoftmaxComponent", "<Dim> 4", softmax(X)),
        ("LogSoftmaxComponent", "<Dim> 4", np.log(softmax(X))),
        ("PnormComponent", "<InputDim> 4 <OutputDim> 2", [math.hypot(0.5, 1), math.hypot(2, 3)]),
        ("NoOpComponent", "<Dim> 4 <BackpropScale> 0.5", X),
        ("ClipGradientComponent", "<Dim> 4", X),
        ("BackpropTruncationComponent", "<Dim> 4", X),
        ("DropoutComponent", "<Dim> 4 <DropoutProportion> 0.25 <TestMode> F", 0.75 * X),
        (
            "GeneralDropoutComponent",
            "<Dim> 4 <BlockDim> 4 <DropoutProportion> 0.25 <TestMode> <Continuous>",
            X,
        ),
        ("SpecAugmentTimeMaskComponent", "<Dim> 4 <ZeroedProportion> 0.2 <TimeMaskMaxFrames> 9", X),
        ("FixedScaleComponent", "<Scales> [ 1 2 3 4 ]", X * [1, 2, 3, 4]),
        ("FixedBiasComponent", "<Bias> [ 1 2 3 4 ]", X + np.array([1, 2, 3, 4])),
        ("PerElementScaleComponent", "<LearningRate> 0.1 <Params> [ 1 2 3 4 ]", X * [1, 2, 3, 4]),
        ("NaturalGradientPerElementScaleComponent", "<Params> [ 1 2 3 4 ] <Rank> 1", X * [1, 2, 3, 4]),
        ("PerElementOffsetComponent", "<Offsets> [ 1 2 ] <Dim> 4", X + np.array([1, 2, 1, 2])),
        (
            "ScaleAndOffsetComponent",
            "<Dim> 4 <Scales> [ 2 -1e-9 ] <Offsets> [ 1 3 ]",
            [2, 3 + 1e-4, 5, 3 - 3e-4],
        ),
        ("ElementwiseProductComponent", "<InputDim> 4 <OutputDim> 2", [1, -3]),
        ("SumBlockComponent", "<InputDim> 4 <OutputDim> 2 <Scale> 0.5", [1.25, 1]),
        ("SumGroupComponent", "<Sizes> [ 1 3 ]", [0.5, 4]),
        ("PermuteComponent", "<ColumnMap> [ 3 0 1 2 ]", [3, 0.5, -1, 2]),
    ],
)
def test_component_is_its_formula(run_component, kind, fields, expected):
    np.testing.assert_allclose(run_component(kind, fields), expected, rtol=1e-5, atol=1e-6)


def test_softmax_has_kaldis_floor(run_component):
    got = run_component("SoftmaxComponent", "<Dim> 2", np.array([0.0, 200.0]))
    np.testing.assert_allclose(got, [1e-20, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("AffineComponent", f"<LinearParams> {MATRIX}", "expected a field <BiasParams>, got none"),
        ("AffineComponent", f"<LinearParams> {MATRIX} <BiasParams> [ 1 ]", "expected a bias of 3 numbers"),
        ("AffineComponent", "<LinearParams> [ ] <BiasParams> [ ]", "expected a bias of 0 numbers"),
        ("FixedScaleComponent", "<Scales> [ 1 nan ]", "expected finite numbers in <Scales>, got a NaN"),
        ("LinearComponent", "<Params> [ ]", "expected a matrix, got an empty one"),
        (
            "TdnnComponent",
            f"<TimeOffsets> [ 0 1 2 ] <LinearParams> {MATRIX} <BiasParams> [ ]",
            "weights of whole frames",
        ),
        (
            "BatchNormComponent",
            "<Dim> 2 <Epsilon> 0.5 <TargetRms> 3 <Count> 0 <StatsMean> [ 1 2 ] <StatsVar> [ 1 1 ]",
            "expected statistics of 2 dimensions, got 2 and a count of 0",
        ),
        (
            "BatchNormComponent",
            "<Dim> 1 <Epsilon> 0 <TargetRms> 3 <Count> 3 <StatsMean> [ 2 ] <StatsVar> [ 1 ]",
            "expected <Epsilon> and <TargetRms> to be positive, got 0",
        ),
        (
            "BatchNormComponent",
            "<Dim> 1 <Epsilon> 1 <TargetRms> 3 <Count> 1e38 <StatsMean> [ 2e9 ] <StatsVar> [ 1 ]",
            "expected statistics and a count within single precision, got a count of 1e\\+38",
        ),
        ("RectifiedLinearComponent", "<Dim> -1", "expected <Dim> to be positive, got -1"),
        ("PnormComponent", "<InputDim> 4 <OutputDim> 3", "expected an OutputDim that divides 4, got 3"),
        ("PermuteComponent", "<ColumnMap> [ 0 0 ]", "expected a permutation"),
        ("SumGroupComponent", "<Sizes> [ 2 0 ]", "expected positive sizes"),
        ("NormalizeComponent", "<Dim> 4 <BlockDim> 3", "expected blocks that divide 4 dimensions, got 3"),
        ("PerElementScaleComponent", "<LearningRate> 1", "expected scales or offsets, got neither"),
        (
            "ScaleAndOffsetComponent",
            "<Dim> 4 <Scales> [ 1 2 ] <Offsets> [ 1 ]",
            "scales and offsets that divide",
        ),
        (
            "StatisticsExtractionComponent",
            "<InputDim> 4 <InputPeriod> 2 <OutputPeriod> 3",
            "an OutputPeriod that 2",
        ),
        (
            "StatisticsPoolingComponent",
            "<InputDim> 4 <InputPeriod> 1 <LeftContext> 0 <RightContext> 9 <NumLogCountFeatures> 0 <OutputStddevs> T",
            "expected contexts in steps of InputPeriod and a fitting InputDim",
        ),
    ],
)
def test_components_that_do_not_fit_are_named(run_component, kind, fields, message):
    with pytest.raises(DataError, match=rf"^net\.txt:\d+: {kind} c: .*{message}"):
        run_component(kind, fields)
