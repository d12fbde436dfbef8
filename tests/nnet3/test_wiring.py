"""From lines to nodes in order, with widths that fit."""

import itertools

import pytest
import torch

from pysid.errors import DataError
from pysid.nnet3.file import read_nnet3
from pysid.nnet3.graph import Nnet3Graph


def test_dim_range_nodes_take_columns(make_nnet3):
    lines = [
        "input-node name=input dim=4",
        "dim-range-node name=part input-node=input dim-offset=1 dim=2",
        "output-node name=output input=Append(part, Offset(part, 1))",
    ]
    x = torch.arange(8.0).reshape(1, 2, 4)
    assert Nnet3Graph(make_nnet3(lines))(x)[0].tolist() == [1, 2, 5, 6]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["output-node name=output input=missing"],
            "net.txt:3: node output: expected the name of a node, got missing",
        ),
        (
            ["output-node name=out input=input"],
            "net.txt: expected an output-node with the name output, got none",
        ),
        (
            ["component-node name=a component=b input=input", "output-node name=output input=a"],
            "net.txt:3: node a: expected the name of a component, got b",
        ),
        (
            [
                "component-node name=a component=noop input=Append(input, input)",
                "output-node name=output input=a",
            ],
            "net.txt:3: node a: expected 3 dimensions of input, got 6",
        ),
        (
            ["output-node name=output input=Sum(input, Const(1, 2))"],
            r"net.txt:3: node output: expected parts of the same width in Sum\(.*\), got \[3, 2\]",
        ),
        (
            ["dim-range-node name=a input-node=input dim-offset=2 dim=2", "output-node name=output input=a"],
            "net.txt:3: node a: expected at least 4 dimensions of input, got 3",
        ),
        (
            [
                "component-node name=a component=noop input=Sum(input, IfDefined(Offset(b, -1)))",
                "component-node name=b component=noop input=a",
                "output-node name=output input=b",
            ],
            "net.txt: expected no recurrence, got (a -> b -> a|b -> a -> b)",
        ),
        (
            ["input-node name=ivector dim=3", "output-node name=output input=Sum(input, ivector)"],
            "net.txt:3: expected no input but input, got one named ivector",
        ),
        (
            ["output-node name=output input=Const(1, 3)"],
            "net.txt: expected output to depend on input, got no such path",
        ),
    ],
)
def test_networks_that_do_not_fit_together_are_named(make_nnet3, lines, message):
    model = make_nnet3(["input-node name=input dim=3", *lines], {"noop": "<NoOpComponent> <Dim> 3 </NoOpComponent>"})
    with pytest.raises(DataError, match=message):
        Nnet3Graph(model)


def test_a_long_chain_needs_no_deep_recursion(make_nnet3):
    names = ["input", *(f"n{i}" for i in range(3000))]
    lines = [f"component-node name={b} component=c input={a}" for a, b in itertools.pairwise(names)]
    model = make_nnet3(
        ["input-node name=input dim=1", *lines, f"output-node name=output input={names[-1]}"],
        {"c": "<NoOpComponent> <Dim> 1 </NoOpComponent>"},
    )
    assert Nnet3Graph(model)(torch.ones(1, 1, 1)).item() == 1


def test_only_needed_components_are_built(golden):
    model = read_nnet3(golden / "nnet3" / "small.raw", golden / "nnet3" / "extract.config")
    assert len(Nnet3Graph(model).layers) == 18  # 15 before pooling, 2 to pool, tdnn6.affine
