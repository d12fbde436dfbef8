"""The frames of an MP3 file: how many there really are, and where the parts begin in one joined from several.

libmpg123 trusts the header or estimates, and stops where the first of two files ends. So the frames are counted here.

Source: ISO/IEC 11172-3, section 2.4; the headers of Xing and LAME: http://gabriel.mp3-tech.org/mp3infotag.html.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pysid.io.audio.content import after_id3
from pysid.io.audio.pieces import Bytes, Piece

_MPEG1, _MPEG2, _MPEG25 = 3, 2, 0  # as the header has it
_RATES = {_MPEG1: (44100, 48000, 32000), _MPEG2: (22050, 24000, 16000), _MPEG25: (11025, 12000, 8000)}
_KBPS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # at the end of a file
_RESYNC = 1 << 16  # bytes that may lie between two frames
_ENOUGH = 5  # frames in a row that are no chance
_NEEDED = 48  # bytes of a frame that tell what it is


class Header(NamedTuple):
    """The header of a frame."""

    version: int
    layer: int
    rate: int  # Hz
    is_mono: bool
    size: int  # bytes, with the header
    side: int  # bytes before what a first frame says about the file

    @property
    def kind(self) -> tuple[int, int, int]:
        """What is the same in all frames of a file."""
        return self.version, self.layer, self.rate


@dataclass
class Section:
    """A stretch of frames that one decoder can read.

    Attributes:
        start, stop: bytes of the file.
        header: of the first frame.
        n_frames: that hold sound.
        claimed: how many there should be; None where the first frame does not say so.
        is_torn: the file ends within a frame.
    """

    start: int
    stop: int
    header: Header
    n_frames: int = 0
    claimed: int | None = None
    is_torn: bool = False

    def pieces(self, source: Bytes) -> list[Piece]:
        """The section as a file whose first frame tells how many follow."""
        if self.claimed is not None and self.n_frames <= self.claimed:
            return [(self.start, self.stop)]
        start = self.start if self.claimed is None else self.start + self.header.size
        first = bytearray(self.header.size)
        first[:4] = source.at(self.start, 4)
        first[1] |= 1  # no check sum
        first[2] &= ~2 & 0xFF  # no padding
        tag = b"Info" + (1).to_bytes(4, "big") + self.n_frames.to_bytes(4, "big")
        first[self.header.side : self.header.side + len(tag)] = tag
        return [bytes(first), (start, self.stop)]


def sections(source: Bytes) -> list[Section]:
    """The sections of a file, none where it has no frames of a known size."""
    found: list[Section] = []
    at = after_id3(source.at(0, 10))
    while at + 4 <= source.size:
        data = source.at(at, _NEEDED)
        header = _parse(data)
        if header is None or (found and header.kind != found[-1].header.kind and not _follows(source, at, header)):
            at = _resync(source, at, data)
            if at < 0:
                break
            continue
        if at + header.size > source.size:
            if found:
                found[-1].is_torn = True
            break
        claimed = _claimed(data, header)
        if not found or claimed is not None or header.kind != found[-1].header.kind:
            found.append(Section(at, at, header, claimed=claimed, n_frames=-1 if claimed is not None else 0))
        at += header.size
        found[-1].n_frames += 1
        found[-1].stop = at
    return [section for section in found if section.n_frames > 0]


def has_frames(source: Bytes) -> bool:
    """Whether frames in a row begin within the first bytes of a file, after something else."""
    at = _resync(source, 0, b"")
    while 0 < at < _RESYNC:
        place = at
        for _ in range(_ENOUGH):
            header = _parse(source.at(place, 4))
            if header is None:
                break
            place += header.size
        else:
            return True
        at = _resync(source, at, b"")
    return False


def _parse(data: bytes) -> Header | None:
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    rate_index, kbps_index = data[2] >> 2 & 3, data[2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or not 0 < kbps_index < 15:
        return None
    rate, is_first = _RATES[version][rate_index], version == _MPEG1
    bits = 1000 * _KBPS[is_first, layer][kbps_index - 1]
    padding, is_mono = data[2] >> 1 & 1, data[3] >> 6 == 3
    if layer == 1:
        size = (12 * bits // rate + padding) * 4
    else:
        size = (144 if is_first or layer == 2 else 72) * bits // rate + padding
    side = 4 + ((17 if is_mono else 32) if is_first else (9 if is_mono else 17))
    return Header(version, layer, rate, is_mono, size, side)


def _claimed(data: bytes, header: Header) -> int | None:
    """How many frames follow according to a frame of information without sound; 0 where it does not say."""
    tag = data[header.side : header.side + 12]
    if header.layer != 3 or tag[:4] not in (b"Xing", b"Info"):
        return None
    return int.from_bytes(tag[8:12], "big") if tag[7:8] and tag[7] & 1 else 0


def _follows(source: Bytes, at: int, header: Header) -> bool:
    """Whether a frame is followed by another of its kind, or by the end of the file."""
    following = source.at(at + header.size, 4)
    after = _parse(following)
    return (after is not None and after.kind == header.kind) or len(following) < 4 or following.startswith(_TAGS[0])


def _resync(source: Bytes, at: int, data: bytes) -> int:
    """The place of the next frame after something else, or -1."""
    if data.startswith(_TAGS):
        return -1
    if skip := after_id3(data[:10]):
        return at + skip
    stop = min(at + _RESYNC, source.size)
    place = at
    while (place := source.find(b"\xff", place + 1, stop)) >= 0:
        header = _parse(source.at(place, 4))
        if header is not None and place + header.size < source.size and _follows(source, place, header):
            return place
    tag = source.find(b"ID3", at + 1, stop)
    return tag if tag >= 0 and after_id3(source.at(tag, 10)) else -1
