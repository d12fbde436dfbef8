"""Tables with an entry for each frame: Gaussians (Kaldi's "gselect"), or Gaussians with posteriors.

    gselect     1 7 ; 2 ; 9 1 ;                 posteriors     [ 1 0.6 7 0.4 ] [ 2 1 ]

In binary a byte with its size precedes each number: the number of frames, then for each frame the number of its
entries and the entries.
Source: kaldi/src/util/kaldi-holder-inl.h, BasicVectorVectorHolder; hmm/posterior.cc.
"""

import struct
from itertools import pairwise
from typing import BinaryIO

import numpy as np

from pysid.io.ark.record import BINARY
from pysid.io.text import shorten
from pysid.ivector.ragged import Chosen, Posteriors
from pysid.kaldi.holders import LINE_END, Holder, is_binary
from pysid.kaldi.log import Log

_GAUSSIAN = np.dtype([("size", "u1"), ("gaussian", "<i4")])
_ENTRY = np.dtype([*_GAUSSIAN.descr, ("weight_size", "u1"), ("weight", "<f4")])


def _read_chosen(file: BinaryIO, separator: bytes, log: Log) -> Chosen:
    binary, line = is_binary(file, separator)
    if binary:
        counts, entries = _read_entries(file, _GAUSSIAN)
        return Chosen(counts, entries["gaussian"].astype(np.int64))
    parts = line.split(b";")
    if parts[-1].strip():
        raise ValueError(f"expected a semicolon after the Gaussians of each frame, got {shorten(line)}")
    try:
        frames = [[int(word) for word in part.split()] for part in parts[:-1]]
    except ValueError:
        raise ValueError(f"expected integers, got {shorten(line)}") from None
    counts = np.array([len(frame) for frame in frames], np.int64)
    return Chosen(counts, np.array([g for frame in frames for g in frame], np.int64))


def _write_chosen(value: Chosen, binary: bool, log: Log) -> bytes:
    if binary:
        entries = np.empty(len(value.gaussians), _GAUSSIAN)
        entries["size"], entries["gaussian"] = 4, value.gaussians
        return _binary(value.counts, entries)
    ends = np.cumsum(value.counts)[:-1]
    frames = np.split(value.gaussians, ends) if len(value) else []
    return "".join("".join(f"{g} " for g in frame.tolist()) + "; " for frame in frames).encode() + LINE_END


def _read_posteriors(file: BinaryIO, separator: bytes, log: Log) -> Posteriors:
    binary, line = is_binary(file, separator)
    if binary:
        counts, entries = _read_entries(file, _ENTRY)
        if (entries["weight_size"] != 4).any():
            raise ValueError("expected posteriors of 4 bytes")
        return Posteriors(counts, entries["gaussian"].astype(np.int64), entries["weight"].astype(np.float32))
    frames = [part.split() for part in line.replace(b"[", b" ").split(b"]")]
    if line.count(b"[") != line.count(b"]") or frames[-1] or any(len(frame) % 2 for frame in frames):
        raise ValueError(f"expected posteriors such as [ 3 0.75 8 0.25 ] for each frame, got {shorten(line)}")
    words = [word for frame in frames for word in frame]
    try:
        gaussians, weights = [int(word) for word in words[::2]], [float(word) for word in words[1::2]]
    except ValueError:
        raise ValueError(f"expected Gaussians and posteriors, got {shorten(line)}") from None
    counts = np.array([len(frame) // 2 for frame in frames[:-1]], np.int64)
    return Posteriors(counts, np.array(gaussians, np.int64), np.array(weights, np.float32))


def _write_posteriors(value: Posteriors, binary: bool, log: Log) -> bytes:
    if binary:
        entries = np.empty(len(value.gaussians), _ENTRY)
        entries["size"], entries["gaussian"] = 4, value.gaussians
        entries["weight_size"], entries["weight"] = 4, value.weights
        return _binary(value.counts, entries)
    pairs = [f"{g} {w:.7g} " for g, w in zip(value.gaussians.tolist(), value.weights.tolist(), strict=True)]
    starts = np.cumsum([0, *value.counts.tolist()]).tolist()
    frames = ["[ " + "".join(pairs[a:b]) + "] " for a, b in pairwise(starts)]
    return "".join(frames).encode() + LINE_END


def _read_entries(file: BinaryIO, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Counts (T,) and entries (N,)."""
    n_frames = _read_size(file)
    counts, parts = [], []
    for _ in range(n_frames):
        count = _read_size(file)
        data = file.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise ValueError(f"cut off: expected {count * dtype.itemsize} bytes of a frame's entries, got {len(data)}")
        counts.append(count)
        parts.append(data)
    entries = np.frombuffer(b"".join(parts), dtype)
    if (entries["size"] != 4).any():
        raise ValueError("expected integers of 4 bytes")
    return np.array(counts, np.int64), entries


def _read_size(file: BinaryIO) -> int:
    data = file.read(5)
    if len(data) < 5 or data[:1] != b"\4":
        raise ValueError(f"expected an integer of 4 bytes, got {shorten(data)}")
    (size,) = struct.unpack("<i", data[1:])
    if size < 0:
        raise ValueError(f"expected a size of 0 or more, got {size}")
    return int(size)


def _binary(counts: np.ndarray, entries: np.ndarray) -> bytes:
    data, size, position = entries.tobytes(), entries.dtype.itemsize, 0
    parts = [BINARY, b"\4", struct.pack("<i", len(counts))]
    for count in counts.tolist():
        end = position + count * size
        parts += [b"\4", struct.pack("<i", count), data[position:end]]
        position = end
    return b"".join(parts)


CHOSEN = Holder(_read_chosen, _write_chosen)
POSTERIORS = Holder(_read_posteriors, _write_posteriors)
