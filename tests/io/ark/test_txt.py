"""Embeddings as WeSpeaker writes them in text."""

from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.io.ark.bulk import read_vector_matrix


def test_a_line_for_each_vector(tmp_path: Path) -> None:
    path = tmp_path / "embed.txt"
    path.write_text("utt1 0.25 -1.5 3e-2\n\nutt2  [ 0.5 0.125 1 ]\r\n17 1 2 3\n", encoding="utf-8")
    found = dict(read_vectors(path))
    assert {key: x.tolist() for key, x in found.items()} == {
        "utt1": [0.25, -1.5, pytest.approx(0.03)],
        "utt2": [0.5, 0.125, 1.0],
        "17": [1.0, 2.0, 3.0],
    }
    assert all(x.dtype == np.float32 for x in found.values())
    keys, rows = read_vector_matrix(path)
    assert keys == ["utt1", "utt2", "17"] and rows.shape == (3, 3)


def test_one_vector_a_number_a_line(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "anna.txt", np.array([0.5, -2.0, 1e-3], np.float32))
    ((key, vector),) = read_vectors(tmp_path / "anna.txt")
    assert key == "anna" and vector.tolist() == [0.5, -2.0, pytest.approx(1e-3)]


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("\n")
    assert list(read_vectors(tmp_path / "none.txt")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("utt1 1 2\nutt2 1 two\n", ":2: expected 'name number number ...', got 'utt2 1 two'"),
        ("utt1 1 2\nutt2\n", ":2: expected 'name number number ...', got 'utt2'"),
        ("utt1 1 2\n3\n", ":2: expected 'name number number ...', got '3'"),
        ("utt1\n", ":1: expected 'name number number ...', got 'utt1'"),
        ("0.5\nutt1 1 2\n", ":2: expected a number, got 'utt1 1 2'"),
        ("0.5\nhello\n", ":2: expected a number, got 'hello'"),
    ],
)
def test_other_text_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        list(read_vectors(path))
    assert str(error.value) == f"{path}{message}"


def test_it_holds_no_matrices(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("utt1 1 2\n")
    with pytest.raises(DataError, match=r"expected scp:PATH, ark:PATH or a path that ends in \.scp or \.ark"):
        list(read_matrices(tmp_path / "x.txt"))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the file: No such file"):
        list(read_vectors(tmp_path / "x.txt"))
