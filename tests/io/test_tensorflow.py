"""TensorFlow's checkpoints: what a small one of its own holds, and what damaged and hostile ones end in."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.tensorflow import DATA, GRAPH, MAGIC, read_nodes, read_tensors

PLAIN = Path(__file__).parents[1] / "golden" / "tensorflow" / "plain"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A copy of a checkpoint."""
    shutil.copytree(PLAIN, tmp_path / "x")
    return tmp_path / "x" / "model.index"


def varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(dtype: int, shape: tuple[int, ...], start: int, size: int, **more: int) -> bytes:
    axes = b"".join(field(2, field(1, n)) for n in shape)
    return field(1, dtype) + field(2, axes) + field(3, more.get("file", 0)) + field(4, start) + field(5, size)


def block(pairs: list[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    body = b"".join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in pairs)
    return body + bytes(4) + (1).to_bytes(4, "little") + bytes([kind]) + bytes(4)


def table(pairs: list[tuple[bytes, bytes]], kind: int = 0, size: int | None = None) -> bytes:
    """A table of one block."""
    data = block(pairs, kind)
    handle = varint(0) + varint(len(data) - 5 if size is None else size)
    places = block([(b"~", handle)])
    footer = varint(0) + varint(0) + varint(len(data)) + varint(len(places) - 5)
    return data + places + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


HEADER = (b"", field(1, 1))


def test_a_checkpoint_of_tensorflow(index: Path) -> None:
    tensors = read_tensors(index)
    assert len(tensors) == 106
    assert tensors["frame_level_info_layer-2/w"].shape == (7, 6, 6)
    assert tensors["frame_level_info_layer-2/w"].dtype == np.float32
    assert (tensors["embed_layer-0/variance"] >= 0.1).all() and tensors["beta1_power"].shape == ()
    assert tensors["beta1_power"] == pytest.approx(0.9)
    assert read_nodes(index.with_suffix(GRAPH))["embed_layer-1/relu"] == "Relu"


def test_a_table_by_hand(tmp_path: Path) -> None:
    index = tmp_path / "model.index"
    index.write_bytes(table([HEADER, (b"a", entry(1, (2, 3), 4, 24)), (b"b", entry(9, (), 28, 8))]))
    numbers = np.arange(7, dtype="<f4").tobytes() + (-5).to_bytes(8, "little", signed=True)
    index.with_suffix(DATA).write_bytes(numbers)
    tensors = read_tensors(index)
    assert tensors["a"].tolist() == [[1, 2, 3], [4, 5, 6]] and tensors["b"] == -5


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([HEADER, (b"a", entry(1, (3,), 4, 12))], {}, "claims another size than there is, 'a'"),
        ([HEADER, (b"a", entry(1, (2,), 0, 12))], {}, "claims another size than there is, 'a'"),
        ([HEADER, (b"a", entry(1, (1 << 62, 4), 0, 0))], {}, "claims another size than there is, 'a'"),
        ([HEADER, (b"a", entry(1, (2,), 0, 8)), (b"b", entry(1, (2,), 0, 8))], {}, "another size than there is, 'b'"),
        ([HEADER, (b"a", entry(7, (2,), 0, 8))], {}, "another kind than whole ones of numbers, 'a'"),
        ([HEADER, (b"a", entry(1, (1,) * 9, 0, 4))], {}, "another kind than whole ones of numbers, 'a'"),
        ([HEADER, (b"a", entry(1, (2,), 0, 8, file=1))], {}, "another kind than whole ones of numbers, 'a'"),
        ([HEADER, (b"a", entry(1, (2,), 0, 8) + field(7, b""))], {}, "another kind than whole ones of numbers, 'a'"),
        ([HEADER, (b"a", field(1, b"x"))], {}, "a message where a number was expected"),
        ([HEADER, (b"a", field(2, field(2, 5)))], {}, "a number where a message was expected"),
        ([HEADER, (b"a", b"\xff" * 20)], {}, "a number that is not whole"),
        ([HEADER, (b"a", b"\x0a\x09")], {}, "a message that is not whole"),
        ([HEADER, (b"a" * 2000, entry(1, (2,), 0, 8))], {}, "an entry that is not whole"),
        ([(b"", field(1, 2))], {}, "one in several files"),
        ([(b"", field(1, 1) + field(2, 1))], {}, "one in several files, or of another byte order"),
        ([(b"a", entry(1, (2,), 0, 8))], {}, "one in several files"),
        ([HEADER], {"kind": 1}, "a compressed block"),
        ([HEADER], {"size": 1 << 40}, "a block that is not whole"),
        ([HEADER], {"size": 0}, "a block that is not whole"),
    ],
)
def test_hostile_tables(tmp_path: Path, pairs: list, options: dict, message: str) -> None:
    index = tmp_path / "model.index"
    index.write_bytes(table(pairs, **options))
    index.with_suffix(DATA).write_bytes(bytes(8))
    with pytest.raises(DataError, match=message) as error:
        read_tensors(index)
    assert str(error.value).startswith(f"{index}: expected a checkpoint of TensorFlow, got ")


def test_cut_off_and_changed_files_end_in_one_line(index: Path) -> None:
    whole = index.read_bytes()
    generator = np.random.default_rng(0)
    damaged = [whole[:n] for n in range(0, len(whole), 97)]
    for _ in range(300):
        changed = bytearray(whole)
        for place in generator.integers(0, len(whole), 3):
            changed[place] = generator.integers(256)
        damaged.append(bytes(changed))
    refused = 0
    for content in damaged:
        index.write_bytes(content)
        try:
            read_tensors(index)
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > len(damaged) // 3  # a change of a name or a checksum is no damage


def test_missing_files(index: Path) -> None:
    index.with_suffix(DATA).unlink()
    with pytest.raises(DataError, match="data-00000-of-00001: cannot read the file: No such file"):
        read_tensors(index)
    index.unlink()
    with pytest.raises(DataError, match=r"model\.index: cannot read the file: No such file"):
        read_tensors(index)


@pytest.mark.parametrize("content", [b"\x12", b"\xff" * 30, field(2, field(1, field(2, b"x"))), field(2, 5)])
def test_damaged_graphs(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.meta"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.meta: expected a graph of TensorFlow, got a "):
        read_nodes(path)
