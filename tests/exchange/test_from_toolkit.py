"""A model of another toolkit as a model directory, with a README.md that names its files."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from benchmarks.toolkit_golden import waveform
from pysid.errors import DataError
from pysid.exchange.from_toolkit import convert_model
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel


def test_converted(campplus: Path, tmp_path: Path) -> None:
    line = convert_model(campplus, tmp_path / "cam")
    assert line == "a network of the kind campplus, 192 dimensions, from 3D-Speaker"
    readme = (tmp_path / "cam" / "README.md").read_text()
    assert "| campplus_cn_common.bin | " in readme and "3D-Speaker" in readme
    there, back = (SpeakerModel.load(x).embed(Int16Scale(waveform())) for x in (campplus, tmp_path / "cam"))
    assert np.array_equal(there, back)
    with pytest.raises(DataError, match="cam: is a model directory already"):
        convert_model(tmp_path / "cam", tmp_path / "again")


def test_the_readme_has_the_sums_of_the_files(onnx_file: Path, tmp_path: Path) -> None:
    assert convert_model(onnx_file, tmp_path / "m") == "a network of the kind onnx, 12 dimensions, from ONNX"
    lines = (tmp_path / "m" / "README.md").read_text().splitlines()
    assert lines[0] == "# m" and "a model of ONNX" in lines[2]
    assert lines[-1] == f"| resnet.onnx | {sha256(onnx_file.read_bytes()).hexdigest()} |"
    assert SpeakerModel.load(tmp_path / "m").fingerprint() == SpeakerModel.load(onnx_file).fingerprint()


def test_a_folder_that_is_not_empty_is_left_alone(campplus: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(DataError, match="expected a new or an empty folder"):
        convert_model(campplus, tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("mine", "kept")]


def test_nothing_is_left_where_it_fails(campplus: Path, tmp_path: Path) -> None:
    (tmp_path / "mean.vec").write_text("no vector")
    with pytest.raises(DataError, match=r"mean\.vec"):
        convert_model(campplus, tmp_path / "m", mean=tmp_path / "mean.vec")
    assert [path.name for path in tmp_path.iterdir()] == ["mean.vec"]
