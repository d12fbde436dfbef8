"""The pages of Ogg files."""

import io

import pytest

from pysid.io.audio.ogg import read_chain
from pysid.io.audio.pieces import Bytes

RATE = 16000


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_where_one_stream_ends_and_the_next_begins(wave, coded, kind):
    one, two = coded(wave, kind), coded(-wave[:RATE], kind)
    chain = read_chain(Bytes(io.BytesIO(one + two)))
    assert chain.links == [(0, len(one)), (len(one), len(one) + len(two))]
    assert not chain.is_multiplexed and chain.missing is None


def test_a_last_page_that_is_not_whole(wave, coded):
    data = coded(wave, "ogg")
    start = data.rindex(b"OggS\0")
    chain = read_chain(Bytes(io.BytesIO(data[:-9])))
    assert chain.missing == (len(data) - start, len(data) - start - 9) and chain.links == [(0, len(data) - 9)]


def test_streams_side_by_side(wave, coded):
    data = coded(wave, "opus")
    first = data.index(b"OggS\0", 1)
    assert read_chain(Bytes(io.BytesIO(data[:first] + data))).is_multiplexed


def test_no_page():
    assert read_chain(Bytes(io.BytesIO(b"no page" * 9))).links == []
