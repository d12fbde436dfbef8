"""Repairs headers of WAV, AIFF, AU and FLAC files that do not say how long their sound is."""

import struct
from typing import Literal

from pysid.io.audio.pieces import Bytes, Piece, patched

_CRC8 = 0x07  # x^8 + x^2 + x + 1
_CRC16 = 0x8005  # x^16 + x^15 + x^2 + 1
_TAIL = 1 << 18  # bytes at the end of a FLAC file among which its last frame begins
_MOST_SUMS = 8  # that are taken to find it: what looks like a later one by chance is rare
COUNTED = 0xFFFFFFFF  # bytes that WAV can count
_UNKNOWN = (0x7F000000, 1 << 31, 1 << 32)  # sizes, or a header less, that writers put where they do not know it
_NEAR = 1 << 16
_NO_SIZE = 1 << 40  # from here on, of those that are counted in 64 bits

Order = Literal["little", "big"]


def mend_size(source: Bytes) -> tuple[list[Piece], str] | None:
    """The pieces of a WAV, AIFF or AU file with the right size, and what was wrong; None where nothing is.

    A recorder that was switched off leaves a size of 0; a size as large as the file, or 8 bytes less, counts the header
    too. A size that the writer did not know, or that has lost what 32 bits cannot count, is at most that of the
    samples. What was wrong is "" where libsndfile alone cannot read what the header says.
    """
    magic = source.at(0, 4)
    if magic in (b"RIFF", b"RIFX"):
        order: Order = "little" if magic == b"RIFF" else "big"
        at, size = _chunk(source, b"data", order)
        problem = _problem(source, at, size, order) if at else ""
        counts = order == "little" or source.size - 8 <= COUNTED  # RF64 has no other order
        return (_wav(source, at, source.size - at, order), problem) if problem and counts else None
    if magic == b"FORM":
        at, size = _chunk(source, b"SSND", "big")
        # It begins with two numbers. Of a size of 0, as ffmpeg leaves it, libsndfile reads up to the end.
        problem = _problem(source, at + 8, size - 8, "big") if size else ""
        return (patched(source.size, {at - 4: bytes(4)}), problem) if problem else None
    return _mended_au(source) if magic == b".snd" else None


def _chunk(source: Bytes, name: bytes, order: Order) -> tuple[int, int]:
    """Where the content of a chunk begins, and its size by its header; (0, 0) where there is none."""
    at = 12
    while at + 8 <= source.size:
        head = source.at(at, 8)
        size = int.from_bytes(head[4:], order)
        if head[:4] == name:
            return at + 8, size
        at += 8 + size + size % 2
    return 0, 0


def _problem(source: Bytes, at: int, size: int, order: Order | None) -> str:
    """What is wrong with a size of samples, which begin at a place; "" for nothing.

    Args:
        order: of the bytes of chunks that may follow; None where none can.
    """
    available = source.size - at

    def is_end(place: int) -> bool:
        return order is not None and _is_chunk(source, place, order)

    if size == 0 and available > 0 and not is_end(at):
        return f"its header says 0 bytes of samples, and {available} are there"
    if available < size and size in (source.size, source.size - 8):
        return f"its header says {size} bytes of samples, which counts itself; {available} are there"
    if 0 < size < available and _is_no_size(size, available) and not is_end(at + size + size % 2):
        return f"its header says {size} bytes of samples, which stands for more; {available} are there"
    return ""


def is_unknown(size: int) -> bool:
    """Whether a size in a header says that its writer did not know it.

    >>> is_unknown(0x7FFFF000), is_unknown(0xFFFFFFFF), is_unknown(3 << 30)
    (True, True, False)
    """
    return size >= _NO_SIZE or any(abs(size - mark) <= _NEAR for mark in _UNKNOWN)


def _is_no_size(size: int, available: int) -> bool:
    """Whether the size of samples is not known, or has lost what 32 bits cannot count."""
    return is_unknown(size) or (available - size) & COUNTED == 0


def _wav(source: Bytes, at: int, n_bytes: int, order: Order) -> list[Piece]:
    """The pieces of a WAV file whose samples, at a place, have that size; as RF64 where WAV cannot count it.

    Source of RF64: EBU Tech 3306, version 2.1.
    """
    if source.size - 8 <= COUNTED:
        return patched(source.size, {at - 4: n_bytes.to_bytes(4, order), 4: (source.size - 8).to_bytes(4, order)})
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, source.size - 8 + 36, n_bytes, 0, 0)
    unknown = COUNTED.to_bytes(4, "little")
    return [b"RF64" + unknown, (8, 12), sizes, (12, at - 4), unknown, (at, source.size)]


