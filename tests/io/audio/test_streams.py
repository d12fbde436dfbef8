"""Pipes and streams."""

import io
import os
import threading

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.audio.files import read_audio


def test_pipes(tmp_path, wav):
    expected, _ = read_audio(wav)
    read_end, write_end = os.pipe()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def fill(place: object) -> None:
        with open(place, "wb") as pipe:  # type: ignore[arg-type]
            pipe.write(wav.read_bytes())

    for place, path in ((write_end, f"/dev/fd/{read_end}"), (fifo, fifo)):
        writer = threading.Thread(target=fill, args=(place,))
        writer.start()
        np.testing.assert_array_equal(read_audio(path)[0], expected)
        writer.join()
    os.close(read_end)


def test_a_pipe_without_end_or_without_a_writer(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"/dev/zero: expected a file or a pipe, got a device$"):
        read_audio("/dev/zero")
    monkeypatch.setattr("pysid.io.files.PATIENCE_S", 0.05)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match=r"fifo: expected somebody to write to this pipe, nobody did in 0.05 s$"):
        read_audio(tmp_path / "fifo")


def test_a_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match=r"expected a recording on standard input, and it is closed$"):
        read_audio("-")


def test_a_stream_that_cannot_seek(wav):
    class Pipe(io.RawIOBase):
        data = io.BytesIO(wav.read_bytes())

        def read(self, size: int = -1) -> bytes:
            return self.data.read(size)

    np.testing.assert_array_equal(read_audio(Pipe())[0], read_audio(wav)[0])  # type: ignore[arg-type]
