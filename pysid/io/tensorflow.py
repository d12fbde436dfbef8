"""Tensors of TensorFlow's checkpoints, and the nodes of their graph, without TensorFlow. Nothing in a file is ever run.

A checkpoint `model` is a table of names in `model.index`, numbers in `model.data-00000-of-00001`, and often a graph in
`model.meta`; one in several files of numbers is not read. Checksums are not looked at; sizes and places are.

Source: tensorflow/core/protobuf/{tensor_bundle,meta_graph}.proto, tensorflow/core/util/tensor_bundle, and LevelDB's
doc/table_format.md.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pysid.errors import DataError
from pysid.io.files import read_bytes
from pysid.io.text import shorten

INDEX, DATA, GRAPH = ".index", ".data-00000-of-00001", ".meta"
MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES, BLOCK_TRAILER_BYTES = 48, 5  # a block ends in its kind of compression and a checksum
LARGEST_INDEX, LARGEST_GRAPH = 1 << 24, 1 << 28  # bytes
DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 9: np.dtype("<i8")}
MOST_AXES = 8
LONGEST_NAME = 1000

Fields = list[tuple[int, int | bytes]]


class _Damaged(Exception):
    """What is wrong with a file."""


def read_tensors(index: Path) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint by name, floats and whole numbers.

    Args:
        index: the file that ends in `.index`.
    Raises:
        DataError: a file is missing, damaged or hostile, or holds tensors of another kind.
    """
    try:
        entries = dict(_table(read_bytes(index, LARGEST_INDEX)))
        header = dict(_fields(entries.pop(b"", b"")))
        if header.get(1) != 1 or header.get(2, 0) != 0:
            raise _Damaged("one in several files, or of another byte order")
        return _read_all(index.with_suffix(DATA), {_text(key): _fields(value) for key, value in entries.items()})
    except _Damaged as error:
        raise DataError(f"{index}: expected a checkpoint of TensorFlow, got {error}") from None


def read_nodes(graph: Path) -> dict[str, str]:
    """The nodes of a graph, `model.meta`: the kind of each by its name.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        nodes = {}
        for inner in _messages(_fields(read_bytes(graph, LARGEST_GRAPH)), 2):
            for node in _messages(_fields(inner), 1):
                found = dict(_fields(node))
                nodes[_text(found.get(1))] = _text(found.get(2))
        return nodes
    except _Damaged as error:
        raise DataError(f"{graph}: expected a graph of TensorFlow, got {error}") from None


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table: its index block tells where the others are."""
    if len(data) < FOOTER_BYTES or int.from_bytes(data[-8:], "little") != MAGIC:
        raise _Damaged("another kind of file")
    footer, i = data[-FOOTER_BYTES:], 0
    for _ in range(2):  # the first is of a block that is not needed
        start, i = _varint(footer, i)
        size, i = _varint(footer, i)
    for _, place in _block(data, start, size):
        start, i = _varint(place, 0)
        yield from _block(data, start, _varint(place, i)[0])


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; a key is written without what it shares with the one before."""
    end = start + size
    if end + BLOCK_TRAILER_BYTES > len(data) or size < 4:
        raise _Damaged("a block that is not whole")
    if data[end] != 0:
        raise _Damaged("a compressed block")
    stop = end - 4 - 4 * int.from_bytes(data[end - 4 : end], "little")
    key, i = b"", start
    while i < stop:
        shared, i = _varint(data, i)
        own, i = _varint(data, i)
        length, i = _varint(data, i)
        if shared > len(key) or shared + own > LONGEST_NAME or i + own + length > stop:
            raise _Damaged("an entry that is not whole")
        key = key[:shared] + data[i : i + own]
        yield key, data[i + own : i + own + length]
        i += own + length


def _read_all(path: Path, entries: dict[str, Fields]) -> dict[str, np.ndarray]:
    """The numbers in a file that entries (BundleEntryProto) stand for; together they are no more than the file."""
    try:
        data = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot read the file: {getattr(error, 'strerror', None) or error}") from None
    tensors, left = {}, len(data)
    for name, entry in entries.items():
        dtype = DTYPES.get(_number(entry, 1))
        shape = [_number(_fields(axis), 1) for x in _messages(entry, 2) for axis in _messages(_fields(x), 2)]
        file, start, size = (_number(entry, number) for number in (3, 4, 5))
        if dtype is None or file != 0 or len(shape) > MOST_AXES or 7 in dict(entry):
            raise _Damaged(f"a tensor of another kind than whole ones of numbers, {shorten(name)}")
        left -= size
        if size != math.prod(shape) * dtype.itemsize or start + size > len(data) or left < 0:
            raise _Damaged(f"a tensor that claims another size than there is, {shorten(name)}")
        tensors[name] = np.frombuffer(data[start : start + size].tobytes(), dtype).reshape(shape)
    return tensors


def _fields(data: bytes | int) -> Fields:
    """The fields of a protocol buffer: (number, value), where a value is a number or the bytes of what is inside."""
    if not isinstance(data, bytes):
        raise _Damaged("a number where a message was expected")
    fields: Fields = []
    i = 0
    while i < len(data):
        tag, i = _varint(data, i)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, i = _varint(data, i)
            fields.append((number, value))
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, i = _varint(data, i)
        if size is None or i + size > len(data):
            raise _Damaged("a message that is not whole")
        fields.append((number, data[i : i + size]))
        i += size
    return fields


def _number(fields: Fields, number: int) -> int:
    """The number in a field, 0 where there is none, as in the format."""
    value = dict(fields).get(number, 0)
    if not isinstance(value, int):
        raise _Damaged("a message where a number was expected")
    return value


def _messages(fields: Fields, number: int) -> Iterator[bytes | int]:
    return (value for key, value in fields if key == number)


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for i, byte in enumerate(data[start : start + 10]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, start + i + 1
    raise _Damaged("a number that is not whole")


def _text(data: bytes | int | None) -> str:
    if not isinstance(data, bytes):
        raise _Damaged("a thing without a name")
    return data.decode("utf-8", "replace")
