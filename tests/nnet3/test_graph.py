"""Networks at work, against nnet3-xvector-compute, and parts of them against what Kaldi's source says."""

import itertools

import kaldiio
import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.nnet3.file import read_nnet3
from pysid.nnet3.graph import Nnet3Graph, load_nnet3

MIN_CHUNK = 25
PARITY = {
    "xvectors": ("small", "extract.config"),
    "xvectors_tdnn7": ("small", "extract_tdnn7.config"),
    "xvectors_etdnn": ("etdnn", "extract_etdnn.config"),
    "xvectors_tdnnf": ("tdnnf", "extract.config"),
}


def pad_short(x):
    """The rule of nnet3-xvector-compute for utterances below the minimum: repeat the frames at both edges."""
    left = max(0, (MIN_CHUNK - len(x)) // 2)
    right = max(0, MIN_CHUNK - len(x) - left)
    return np.concatenate([np.repeat(x[:1], left, 0), x, np.repeat(x[-1:], right, 0)])


def tolerance(key, x, kind):
    """Relative distance from Kaldi to allow.

    Where a unit is the same in all frames, the deviation that is pooled is the root of rounding noise. With
    one frame repeated all units are, and the noise depends on how the matrix products round; text has lost
    the digits that the noise is made of.
    """
    if kind == "txt" or bool((x == x[0]).all()):
        return 1e-3
    return 2e-6 if key.startswith(("espeak", "flite")) else 1e-4


@pytest.fixture(scope="module")
def features(golden):
    archive = kaldiio.load_ark(str(golden / "feats" / "nnet_input.ark"))
    return {key: torch.from_numpy(pad_short(x.copy())) for key, x in archive}


@pytest.mark.parametrize("kind", ["raw", "txt"])
@pytest.mark.parametrize("archive", sorted(PARITY))
def test_matches_kaldi(golden, features, archive, kind):
    name, config = PARITY[archive]
    network = load_nnet3(golden / "nnet3" / f"{name}.{kind}", golden / "nnet3" / config)
    reference = dict(kaldiio.load_ark(str(golden / "nnet3" / f"{archive}.ark")))
    assert len(reference) == 28
    for key, expected in reference.items():
        x = features[key]
        got = network(x[None])[0].numpy()
        deviation = np.linalg.norm(got - expected) / np.linalg.norm(expected)
        assert deviation < tolerance(key, x, kind), key


@pytest.mark.parametrize("archive", sorted(PARITY))
def test_a_batch_equals_one_by_one(golden, features, archive):
    name, config = PARITY[archive]
    network = load_nnet3(golden / "nnet3" / f"{name}.raw", golden / "nnet3" / config)
    keys = ["espeak_dem1_1", "chirp_with_silence", "noise_white", "clipped_square", "flite_rms_2"]
    batch = torch.nn.utils.rnn.pad_sequence([features[key] for key in keys], True, padding_value=float("nan"))
    together = network(batch, torch.tensor([len(features[key]) for key in keys]))
    alone = torch.stack([network(features[key][None])[0] for key in keys])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_text_and_binary_networks_agree(golden, features):
    folder = golden / "nnet3"
    one, other = (load_nnet3(folder / f"tdnnf.{kind}", folder / "extract.config") for kind in ("raw", "txt"))
    x = features["espeak_dem1_1"][None]
    torch.testing.assert_close(one(x), other(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "fewest"), [("small", 15), ("etdnn", 23), ("tdnnf", 13)])
def test_utterances_below_the_context_are_named(golden, name, fewest):
    network = load_nnet3(golden / "nnet3" / f"{name}.raw")
    assert network.min_frames == fewest
    assert network.feature_dim == 30
    assert network.embedding_dim == 8
    x = torch.zeros(2, 40, 30)
    assert network(x, torch.tensor([40, fewest])).shape == (2, 8)
    with pytest.raises(DataError, match=f"utterance 1 of the batch: expected {fewest} frames, got {fewest - 1}"):
        network(x, torch.tensor([40, fewest - 1]))


@pytest.mark.parametrize(("shape", "n_frames"), [((40, 30), None), ((1, 40, 29), None), ((1, 40, 30), [41])])
def test_features_of_another_shape_are_refused(golden, shape, n_frames):
    network = load_nnet3(golden / "nnet3" / "small.raw")
    with pytest.raises(ValueError, match=r"features must be|n_frames must hold"):
        network(torch.zeros(shape), None if n_frames is None else torch.tensor(n_frames))


def test_log_softmax_output_is_a_distribution(golden, features):
    network = load_nnet3(golden / "nnet3" / "small.raw")
    assert float(network(features["espeak_dem1_1"][None]).exp().sum()) == pytest.approx(1, abs=1e-5)


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


@pytest.mark.parametrize("name", ["small", "etdnn", "tdnnf"])
def test_everything_moves_to_another_device(golden, name):
    network = load_nnet3(golden / "nnet3" / f"{name}.raw").to("meta")
    embedding = network(torch.zeros(2, 40, 30, device="meta"), torch.tensor([40, 30]))
    assert embedding.device.type == "meta"
    assert embedding.shape == (2, 8)
