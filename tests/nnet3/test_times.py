"""Which frames of which nodes an output takes."""

import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.nnet3.graph import Nnet3Graph
from pysid.nnet3.times import BlockWindow, ContextWindow, TimePlan
from pysid.nnet3.wiring import build_stages, needed_lines


# Frame t of the input is [10 t, 10 t + 1], t = 0 to 4; the network's output is a descriptor of it at time 0.
@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        ("Offset(input, 3)", [30, 31]),
        ("Append(Offset(input, 1), input)", [10, 11, 0, 1]),
        ("Sum(input, Scale(2, Offset(input, 1)), Const(0.5, 2))", [20.5, 23.5]),
        ("Offset(Round(input, 2), 3)", [20, 21]),
        ("Round(Offset(input, 3), 2)", [30, 31]),
        ("ReplaceIndex(Offset(input, 1), t, 2)", [30, 31]),
        ("Offset(ReplaceIndex(input, t, 2), -9)", [20, 21]),
        ("Offset(Switch(input, Offset(input, 1), Offset(input, -1)), 1)", [20, 21]),
        ("IfDefined(Offset(input, -1))", [0, 0]),
        ("IfDefined(Offset(input, 4))", [40, 41]),
        ("Sum(input, IfDefined(Append(Offset(input, 5))))", [0, 1]),
        ("Failover(Offset(input, -1), Offset(input, 2))", [20, 21]),
        ("Failover(Offset(input, 1), Offset(input, 2))", [10, 11]),
        ("Append(IfDefined(Failover(Offset(input, 9), Offset(input, 8))), input)", [0, 0, 0, 1]),
    ],
)
def test_descriptors_see_the_frames_that_kaldi_says(make_nnet3, descriptor, expected):
    lines = ["input-node name=input dim=2", f"output-node name=output input={descriptor}"]
    network = Nnet3Graph(make_nnet3(lines))
    x = 10 * torch.arange(5.0)[:, None] + torch.arange(2.0)
    assert network(x[None])[0].tolist() == expected
    padded = torch.cat([x, torch.full((3, 2), float("nan"))])
    assert network(padded[None], torch.tensor([5]))[0].tolist() == expected


def test_an_undefined_switch_branch_is_only_needed_where_it_is_taken(make_nnet3):
    descriptor = "Switch(input, Offset(input, 99))"
    network = Nnet3Graph(make_nnet3(["input-node name=input dim=1", f"output-node name=output input={descriptor}"]))
    assert network(torch.tensor([[[3.0]]])).item() == 3


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


def plan(make_nnet3, lines, n_frames):
    model = make_nnet3(["input-node name=input dim=1", *lines])
    nodes = needed_lines(model, "output")
    return TimePlan([stage.step for stage in build_stages(model, nodes, "input")], n_frames)


def test_a_plan_asks_for_what_it_takes_and_no_more(make_nnet3):
    lines = ["output-node name=output input=Append(Offset(input, -2), Offset(input, 3))"]
    assert plan(make_nnet3, lines, [9]).times["output"].tolist() == []  # nothing lies before frame 0
    made = plan(make_nnet3, [lines[0].replace("-2", "2")], [9, 3])
    assert {name: times.tolist() for name, times in made.times.items()} == {"input": [2, 3], "output": [0]}
    assert made.defined["output"][:, 0].tolist() == [True, False]  # the second utterance has no frame 3


def test_places_of_times(make_nnet3):
    made = plan(make_nnet3, ["output-node name=output input=Append(Offset(input, 2), Offset(input, 5))"], [9])
    places, found = made.locate("input", np.array([5, 3, 2, 99]))
    assert found.tolist() == [True, False, True, False]
    assert places[[0, 2]].tolist() == [1, 0]


def test_windows_reach_as_far_as_their_hull_says():
    times = np.arange(-7, 8)
    for window in (BlockWindow(1, 3), ContextWindow(1, 2, 4), ContextWindow(2, 4, 0)):
        starts, stops = window.bounds(times)
        first, last = window.hull((0, 2))  # of a source that has the times 0 to 2
        meets = (starts <= 2) & (stops > 0)
        assert ((times[meets] >= first) & (times[meets] <= last)).all() and meets.any()
