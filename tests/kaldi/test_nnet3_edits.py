"""nnet3-copy's changes to a network."""

from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.nnet3_edits import apply_edits, scale
from pysid.kaldi.stand_ins import run_program
from pysid.nnet3.file import read_nnet3, write_nnet3

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi" / "nnet3"


@pytest.fixture
def model():
    return read_nnet3(GOLDEN / "tdnnf.raw")


def rates(model):
    return {name: float(x["LearningRate"]) for name, x in model.components.items() if "LearningRate" in x.fields}


def test_learning_rates(model):
    edited = rates(apply_edits(model, "set-learning-rate name=tdnnf*.linear learning-rate=0.5", "edits"))
    for name, before in rates(model).items():
        matches = name.startswith("tdnnf") and name.endswith(".linear")
        assert edited[name] == pytest.approx(0.5 if matches else before)


def test_dropout(model):
    edited = apply_edits(model, "set-dropout-proportion proportion=0.25", "edits").components["tdnn1.dropout"]
    assert edited["DropoutProportion"] == np.float32(0.25)


def test_fixed_affine_components_compute_the_same(model, tmp_path):
    edited = apply_edits(model, "convert-to-fixed-affine name=tdnn1*", "edits")
    write_nnet3(tmp_path / "net", edited)
    record = read_nnet3(tmp_path / "net").components["tdnn1.affine"]
    assert (record.type, list(record.fields)) == ("FixedAffineComponent", ["LinearParams", "BiasParams"])
    np.testing.assert_array_equal(record["LinearParams"], model.components["tdnn1.affine"]["LinearParams"])


def test_orphans(model):
    whole = apply_edits(model, "remove-orphans  # there are none", "edits")
    assert whole.lines == model.lines
    assert whole.components.keys() == model.components.keys()
    shorter = read_nnet3(GOLDEN / "tdnnf.raw", GOLDEN / "extract.config")
    kept = apply_edits(shorter, "remove-orphans", "edits")
    assert "tdnn6.affine" in kept.components
    assert "output.affine" in shorter.components
    assert "output.affine" not in kept.components
    assert [line.node.name for line in kept.lines][-1] == "output"


def test_rename(model):
    edited = apply_edits(model, "rename-node old-name=tdnn1.affine new-name=first", "edits")
    text = "\n".join(str(line.node) for line in edited.lines)
    assert "component-node name=first component=tdnn1.affine input=Append(" in text
    assert "component-node name=tdnn1.relu component=tdnn1.relu input=first\n" in text


def test_scale(model):
    scaled = scale(model, 2.0)
    before, after = (m.components["tdnn1.affine"]["LinearParams"] for m in (model, scaled))
    np.testing.assert_array_equal(after, 2 * before)
    assert scaled.components["tdnn1.batchnorm"]["Count"] == 2 * model.components["tdnn1.batchnorm"]["Count"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apply-svd name=*", "edits:1: expected one of .*got apply-svd"),
        ("\nset-learning-rate", "edits:2: expected a field learning-rate="),
        ("set-learning-rate learning-rate=x", "learning-rate to be a number, got 'x'"),
        ("remove-orphans name=x", "expected no field name="),
        ("remove-output-nodes name=out*", "expected an output to be left"),
        ("rename-node old-name=x new-name=y", "expected the name of a node and a new one"),
        ("rename-node old-name=output new-name=input", "expected the name of a node and a new one"),
    ],
)
def test_wrong_edits(text, message, model):
    with pytest.raises(DataError, match=message):
        apply_edits(model, text, "edits")


def test_the_programs_options(tmp_path):
    (tmp_path / "edits").write_text("rename-node old-name=output new-name=out\n")
    options = [
        "--learning-rate=0.25",
        "--scale=0.5",
        "--set-dropout-proportion=0.1",
        f"--edits-config={tmp_path}/edits",
        "--edits=rename-node old-name=out new-name=output2;set-learning-rate name=tdnn1* learning-rate=1",
    ]
    assert run_program("nnet3-copy", [*options, str(GOLDEN / "tdnnf.raw"), str(tmp_path / "net")]) == 0
    copied = read_nnet3(tmp_path / "net")
    assert copied.lines[-1].node.name == "output2"
    assert rates(copied)["tdnn1.affine"] == 1
    assert rates(copied)["output.affine"] == 0.25
    assert copied.components["tdnn1.dropout"]["DropoutProportion"] == np.float32(0.1)
