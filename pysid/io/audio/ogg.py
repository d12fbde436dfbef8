"""The pages of an Ogg file: whether the last one is complete, and where one stream ends and the next begins.

Source: RFC 3533, section 6, and for chains section 4.
"""

from dataclasses import dataclass, field

from pysid.io.audio.pieces import Bytes

_CAPTURE = b"OggS\0"
_BEGINS = 2  # flag of a stream's first page
LONGEST_PAGE = 65307


@dataclass
class Chain:
    """What an Ogg file is made of.

    Attributes:
        links: bytes [start, stop) of each part, one after the other in time.
        is_multiplexed: a part has several streams side by side, such as a picture and its sound.
        missing: bytes that the last page lacks.
    """

    links: list[tuple[int, int]] = field(default_factory=list)
    is_multiplexed: bool = False
    missing: tuple[int, int] | None = None  # bytes of the last page that should be there, and that are


def read_chain(source: Bytes) -> Chain:
    """The parts of an Ogg file."""
    chain = Chain()
    at, begun = source.find(_CAPTURE, 0, source.size), False
    while at >= 0 and at < source.size:
        head = source.at(at, 27 + 255)
        if not head.startswith(_CAPTURE):
            at = source.find(_CAPTURE, at, source.size)
            continue
        n_segments = head[26] if len(head) > 26 else 0
        size = 27 + n_segments + sum(head[27 : 27 + n_segments])
        begins = len(head) > 5 and bool(head[5] & _BEGINS)
        if begins and begun:
            chain.is_multiplexed = True
        elif begins or not chain.links:
            chain.links.append((at, at))
        begun = begins
        if at + size > source.size:
            chain.missing = (size, source.size - at)
        at = min(at + size, source.size)
        chain.links[-1] = (chain.links[-1][0], at)
    return chain
