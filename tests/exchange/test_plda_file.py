"""PLDA models beside models of other toolkits, against the scores that WeSpeaker's own gave."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.toolkit_golden import Case, weights_of
from pysid.backend.chain import CosineBackend, PldaBackend
from pysid.backend.plda import Plda
from pysid.errors import DataError
from pysid.exchange.from_toolkit import convert_model
from pysid.exchange.kaldi_backend import write_plda, write_vector
from pysid.exchange.plda_file import read_backend
from pysid.model.speaker_model import SpeakerModel

FOLDER = Path(__file__).parents[1] / "golden" / "wespeaker_plda"
GOLDEN = json.loads((FOLDER / "scores.json").read_text())
EMBEDDINGS = np.array(GOLDEN["embeddings"])
HAS_H5PY = importlib.util.find_spec("h5py") is not None


@pytest.fixture
def kaldi(tmp_path: Path) -> Path:
    """The same model in Kaldi's format."""
    plda = Plda.from_parameters(GOLDEN["mu"], GOLDEN["transform"], GOLDEN["psi"])
    write_plda(tmp_path / "plda", plda)
    return tmp_path / "plda"


def scores(backend: PldaBackend) -> np.ndarray:
    return backend.score(EMBEDDINGS[:, :2].mean(1), EMBEDDINGS[:, 2], 2)


def test_a_file_of_kaldis_scores_as_wespeaker_does_with_it(kaldi: Path) -> None:
    backend = read_backend(kaldi, None, 4, "WeSpeaker")
    assert isinstance(backend, PldaBackend)
    np.testing.assert_allclose(scores(backend), GOLDEN["scores"]["False"], rtol=0, atol=1e-4)


def test_wespeakers_normalisation_of_lengths() -> None:
    """That of its own files, without reading one."""
    plda = Plda.from_parameters(GOLDEN["mu"], GOLDEN["transform"], GOLDEN["psi"])
    backend = PldaBackend.from_parts(plda, length_norm=True, plda_length_norm="simple")
    np.testing.assert_allclose(scores(backend), GOLDEN["scores"]["True"], rtol=0, atol=1e-4)


@pytest.mark.skipif(not HAS_H5PY, reason="h5py is not installed")
def test_wespeakers_own_file() -> None:
    backend = read_backend(FOLDER / "plda.h5", None, 4, "WeSpeaker")
    assert isinstance(backend, PldaBackend)
    np.testing.assert_allclose(scores(backend), GOLDEN["scores"]["True"], rtol=0, atol=1e-4)


@pytest.mark.skipif(not HAS_H5PY, reason="h5py is not installed")
def test_a_damaged_file_of_its_own(tmp_path: Path) -> None:
    content = (FOLDER / "plda.h5").read_bytes()
    (tmp_path / "x.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"x\.h5: expected a PLDA model of WeSpeaker, got: "):
        read_backend(tmp_path / "x.h5", None, 4, "WeSpeaker")


@pytest.mark.skipif(HAS_H5PY, reason="h5py is installed")
def test_without_h5py_the_package_is_named() -> None:
    with pytest.raises(DataError, match=r"plda\.h5: is a PLDA model in HDF5, for which the package h5py is needed"):
        read_backend(FOLDER / "plda.h5", None, 4, "WeSpeaker")


def test_other_toolkits_use_it_as_kaldi_does(kaldi: Path) -> None:
    backend = read_backend(kaldi, None, 4, "SpeechBrain")
    assert isinstance(backend, PldaBackend) and backend.plda_length_norm == "kaldi" and backend.length_norm


def test_a_mean_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "mean_vec.npy", np.arange(4.0, dtype=np.float32))
    write_vector(tmp_path / "mean.vec", np.arange(4.0))
    a, b = (read_backend(None, tmp_path / name, 4, "WeSpeaker") for name in ("mean_vec.npy", "mean.vec"))
    assert isinstance(a, CosineBackend)
    x = EMBEDDINGS[:, 0] - np.arange(4.0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    for backend in (a, b):
        np.testing.assert_allclose(backend.score(EMBEDDINGS[:, 0], EMBEDDINGS[:, 0]), x @ x.T, rtol=0, atol=1e-5)


def test_files_that_do_not_fit(kaldi: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "two.npy", np.zeros((2, 2)))
    np.save(tmp_path / "nan.npy", np.array([np.nan] * 4))
    np.save(tmp_path / "code.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=np.zeros(4))
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04" + bytes(40))
    (tmp_path / "damaged.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "damaged").write_bytes(b"\0B<Plda> ")
    for plda, mean, dim, message in [
        (kaldi, None, 5, "expected a PLDA model of 5 dimensions, as the network's, got 4"),
        (tmp_path / "none", None, 4, "none: cannot read the file"),
        (tmp_path / "damaged", None, 4, "damaged"),
        (None, tmp_path / "none.npy", 4, r"none\.npy: cannot read the file"),
        (None, tmp_path / "damaged.npy", 4, r"damaged\.npy: expected an array of NumPy"),
        (None, tmp_path / "several.npy", 4, r"several\.npy: expected one array of NumPy, got an archive of several"),
        (None, tmp_path / "zip.npy", 4, r"zip\.npy: expected an array of NumPy"),
        (None, tmp_path / "code.npy", 4, r"code\.npy: expected an array of NumPy"),
        (None, tmp_path / "two.npy", 4, r"expected a vector of finite numbers, got float64 of the shape \(2, 2\)"),
        (None, tmp_path / "nan.npy", 4, "expected a vector of finite numbers"),
    ]:
        with pytest.raises(DataError, match=message) as error:
            read_backend(plda, mean, dim, "WeSpeaker")
        assert "\n" not in str(error.value)


@pytest.mark.slow
def test_converted_with_it(tmp_path: Path) -> None:
    case = Case.read("wespeaker-xvector")
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "config.yaml").write_text(case.settings)
    torch.save(weights_of(case.shapes), tmp_path / "exp" / "avg_model.pt")
    dim = 24
    write_plda(tmp_path / "plda", Plda.from_parameters(np.ones(dim), np.eye(dim), np.arange(dim, 0, -1)))
    shutil.copy(tmp_path / "plda", tmp_path / "exp" / "plda")
    line = convert_model(tmp_path / "exp", tmp_path / "model", plda=tmp_path / "plda")
    assert line == "a network of the kind tdnn, 24 dimensions, with PLDA, from WeSpeaker"
    backend = SpeakerModel.load(tmp_path / "model").backend
    assert isinstance(backend, PldaBackend) and not backend.length_norm
    assert "| plda | " in (tmp_path / "model" / "README.md").read_text().replace("../", "")
