"""Networks as files: kept byte for byte, and broken ones named."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.kaldi.files import new_writer, reader_for
from pysid.nnet3.file import parse_nnet3, put_nnet3, read_nnet3, write_nnet3
from pysid.nnet3.graph import Nnet3Graph

NETWORKS = ["small", "etdnn", "tdnnf"]
TRANSITION_MODEL = "<TransitionModel> <Topology> 1 2 </Topology> </TransitionModel> "
STATISTICS = {
    "ValueAvg",
    "DerivAvg",
    "OderivRms",
    "StatsMean",
    "StatsVar",
}  # Kaldi turns them to sums and back


def content(model, binary):
    writer = new_writer(binary)
    put_nnet3(writer, model, binary=binary)
    return writer.content()


@pytest.mark.parametrize("name", [f"{name}.{kind}" for name in NETWORKS for kind in ("raw", "txt")])
def test_a_network_is_written_as_it_was_read(golden, tmp_path, name):
    path = golden / "nnet3" / name
    write_nnet3(tmp_path / name, read_nnet3(path), binary=name.endswith(".raw"))
    assert (tmp_path / name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", NETWORKS)
def test_binary_becomes_the_text_that_kaldi_writes(golden, name):
    ours = content(read_nnet3(golden / "nnet3" / f"{name}.raw"), binary=False).decode().split("\n")
    kaldis = (golden / "nnet3" / f"{name}.txt").read_text().split("\n")
    assert len(ours) == len(kaldis)
    for our_line, kaldi_line in zip(ours, kaldis, strict=True):
        if our_line != kaldi_line:
            assert any(f"<{key}>" in our_line for key in STATISTICS)
            assert [x for x in our_line.split() if "<" in x] == [x for x in kaldi_line.split() if "<" in x]


@pytest.mark.parametrize("name", NETWORKS)
def test_text_becomes_the_same_binary_network(golden, name):
    text, binary = (read_nnet3(golden / "nnet3" / f"{name}.{kind}") for kind in ("txt", "raw"))
    again = parse_nnet3(reader_for(content(text, binary=True), "again"))
    assert [line.text for line in again.lines] == [line.text for line in binary.lines]
    assert list(again.components) == list(binary.components)
    for ours, kaldis in zip(again.components.values(), binary.components.values(), strict=True):
        assert (ours.type, list(ours.fields)) == (kaldis.type, list(kaldis.fields))
        for key, value in kaldis.fields.items():
            rtol = 1e-3 if key in STATISTICS else 1e-6
            np.testing.assert_allclose(ours.fields[key], value, rtol=rtol, atol=1e-12)
            assert np.asarray(ours.fields[key]).dtype == np.asarray(value).dtype


def test_extract_config_moves_the_output(golden):
    model = read_nnet3(golden / "nnet3" / "small.raw", golden / "nnet3" / "extract.config")
    assert model.lines[-1].text == "output-node name=output input=tdnn6.affine"
    assert str(model.lines[-1].node) == "output-node name=output input=tdnn6.affine objective=linear"
    assert len(model.lines) == 27


@pytest.mark.parametrize("binary", [True, False])
def test_an_acoustic_model_keeps_its_transition_model_and_priors(golden, tmp_path, binary):
    network = (golden / "nnet3" / ("small.raw" if binary else "small.txt")).read_bytes()
    ending = new_writer(binary)
    for key, value in (("LeftContext", 14), ("RightContext", 14)):
        ending.token(f"<{key}>")
        ending.integer(value)
    ending.token("<Priors>")
    ending.vector(np.array([0.5, 0.25], np.float32))
    header, network = (b"\0B", network[2:]) if binary else (b"", network)
    data = header + TRANSITION_MODEL.encode() + network + ending.content()[len(header) :]
    (tmp_path / "final.mdl").write_bytes(data)
    model = read_nnet3(tmp_path / "final.mdl")
    assert len(model.components) == 25
    assert model.ending["LeftContext"] == 14
    np.testing.assert_array_equal(model.ending["Priors"], [0.5, 0.25])
    assert content(model, binary) == data
    with pytest.raises(ValueError, match="a transition model cannot change between binary and text"):
        write_nnet3(tmp_path / "other.mdl", model, binary=not binary)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "n:1: expected the token <Nnet3>, got the end of the file"),
        ("<Nnet3> x\n", "n:2: expected an empty line after <Nnet3>"),
        ("<Nnet3> \ninput-node name=input dim=3\n", "n:3: expected a line, got the end of the file"),
        (
            "<Nnet3> \ninput-node name=a dim=3\ninput-node name=a dim=3\n\n",
            "n:3: the node name a comes twice",
        ),
        (
            "<Nnet3> \n\n<NumComponents> 1 \n</Nnet3> ",
            "n:4: expected the token <ComponentName>, got '</Nnet3>'",
        ),
        (
            "<Nnet3> \n\n<NumComponents> 1 \n<ComponentName> lstm1 <LstmNonlinearityComponent> <Dim> 3 ",
            "n:4: component lstm1: expected a supported type, got LstmNonlinearityComponent",
        ),
        (
            "<Nnet3> \n\n<NumComponents> 1 \n<ComponentName> a <NoOpComponent> <Width> 3 </NoOpComponent> ",
            "n:4: expected a further field of the NoOpComponent a, or </NoOpComponent>, got '<Width> 3",
        ),
        (
            "<Nnet3> \n\n<NumComponents> 1 \n<ComponentName> a <NoOpComponent> <Dim> 3 <Dim> 3 ",
            "n:4: expected a further field of the NoOpComponent a",
        ),
        (
            "<Nnet3> \n\n<NumComponents> 2 \n"
            + "<ComponentName> a <NoOpComponent> <Dim> 3 </NoOpComponent> \n" * 2
            + "</Nnet3> ",
            "n:5: the component name a comes twice",
        ),
        ("<TransitionModel> 1 2 3", "n:1: expected the end of the transition model, got the end of the file"),
    ],
)
def test_a_broken_network_is_named(text, message):
    with pytest.raises(DataError, match="^" + message.replace("(", r"\(")):
        parse_nnet3(reader_for(text.encode(), "n"))


def test_an_unknown_binary_component_is_named_with_its_byte(golden):
    data = (golden / "nnet3" / "small.raw").read_bytes()
    broken = data.replace(b"<RectifiedLinearComponent>", b"<RectifiedLogistComponent>", 1)
    place = data.index(b"tdnn1.relu <Rect")
    with pytest.raises(DataError) as error:
        parse_nnet3(reader_for(broken, "small.raw"))
    assert str(error.value) == (
        f"small.raw: byte {place}: component tdnn1.relu: expected a supported type, got RectifiedLogistComponent"
    )


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["small.raw", "tdnnf.raw", "small.txt", "tdnnf.txt"]), st.data())
def test_cut_off_and_damaged_networks_raise_only_data_errors(golden, name, data):
    content = bytearray((golden / "nnet3" / name).read_bytes())
    cut = data.draw(st.integers(0, len(content) - 2))
    damage = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=3))
    for position, value in damage:
        content[position] = value
    if damage:
        try:
            network = Nnet3Graph(parse_nnet3(reader_for(bytes(content), name)))
            network(torch.zeros(1, 30, network.feature_dim))
        except DataError as error:
            assert str(error).startswith((name, "utterance 0 of the batch"))
    else:
        with pytest.raises(DataError, match=name):
            parse_nnet3(reader_for(bytes(content[:cut]), name))
