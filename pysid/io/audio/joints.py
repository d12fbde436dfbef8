"""Where one file ends and another of its kind begins, in what somebody joined with `cat`.

A reader of such a container stops at the end of the first, as its header says, and the rest would go missing unnoticed.
"""

import math
import os
import re
from collections.abc import Iterator

from pysid.io.audio.content import Content
from pysid.io.audio.ogg import read_chain
from pysid.io.audio.pieces import Bytes

Span = tuple[int, int]

_known: dict[tuple[int, ...], list[int]] = {}  # the oldest first

KNOWN = 10_000  # files whose joints are remembered
MOST_BOXES = 100_000  # of an MP4 file; a fragmented one has a few for each second
# What a file begins with, where only that tells: a size is not in the header, or not to be relied on.
_STARTS = {
    "FLAC": (b"fLaC", rb"fLaC[\x00\x80]\x00\x00\x22"),
    "Core Audio": (b"caff\0\1\0\0desc", rb""),
    "WebM or Matroska": (b"\x1a\x45\xdf\xa3", rb"(?s:\x1a\x45\xdf\xa3.{1,8}?\x42\x86\x81\x01)"),
    "Windows Media": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", rb""),
}


def spans(source: Bytes, content: Content) -> list[Span]:
    """The bytes [start, stop) of each file in a file; one, of all bytes, where it is not joined or nobody can tell."""
    starts = [0, *_further(source, content)]
    return list(zip(starts, [*starts[1:], source.size], strict=True))


def _further(source: Bytes, content: Content) -> Iterator[int]:
    if content.name in _STARTS:
        yield from _searched(source, content)
    elif content.name in ("WAV", "Wave64", "AIFF", "AU", "NIST Sphere"):
        at = _end(source, 0)
        while 0 < at < source.size and _kind(source, at) == _kind(source, 0):
            yield at
            at = _end(source, at)
    elif content.demuxer == "mov":
        yield from _boxes(source)
    elif content.demuxer == "ogg":
        chain = read_chain(source)
        if not chain.is_multiplexed:
            yield from (start for start, _ in chain.links[1:])


def _searched(source: Bytes, content: Content) -> list[int]:
    """The places found by looking through the whole file; once, as pieces of one file may be read again and again."""
    try:
        found = os.fstat(source.stream.fileno())
    except OSError:
        return list(_found(source, *_STARTS[content.name]))
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    if state not in _known:
        while len(_known) >= KNOWN:
            del _known[next(iter(_known))]
        _known[state] = list(_found(source, *_STARTS[content.name]))
    return _known[state]


def _found(source: Bytes, magic: bytes, whole: bytes) -> Iterator[int]:
    at = source.find(magic, 1, source.size)
    while at >= 0:
        if re.match(whole, source.at(at, 16)):
            yield at
        at = source.find(magic, at + 1, source.size)


def _kind(source: Bytes, at: int) -> bytes:
    """What a file says that it is, but for sizes."""
    head = source.at(at, 12)
    return head[:4] if head[:4] in (b".snd", b"NIST") else head[:4] + head[8:]


def _end(source: Bytes, at: int) -> int:
    """Where the file that begins at `at` ends by its header; 0 where that does not tell."""
    head = source.at(at, 12)
    if head[:4] == b".snd":
        offset, size = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
        return at + offset + size if size < 0xFFFFFFFF else 0
    if head[:4] == b"RF64" and source.at(at + 12, 4) == b"ds64":
        return at + 8 + int.from_bytes(source.at(at + 20, 8), "little")
    if head[:4] == b"riff":
        end = at + int.from_bytes(source.at(at + 16, 8), "little")
        return end if source.at(end, 4) == b"riff" else end + -end % 8  # libsndfile leaves the padding out
    if head[:7] == b"NIST_1A":
        return _end_of_sphere(source.at(at, 1024), at)
    order = {b"RIFF": "little", b"RIFX": "big", b"FORM": "big"}.get(head[:4])
    if order is None or len(head) < 12:
        return 0
    size = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
    return at + 8 + size + size % 2


def _end_of_sphere(header: bytes, at: int) -> int:
    size = re.match(rb"NIST_1A\n *(\d{1,9})\n", header)
    fields = (b"sample_count", b"channel_count", b"sample_n_bytes")
    found = [re.search(rb"\n%s -i (\d{1,12})\n" % field, header) for field in fields]
    if size is None or not all(found):
        return 0
    return at + int(size[1]) + math.prod(int(field[1]) for field in found if field)


def _boxes(source: Bytes) -> Iterator[int]:
    """Each box of the type ftyp but the first. Source: ISO/IEC 14496-12, section 4.2."""
    at = 0
    for _ in range(MOST_BOXES):
        head = source.at(at, 16)
        if len(head) < 8:
            return
        if at and head[4:8] == b"ftyp":
            yield at
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:16], "big") if size == 1 else size
        if size < 8:  # 0: up to the end of the file
            return
        at += size