def _mended_au(source: Bytes) -> tuple[list[Piece], str] | None:
    """Of AU, whose largest size says that it is not known; of others from 2 GiB on libsndfile reads nothing."""
    head = source.at(0, 12)
    at, size = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    problem = _problem(source, at, size, None)
    is_too_large = size >= COUNTED // 2 and (is_unknown(size) or at + size <= source.size)
    if size == COUNTED or not (problem or is_too_large):
        return None
    stop = source.size if problem else min(at + size, source.size)
    return [(0, 8), COUNTED.to_bytes(4, "big"), (12, stop)], problem


def mend_flac(source: Bytes) -> tuple[list[Piece], str] | None:
    """The pieces of a FLAC file with its length, and what was wrong; None where nothing is, or nobody can tell.

    A writer into a pipe does not know the length, which is no fault; what cuts a file without decoding it, as ffmpeg -c
    copy does, leaves that of the whole. A file that ends within a frame was cut off by accident, and is left as it is.

    Source: RFC 9639, sections 8.2 and 9.1.
    """
    info = _stream_info(source)
    if info is None:
        return None
    total, n = _total(info), _samples(source, int.from_bytes(info[8:10], "big"), _total(info))
    if n is None or n == total:
        return None
    pieces = patched(source.size, {21: bytes([info[21] & 0xF0 | n >> 32 & 0x0F]) + (n & 0xFFFFFFFF).to_bytes(4, "big")})
    return pieces, f"its header says {total} samples, and {n} are there" if total else ""


def starts_within(source: Bytes) -> bool:
    """Whether the frames of a FLAC file are counted from the start of another, out of which it was cut."""
    info = _stream_info(source)
    if info is None:
        return False
    at, head = 4, info[4:8]
    while len(head) == 4:
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:  # of the last block before the frames
            frame = _frame(source.at(at, 16), int.from_bytes(info[8:10], "big"))
            return frame is not None and frame[0] > 0
        head = source.at(at, 4)
    return False


def _stream_info(source: Bytes) -> bytes | None:
    info = source.at(0, 42)
    return info if info[:4] == b"fLaC" and len(info) == 42 and info[4] & 0x7F == 0 else None


def _total(info: bytes) -> int:
    """Samples by the header, 0 if it does not say."""
    return (info[21] & 0x0F) << 32 | int.from_bytes(info[22:26], "big")


def _samples(source: Bytes, fixed_size: int, expected: int) -> int | None:
    """Samples by the header of the last frame: where it starts, and how long it is.

    Where they are not those expected, if any are, the frame must be whole.
    """
    start = max(0, source.size - _TAIL)
    data = source.read(start, _TAIL)
    place = len(data)
    n_sums = 0
    while (place := data.rfind(b"\xff", 0, place)) >= 0:
        if data[place + 1 : place + 2] in (b"\xf8", b"\xf9"):
            frame = _frame(data[place : place + 16], fixed_size)
            if frame is None:
                continue
            if expected in (0, frame[1]):
                return frame[1]
            n_sums += 1
            if n_sums <= _MOST_SUMS and _crc16(data[place:]) == 0:
                return frame[1]
    return None


def _frame(head: bytes, fixed_size: int) -> tuple[int, int] | None:
    """The samples [start, end) of a frame; None where this is not a header of one."""
    if len(head) < 6 or head[3] & 1:  # a frame of silence is hardly longer
        return None
    n_more = 8 - (head[4] ^ 0xFF).bit_length() - 1 if head[4] & 0x80 else 0  # coded as in UTF-8
    if (n_more == 0 and head[4] & 0x80) or n_more > 6:
        return None
    number = head[4] & (0x7F if n_more == 0 else 0x3F >> n_more)
    for byte in head[5 : 5 + n_more]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    at, code = 5 + n_more, head[2] >> 4
    if code == 0:
        return None
    if code in (6, 7):
        size = int.from_bytes(head[at : at + code - 5], "big") + 1
        at += code - 5
    else:
        size = 192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 0x0F, 0)
    if head[2] & 0x0F == 15 or at >= len(head) or _crc8(head[:at]) != head[at]:
        return None
    start = number if head[1] & 1 else number * fixed_size
    return start, start + size


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _CRC8 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def _crc16(data: bytes) -> int:
    """Of a whole frame, whose last two bytes are its own, 0."""
    crc = 0
    for byte in data:
        crc = crc << 8 & 0xFFFF ^ _CRC16_OF[crc >> 8 ^ byte]
    return crc


def _crc16_of(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1 ^ _CRC16 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


_CRC16_OF = [_crc16_of(byte) for byte in range(256)]


def _is_chunk(source: Bytes, at: int, order: Order) -> bool:
    """Whether chunks that fill the rest of a file begin here."""
    while at + 8 <= source.size:
        head = source.at(at, 8)
        if not all(32 <= byte < 127 for byte in head[:4]):
            return False
        size = int.from_bytes(head[4:], order)
        at += 8 + size + size % 2
    return at in (source.size, source.size + 1)
