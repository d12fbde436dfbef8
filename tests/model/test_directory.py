"""Models are found by path or by name."""

import shutil
from pathlib import Path

import pytest

import pysid
from pysid.errors import DataError
from pysid.model import directory as model_directory
from pysid.model.directory import find_model


def test_models_are_found_by_path_or_by_name(model, tmp_path, monkeypatch):
    shutil.copytree(model, tmp_path / "models" / "tiny")
    monkeypatch.setattr(model_directory, "MODELS", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    assert find_model("tiny") == tmp_path / "models" / "tiny"
    assert find_model(model) == model
    assert pysid.load("tiny").fingerprint() == pysid.load(model).fingerprint()
    with pytest.raises(
        DataError, match=r"^big: expected a model directory with config.json, or .* \(campplus, tiny\), got no"
    ):
        find_model("big")
    # A path that is wrong must not end at a shipped model of that name.
    with pytest.raises(DataError, match=r"^exp/tiny: expected a model directory"):
        find_model(Path("exp/tiny"))
    monkeypatch.setattr(model_directory, "MODELS", tmp_path / "none")
    with pytest.raises(
        DataError,
        match=r"^tiny: expected a model directory with config.json, or the name of a model \(campplus\), got no",
    ):
        find_model("tiny")
