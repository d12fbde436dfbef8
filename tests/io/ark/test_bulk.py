import kaldiio
import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.ark.archive import ArkWriter, read_vectors, write_npz
from pysid.io.ark.bulk import read_vector_matrix

KEYS = ["a", "longer-key", "c", "käthe", "e"]


@pytest.fixture
def vectors():
    return dict(zip(KEYS, np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32), strict=True))


def assert_equals_one_by_one(source, vectors):
    keys, rows = read_vector_matrix(source)
    assert (keys, rows.dtype) == (list(vectors), np.float32)
    np.testing.assert_array_equal(rows, list(vectors.values()))
    assert keys == [key for key, _ in read_vectors(source)]


def test_an_archive_and_its_scp(tmp_path, vectors):
    with ArkWriter(tmp_path / "v") as writer:
        for key, vector in vectors.items():
            writer.write(key, vector)
    assert_equals_one_by_one(str(tmp_path / "v.ark"), vectors)
    assert_equals_one_by_one(f"ark:{tmp_path}/v.ark", vectors)
    assert_equals_one_by_one(f"scp:{tmp_path}/v.scp", vectors)
    lines = (tmp_path / "v.scp").read_text().splitlines(keepends=True)
    (tmp_path / "some.scp").write_text("".join(lines[::-2]))
    assert_equals_one_by_one(str(tmp_path / "some.scp"), {key: vectors[key] for key in KEYS[::-2]})


def test_an_scp_of_several_archives(tmp_path, vectors):
    lines = []
    for part, keys in enumerate((KEYS[:2], KEYS[2:])):
        with ArkWriter(tmp_path / f"v{part}") as writer:
            for key in keys:
                writer.write(key, vectors[key])
        lines.append((tmp_path / f"v{part}.scp").read_text().replace(f"{tmp_path}/", ""))
    (tmp_path / "all.scp").write_text("".join(lines))
    assert_equals_one_by_one(str(tmp_path / "all.scp"), vectors)


@pytest.mark.parametrize("options", [{"text": True}, {}])
def test_other_forms_take_the_long_way(tmp_path, vectors, options):
    doubles = {key: vector.astype(np.float64) for key, vector in vectors.items()}
    kaldiio.save_ark(str(tmp_path / "v.ark"), doubles, scp=str(tmp_path / "v.scp"), **options)
    for name in ("v.ark", "v.scp"):
        keys, rows = read_vector_matrix(tmp_path / name)
        assert keys == KEYS
        np.testing.assert_allclose(rows, list(vectors.values()), rtol=1e-5)
    write_npz(tmp_path / "v.npz", vectors.items())
    assert_equals_one_by_one(str(tmp_path / "v.npz"), vectors)


def test_ranges_and_other_white_space(tmp_path, vectors):
    with ArkWriter(tmp_path / "v") as writer:
        writer.write("a", vectors["a"])
    data = (tmp_path / "v.ark").read_bytes()
    (tmp_path / "lines.ark").write_bytes(data + b"\n" + data.replace(b"a ", b"b\t"))
    keys, rows = read_vector_matrix(tmp_path / "lines.ark")
    assert keys == ["a", "b"] and (rows == vectors["a"]).all()
    (tmp_path / "range.scp").write_text(f"r {tmp_path}/v.ark:2[0:3]\n")
    assert read_vector_matrix(tmp_path / "range.scp")[1].tolist() == [vectors["a"][:4].tolist()]


def test_empty_sources(tmp_path):
    for name in ("e.ark", "e.scp"):
        (tmp_path / name).write_bytes(b"")
        keys, rows = read_vector_matrix(tmp_path / name)
        assert keys == [] and rows.shape == (0, 0)


def test_only_records_that_are_alike_and_whole_are_copied(tmp_path, vectors):
    """What the short way leaves alone gets the messages of `read_vectors`."""
    with ArkWriter(tmp_path / "v") as writer:
        for key, vector in vectors.items():
            writer.write(key, vector)
    whole = (tmp_path / "v.ark").read_bytes()
    broken = tmp_path / "broken.ark"
    for data, message in [
        (whole[:-3], "e: cut off: expected 28 bytes, got 25"),
        (whole.replace(b"c \0BFV", b"c \0BFX"), "c: expected a vector or matrix, got broken data"),
        (whole.replace("ä".encode(), b"\xff\xff"), "expected a key in UTF-8"),
    ]:
        broken.write_bytes(data)
        with pytest.raises(DataError, match=message):
            read_vector_matrix(broken)
    (tmp_path / "v.scp").write_text(f"a {tmp_path}/v.ark:3\n")
    with pytest.raises(DataError, match=r"v\.scp: a: "):
        read_vector_matrix(tmp_path / "v.scp")
    (tmp_path / "v.scp").write_text(f"a {tmp_path}/none.ark:2\n")
    with pytest.raises(DataError, match=r"none\.ark: cannot read the file"):
        read_vector_matrix(tmp_path / "v.scp")
    with pytest.raises(DataError, match="the shell pipe"):
        (tmp_path / "v.scp").write_text(f"a cat {tmp_path}/v.ark:2 |\n")
        read_vector_matrix(tmp_path / "v.scp")


def test_vectors_of_unlike_sizes(tmp_path):
    with ArkWriter(tmp_path / "v") as writer:
        writer.write("a", np.zeros(3))
        writer.write("b", np.zeros(4))
    for name in ("v.ark", "v.scp"):
        with pytest.raises(DataError, match=rf"{name}: b: expected 3 numbers as before, got 4"):
            read_vector_matrix(tmp_path / name)
