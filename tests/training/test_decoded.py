"""Waveforms kept in memory."""

import resource
import signal
import tempfile

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.training import decoded
from pysid.training.decoded import DecodedWaves

WAVES = [np.arange(5, dtype=np.float32), np.array([-1e6, 0.4, 0.6, 1e6], np.float32), None, np.array([7], np.float32)]


def decode(number):
    if WAVES[number] is None:
        yield np.ones(3, np.float32)
        raise DataError("b.wav: broken")
    yield from np.split(WAVES[number], [2])


@pytest.fixture(params=["memory", "disk"])
def waves(request, monkeypatch):
    if request.param == "disk":
        monkeypatch.setattr(decoded, "HELD_BYTES", 8)
    return DecodedWaves(range(4), decode)


def test_each_is_read_from_its_own_samples(waves):
    assert [waves.n_samples(i) for i in range(4)] == [5, 4, 0, 1]
    np.testing.assert_array_equal(waves.read(0, 2, 2), [2, 3])
    np.testing.assert_array_equal(waves.read(0, 3, 99), [3, 4])  # not into the next one
    np.testing.assert_array_equal(waves.read(3, 0, 1), [7])
    assert waves.read(0, 0, 1).dtype == np.float32


def test_samples_are_rounded_and_clipped_to_int16(waves):
    np.testing.assert_array_equal(waves.read(1, 0, 4), [-32768, 0, 1, 32767])


def test_an_error_comes_back_when_it_is_read(waves):
    with pytest.raises(DataError, match=r"^b.wav: broken$"):
        waves.read(2, 0, 1)
    with pytest.raises(DataError, match="expected more than 5 samples, got 5"):
        waves.read(0, 5, 1)


def test_a_full_disk_names_the_folder(monkeypatch):
    monkeypatch.setattr(decoded, "HELD_BYTES", 0)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limit[1]))
        with pytest.raises(OSError, match="File too large") as error:
            DecodedWaves(range(1), lambda _: [np.zeros(1 << 16)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert error.value.filename == tempfile.gettempdir()
