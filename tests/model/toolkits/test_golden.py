"""Every reader against what its toolkit gave for the same weights and the same waveform."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from benchmarks.toolkit_golden import FOLDER, Case, waveform, weights_of, write_model
from benchmarks.toolkits import EMBEDDING_BOUND, FEATURES_BOUND, deviation
from pysid.errors import DataError
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel
from pysid.model.toolkits import read_toolkit_model

CASES = sorted(path.stem for path in FOLDER.glob("*.json"))
assert CASES, "golden files of the toolkits are missing"


@pytest.mark.parametrize("name", CASES)
def test_features_and_embedding_are_those_of_the_toolkit(name: str) -> None:
    found = deviation(name)
    assert found["features"] is None or found["features"] < FEATURES_BOUND
    assert found["embedding"] < EMBEDDING_BOUND and abs(found["length"]) < 1e-4


@pytest.mark.parametrize("name", CASES)
def test_a_model_directory_made_of_it_is_the_same(name: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = SpeakerModel.load(write_model(name, tmp_path / "theirs"))
    theirs.save(tmp_path / "ours")
    ours = SpeakerModel.load(tmp_path / "ours")
    assert ours.config == theirs.config and ours.fingerprint() == theirs.fingerprint()
    assert np.array_equal(ours.embed(Int16Scale(waveform())), theirs.embed(Int16Scale(waveform())))


def changed(shape: list[int], generator: np.random.Generator) -> list[int]:
    """Another shape: an axis less, more, or of another size."""
    kind = generator.integers(4)
    if kind == 0 and shape:
        return shape[1:]
    if kind == 1:
        return [*shape, 2]
    return [int(generator.integers(1, 4)) if generator.random() < 0.5 else n for n in shape][: 4 + int(kind)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_tensors_of_other_shapes_end_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those by which a reader tells sizes, one after the other, and all those of the same end of a name."""
    case, generator = Case.read(name), np.random.default_rng(0)
    path, whole = write_model(name, tmp_path), weights_of(case.shapes)
    ends = {key.rpartition(".")[2]: key for key in case.shapes}.values()
    refused = 0
    for key in {*list(case.shapes)[:12], *list(case.shapes)[-4:], *ends}:
        weights = whole | {key: torch.ones(changed(case.shapes[key], generator))}
        monkeypatch.setattr("pysid.model.toolkits.state_dicts.read_checkpoint", lambda file, w=weights: dict(w))
        monkeypatch.setattr("pysid.model.toolkits.speechbrain.read_checkpoint", lambda file, w=weights: dict(w))
        monkeypatch.setattr("pysid.model.toolkits.wespeaker.read_checkpoint", lambda file, w=weights: dict(w))
        settings = yaml.safe_load(case.settings) if name.startswith("nemo") else None
        monkeypatch.setattr("pysid.model.toolkits.nemo.read_nemo", lambda file, s=settings, w=weights: (s, dict(w)))
        try:
            read_toolkit_model(path)
        except DataError as error:
            assert str(tmp_path) in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 5
