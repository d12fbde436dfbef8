"""A function in a process of its own."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.parallel import isolated as module
from pysid.parallel.isolated import bytes_of, isolated, peak_bytes

MIB = 2**20


def hold(n_bytes: int) -> int:
    before = peak_bytes()
    x = np.ones(n_bytes, np.uint8)
    return peak_bytes() - before if x.any() else 0


def fail() -> None:
    raise DataError("file: wrong")


def test_a_process_of_its_own_has_a_peak_of_its_own() -> None:
    assert 190 * MIB < isolated(hold, 200 * MIB) < 260 * MIB
    with pytest.raises(DataError, match="file: wrong"):
        isolated(fail)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_is_told_in_a_line() -> None:
    with pytest.raises(DataError, match="was killed; there may not be enough memory"):
        isolated(die)


def test_the_system_counts_in_kibibytes_or_bytes(monkeypatch) -> None:
    for platform, expected in (("linux", 3072), ("darwin", 3)):
        monkeypatch.setattr(module.sys, "platform", platform)
        assert bytes_of(SimpleNamespace(ru_maxrss=3)) == expected
