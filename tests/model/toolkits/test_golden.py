"""Every reader against what its toolkit gave for the same weights and the same waveform."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.toolkit_golden import FOLDER, waveform, write_model
from benchmarks.toolkits import EMBEDDING_BOUND, FEATURES_BOUND, deviation
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel

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
