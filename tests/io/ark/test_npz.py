import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.ark.archive import read_npz, read_vectors, write_npz

VECTORS = {
    "file": np.arange(3, dtype=np.float32),
    "a/b": np.ones(3, np.float32),
    "ü": -np.ones(3, np.float32),
}


def test_round_trip(tmp_path):
    write_npz(tmp_path / "v.npz", VECTORS.items())
    for read in (read_npz(tmp_path / "v.npz"), read_vectors(tmp_path / "v.npz")):
        back = dict(read)
        assert list(back) == list(VECTORS)
        for key, vector in VECTORS.items():
            np.testing.assert_array_equal(back[key], vector)
    with np.load(tmp_path / "v.npz") as arrays:
        assert arrays["keys"].tolist() == list(VECTORS)
        assert arrays["vectors"].shape == (3, 3)


def test_none(tmp_path):
    write_npz(tmp_path / "v.npz", [])
    assert list(read_npz(tmp_path / "v.npz")) == []


def message(path):
    with pytest.raises(DataError) as caught:
        list(read_npz(path))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_errors(tmp_path):
    path = tmp_path / "v.npz"
    assert message(path) == "cannot read the file: No such file or directory"
    path.write_bytes(b"not a zip file")
    assert message(path).startswith("expected an .npz of the arrays 'keys' and 'vectors': ")
    np.savez(path, keys=np.array(["a"]))
    assert message(path).startswith("expected an .npz of the arrays 'keys' and 'vectors': ")
    np.savez(path, keys=np.array([object()]), vectors=np.ones((1, 2)))
    assert message(path).startswith("expected an .npz of the arrays 'keys' and 'vectors': ")
    np.savez(path, keys=np.array(["a", "b"]), vectors=np.ones((1, 2)))
    assert message(path) == "expected keys (N,) and vectors (N, D), got (2,), (1, 2)"
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    assert message(path).startswith("expected an .npz of the arrays 'keys' and 'vectors': ")
    write_npz(path, VECTORS.items())
    path.write_bytes(path.read_bytes()[:-30])
    assert message(path).startswith("expected an .npz of the arrays 'keys' and 'vectors': ")


@pytest.mark.parametrize(
    ("keys", "vectors", "types"),
    [
        (["a"], [["x"]], "<U1, <U1"),
        (["a"], [[1j]], "<U1, complex128"),
        ([b"a"], [[1.0]], "|S1, float64"),
        ([7], [[1.0]], "int64, float64"),
    ],
)
def test_keys_are_text_and_vectors_numbers(tmp_path, keys, vectors, types):
    np.savez(tmp_path / "v.npz", keys=np.array(keys), vectors=np.array(vectors))
    assert message(tmp_path / "v.npz") == f"expected keys of text and vectors of numbers, got {types}"


def test_numbers_of_other_types(tmp_path):
    np.savez_compressed(tmp_path / "v.npz", keys=np.array(["a", "b"]), vectors=np.array([[1, 2], [3, 1e300]]))
    assert [vector.tolist() for _, vector in read_npz(tmp_path / "v.npz")] == [[1, 2], [3, np.inf]]


def test_a_file_that_grows_a_thousandfold(tmp_path, monkeypatch):
    monkeypatch.setattr("pysid.io.ark.npz.SMALL_BYTES", 1000)
    path = tmp_path / "v.npz"
    np.savez_compressed(path, keys=np.array(["a"]), vectors=np.zeros((1, 1 << 18)))
    assert message(path).endswith(f": got a compressed file of {path.stat().st_size} bytes that claims 2097412")


def test_vectors_of_two_sizes(tmp_path):
    with pytest.raises(DataError, match=r"v\.npz: expected vectors of one size, got the shapes \[\(2,\), \(3,\)\]"):
        write_npz(tmp_path / "v.npz", [("a", np.ones(3)), ("b", np.ones(2))])
    with pytest.raises(DataError, match=r"v\.npz: expected vectors of one size, got the shapes \[\(2, 2\)\]"):
        write_npz(tmp_path / "v.npz", [("a", np.ones((2, 2)))])
    assert list(tmp_path.iterdir()) == []
