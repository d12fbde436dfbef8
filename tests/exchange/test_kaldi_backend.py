"""Vectors, matrices and PLDA models against those that Kaldi wrote."""

import subprocess
import sys

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.exchange.kaldi_backend import read_matrix, read_plda, read_vector, write_matrix, write_plda, write_vector

MODELS = ["plda", "plda.txt", "plda_adapted", "plda_full_dim", "plda_smoothed"]


@pytest.mark.parametrize("name", MODELS)
def test_plda_is_written_as_it_was_read(golden, tmp_path, name):
    path = golden / "backend" / name
    write_plda(tmp_path / "plda", read_plda(path), binary=not name.endswith(".txt"))
    assert (tmp_path / "plda").read_bytes() == path.read_bytes()


def test_binary_and_text_plda_are_the_same_model(golden, tmp_path):
    binary, text = (read_plda(golden / "backend" / name) for name in ("plda", "plda.txt"))
    for name in ("mean_", "transform_", "psi_"):
        assert getattr(binary, name).dtype == np.float64
        np.testing.assert_allclose(getattr(text, name), getattr(binary, name), rtol=1e-6)
    write_plda(tmp_path / "plda.txt", binary, binary=False)
    assert (tmp_path / "plda.txt").read_bytes() == (golden / "backend" / "plda.txt").read_bytes()


def test_mean_and_transform_are_written_as_they_were_read(golden, tmp_path):
    mean, transform = golden / "backend" / "mean.vec", golden / "backend" / "transform.mat"
    write_vector(tmp_path / "mean.vec", read_vector(mean), binary=False)
    write_matrix(tmp_path / "transform.mat", read_matrix(transform))
    assert (tmp_path / "mean.vec").read_bytes() == mean.read_bytes()
    assert (tmp_path / "transform.mat").read_bytes() == transform.read_bytes()
    assert read_matrix(transform).shape == (16, 25)
    read_vector(mean)[:] = 0  # a copy of our own, not a view of the file


def test_double_stays_double_and_other_types_become_float(tmp_path):
    for values, dtype in ([1, 2], np.float32), (np.array([0.1]), np.float64):
        write_vector(tmp_path / "v", values)
        assert read_vector(tmp_path / "v").dtype == dtype
    with pytest.raises(ValueError, match=r"expected 2 axes, got an array of shape \(3,\)"):
        write_matrix(tmp_path / "m", np.zeros(3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<Plda> [ 1 2 ]\n [\n 1 0\n 0 1 ]\n [ 1 ]\n</Plda> ", r":1: a PLDA model needs mean .*\(1,\)"),
        ("<Plda> [ nan ]\n [\n 1 ]\n [ 1 ]\n</Plda> ", ":1: a PLDA model needs finite parameters"),
        ("<Plda> [ 1 ]\n [\n 1 ]\n [ 1 ]\n", ":5: expected the token </Plda>, got the end of the file"),
        ("<Nnet3> ", ":1: expected the token <Plda>, got '<Nnet3>'"),
    ],
)
def test_a_broken_plda_is_named(tmp_path, text, message):
    (tmp_path / "plda").write_text(text)
    with pytest.raises(DataError, match=f"plda{message}"):
        read_plda(tmp_path / "plda")


def test_every_truncation_is_a_data_error(golden, tmp_path):
    data = (golden / "backend" / "plda").read_bytes()
    for size in range(0, len(data) - 1, 7):
        (tmp_path / "plda").write_bytes(data[:size])
        with pytest.raises(DataError):
            read_plda(tmp_path / "plda")


def test_the_back_end_needs_no_torch():
    code = "import sys, pysid.exchange.kaldi_backend, pysid.io.kaldi.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
