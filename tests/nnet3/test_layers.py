"""Each component against its formula, in a network of that component alone."""

import math

import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.nnet3.graph import Nnet3Graph

X = np.array([0.5, -1.0, 2.0, 3.0])
W = np.array([[1.0, 2, 3, 4], [0, -1, 0, 1], [1, 1, 1, 1]])
MATRIX = "[\n 1 2 3 4\n 0 -1 0 1\n 1 1 1 1 ]"


def run(make_nnet3, kind, fields, x=X):
    model = make_nnet3(
        [
            f"input-node name=input dim={len(x)}",
            "component-node name=a component=c input=input",
            "output-node name=output input=a",
        ],
        {"c": f"<{kind}> {fields} </{kind}>"},
    )
    return Nnet3Graph(model)(torch.from_numpy(x).float()[None, None])[0].numpy()


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
def test_component_is_its_formula(make_nnet3, kind, fields, expected):
    np.testing.assert_allclose(run(make_nnet3, kind, fields), expected, rtol=1e-5, atol=1e-6)


def test_softmax_has_kaldis_floor(make_nnet3):
    got = run(make_nnet3, "SoftmaxComponent", "<Dim> 2", np.array([0.0, 200.0]))
    np.testing.assert_allclose(got, [1e-20, 1], rtol=1e-6)


def test_tdnn_sees_its_time_offsets(make_nnet3):
    fields = "<TimeOffsets> [ -1 2 ] <LinearParams> [\n 1 10 ] <BiasParams> [ 0.5 ]"
    lines = ["input-node name=input dim=1", "component-node name=a component=c input=Offset(input, 1)"]
    model = make_nnet3([*lines, "output-node name=output input=a"], {"c": f"<TdnnComponent> {fields} </TdnnComponent>"})
    network = Nnet3Graph(model)
    assert network(torch.tensor([[[1.0], [2], [3], [4]]])).item() == 1 + 40 + 0.5
    assert network.min_frames == 4


def statistics_network(make_nnet3, period, contexts, *, n_logs=1, stddevs="T", at=0):
    left, right = contexts
    extraction = f"<InputDim> 1 <InputPeriod> 1 <OutputPeriod> {period} <IncludeVarinance> T"
    pooling = f"<InputDim> 3 <InputPeriod> {period} <LeftContext> {left} <RightContext> {right}"
    pooling += f" <NumLogCountFeatures> {n_logs} <OutputStddevs> {stddevs} <VarianceFloor> 0.25"
    return Nnet3Graph(
        make_nnet3(
            [
                "input-node name=input dim=1",
                "component-node name=e component=e input=Offset(input, 2)",
                "component-node name=p component=p input=e",
                f"output-node name=output input=Offset(Round(p, {period}), {at})",
            ],
            {
                "e": f"<StatisticsExtractionComponent> {extraction} </StatisticsExtractionComponent>",
                "p": f"<StatisticsPoolingComponent> {pooling} </StatisticsPoolingComponent>",
            },
        )
    )


@pytest.mark.parametrize(
    ("period", "contexts", "at", "frames"),
    [
        (
            1,
            (0, 100),
            0,
            slice(2, None),
        ),  # the source begins at time -2: frames 0 and 1 lie before the window
        (1, (0, 3), 0, slice(2, 6)),
        (1, (1, 3), 0, slice(1, 6)),
        (1, (100, 0), 0, slice(0, 3)),
        (2, (2, 2), 0, slice(0, 6)),  # the blocks at times -2, 0 and 2, two frames each
        (2, (0, 4), 3, slice(4, 10)),  # rounded down to time 2
    ],
)
def test_statistics_pool_the_window_that_kaldi_pools(make_nnet3, period, contexts, at, frames):
    x = np.random.default_rng(0).normal(size=11) * 3
    network = statistics_network(make_nnet3, period, contexts, at=at)
    got = network(torch.from_numpy(x).float()[None, :, None])[0].numpy()
    pooled = x[frames]
    expected = [math.log(len(pooled)), pooled.mean(), pooled.std()]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_statistics_options(make_nnet3):
    x = torch.tensor([[[9.0], [9], [1], [1], [1]]])
    assert statistics_network(make_nnet3, 1, (0, 9))(x)[0].tolist()[1:] == [1, 0.5]  # the floor's root
    got = statistics_network(make_nnet3, 1, (2, 9), n_logs=0, stddevs="F")(x)[0]
    torch.testing.assert_close(got, torch.tensor([21 / 5, 165 / 5]))


def test_a_window_over_several_times_sums_each(make_nnet3):
    extraction = "<InputDim> 1 <InputPeriod> 1 <OutputPeriod> 2 <IncludeVarinance> F"
    model = make_nnet3(
        [
            "input-node name=input dim=1",
            "component-node name=e component=e input=input",
            "output-node name=output input=Append(e, Offset(e, 3), Offset(e, 4))",
        ],
        {"e": f"<StatisticsExtractionComponent> {extraction} </StatisticsExtractionComponent>"},
    )
    x = torch.tensor([[[1.0], [2], [3], [4], [5]]])
    assert Nnet3Graph(model)(x)[0].tolist() == [2, 3, 2, 7, 1, 5]
    x.requires_grad_(True)  # takes the way of devices other than the CPU
    assert Nnet3Graph(model)(x)[0].tolist() == [2, 3, 2, 7, 1, 5]


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
def test_components_that_do_not_fit_are_named(make_nnet3, kind, fields, message):
    with pytest.raises(DataError, match=rf"^net\.txt:\d+: {kind} c: .*{message}"):
        run(make_nnet3, kind, fields)


def test_a_window_too_long_to_compute_is_named(make_nnet3):
    pooling = "<InputDim> 3 <InputPeriod> 1 <LeftContext> 0 <RightContext> 2000000000 <NumLogCountFeatures> 0"
    model = make_nnet3(
        [
            "input-node name=input dim=3",
            "component-node name=p component=p input=IfDefined(input)",
            "output-node name=output input=p",
        ],
        {
            "p": f"<StatisticsPoolingComponent> {pooling} <OutputStddevs> T <VarianceFloor> 0.1"
            " </StatisticsPoolingComponent>"
        },
    )
    with pytest.raises(DataError, match="a statistics window of 2000000001 frames is more than can be computed"):
        Nnet3Graph(model)(torch.zeros(1, 9, 3))
