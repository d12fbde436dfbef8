"""Every reader against what its toolkit gave for the same weights and the same waveform."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.toolkit_golden import FOLDER, N_BANDS, N_FRAMES, N_NUMBERS, Case, waveform, weights_of
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel

CASES = sorted(path.stem for path in FOLDER.glob("*.json"))
assert CASES, "golden files of the toolkits are missing"
FILES = {  # weights and settings of each toolkit's models
    "speechbrain": ("embedding_model.ckpt", "hyperparams.yaml"),
    "3d": ("campplus_cn_common.bin", None),
    "pyannote": ("pytorch_model.bin", None),
    "wespeaker": ("avg_model.pt", "config.yaml"),
    "resemblyzer": ("pretrained.pt", None),
    "nemo": ("model_weights.ckpt", "model_config.yaml"),
}


def write_model(name: str, folder: Path) -> Path:
    """What a toolkit has on the disk, with the weights of a case."""
    case = Case.read(name)
    weights, settings = FILES[name.partition("-")[0]]
    torch.save(weights_of(case.shapes), folder / weights)
    if settings is not None:
        (folder / settings).write_text(case.settings)
    return archived(folder) if name.startswith("nemo") else folder


def archived(folder: Path) -> Path:
    """NeMo's archive of the files of a folder."""
    with tarfile.open(folder / "model.nemo", "w") as archive:
        for name in FILES["nemo"]:
            archive.add(folder / name, f"./{name}")
            (folder / name).unlink()
    return folder / "model.nemo"


@pytest.mark.parametrize("name", CASES)
def test_features_and_embedding_are_those_of_the_toolkit(name: str, tmp_path: Path) -> None:
    case, model = Case.read(name), SpeakerModel.load(write_model(name, tmp_path))
    features = model.features([waveform()])[0]
    if case.features:
        first = int(getattr(model.config.network, "skip_energy", False))
        bands = features[:N_FRAMES, first : first + N_BANDS]
        scale = getattr(model.config.network, "wave_scale", "int16")
        shift = 2 * np.log(32768) if scale == "unit" else 0.0
        bands = bands * 1e4 if name == "resemblyzer" else bands  # powers, which are small
        np.testing.assert_allclose(bands - shift, case.features, rtol=0, atol=1e-3)
    embedding = model.embed(Int16Scale(waveform()))
    largest = max(1.0, np.abs(case.embedding).max())
    np.testing.assert_allclose(embedding[:N_NUMBERS], case.embedding, rtol=0, atol=1e-4 * largest)
    assert np.linalg.norm(embedding) == pytest.approx(case.embedding_norm, rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_a_model_directory_made_of_it_is_the_same(name: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = SpeakerModel.load(write_model(name, tmp_path / "theirs"))
    theirs.save(tmp_path / "ours")
    ours = SpeakerModel.load(tmp_path / "ours")
    assert ours.config == theirs.config and ours.fingerprint() == theirs.fingerprint()
    assert np.array_equal(ours.embed(Int16Scale(waveform())), theirs.embed(Int16Scale(waveform())))
