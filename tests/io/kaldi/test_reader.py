"""What both formats share: tokens, lines, and messages that say where and what."""

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.kaldi.files import reader_for
from pysid.io.kaldi.reader import unpacked

CONTENT = b"<Nnet3> input-node name=a\r\n\ncaf\xc3\xa9\n<End>"


@pytest.fixture(params=[b"", b"\0B"], ids=["text", "binary"])
def reader(request):
    return reader_for(request.param + CONTENT, "net")


def test_tokens_and_lines(reader):
    assert reader.peek_token() == reader.peek_token() == "<Nnet3>"
    assert reader.expect("<Nnet>", "<Nnet3>") == "<Nnet3>"
    assert (reader.line(), reader.line(), reader.line()) == ("input-node name=a", "", "café")
    assert reader.token() == "<End>"
    assert reader.peek_token() == ""
    with pytest.raises(DataError, match=r"expected a token, got the end of the file$"):
        reader.token()


def test_another_token_stays_unread(reader):
    with pytest.raises(DataError, match=r"^net(:1|: byte 2): expected the token <A> or <B>, got '<Nnet3>"):
        reader.expect("<A>", "<B>")
    assert reader.token() == "<Nnet3>"


def test_a_line_that_is_none(reader):
    for _ in range(3):
        reader.line()
    with pytest.raises(DataError, match=r"expected a line, got '<End>'$"):
        reader.line()
    latin = reader_for(b"caf\xe9\n", "net")
    with pytest.raises(DataError, match=r"^net:1: expected a line of UTF-8 text, got 'caf"):
        latin.line()


def test_the_place_is_that_of_the_position_asked_for(reader):
    end = len(reader.data)
    message = str(reader.error("more", end))
    assert message.endswith(": expected more, got the end of the file")
    is_binary = reader.data.startswith(b"\0B")
    assert reader.where(end) == (f"net: byte {end}" if is_binary else "net:4")
    assert reader.where(reader.position) == ("net: byte 2" if is_binary else "net:1")  # backwards, too


def test_a_triangle_becomes_the_symmetric_matrix():
    full = unpacked(np.array([1, 2, 3, 4, 5, 6], np.float32), 3)
    assert full.tolist() == [[1, 2, 4], [2, 3, 5], [4, 5, 6]]
    assert unpacked(np.zeros(0), 0).shape == (0, 0)
