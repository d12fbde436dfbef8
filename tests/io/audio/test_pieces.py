"""Files put together of pieces."""

import io
import os

from pysid.io.audio.pieces import Bytes, Joined, patched


def test_bytes_by_their_place():
    content = bytes(range(256)) * 9000
    source = Bytes(io.BytesIO(content))
    assert source.size == len(content)
    for start, n in ((0, 4), (5, 4), (len(content) - 2, 9), (1_500_000, 3), (7, 0), (len(content), 1)):
        assert source.at(start, n) == source.read(start, n) == content[start : start + n]
    odd = content[:1_048_575] + b"here" + content
    for start, stop, found in ((0, len(odd), 1_048_575), (0, 1_048_575, -1), (1_048_576, len(odd), -1)):
        assert Bytes(io.BytesIO(odd)).find(b"here", start, stop) == found


def test_files_of_pieces():
    source = Bytes(io.BytesIO(b"0123456789"))
    file = io.BufferedReader(Joined(source, [(2, 4), b"", b"ab", (9, 9), (0, 1)]))
    assert file.read() == b"23ab0" and file.read() == b""
    assert file.seek(-2, os.SEEK_END) == 3 and file.read(1) == b"b" and file.tell() == 4
    assert file.seek(1) == 1 and file.read(3) == b"3ab"
    assert io.BufferedReader(Joined(source, [])).read() == b""
    changed = Joined(source, patched(source.size, {8: b"y", 1: b"xx"}))
    assert io.BufferedReader(changed).read() == b"0xx34567y9"


def test_a_piece_that_cannot_be_read_ends_the_file():
    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    joined = Joined(Bytes(Failing(b"0123")), [b"ab", (0, 2)])
    assert io.BufferedReader(joined).read() == b"ab" and joined.failure.errno == 5
