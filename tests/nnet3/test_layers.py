"""Layers that look at several frames: offsets, and statistics over windows."""

import math

import numpy as np
import pytest
import torch

from pysid.nnet3.graph import Nnet3Graph


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
