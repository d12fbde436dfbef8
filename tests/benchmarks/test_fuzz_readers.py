"""Damaged files of all of Kaldi's formats: `benchmarks.fuzz_readers` for a few seconds."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_readers import TARGETS, Target, check, damaged
from pysid.errors import DataError


@pytest.mark.parametrize("name", TARGETS)
def test_whole_files_are_read(name):
    for data in TARGETS[name].seeds():
        assert check(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("ignore::pysid.errors.PysidWarning")  # of what was left out
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_damaged_files_are_read_or_refused_and_nothing_else(name, random):
    check(TARGETS[name], damaged(random, TARGETS[name].seeds()))


def test_the_check_sees_what_breaks_a_reader():
    def refuse(_):
        raise DataError("a: expected b, got c")

    assert not check(Target(refuse, ()), b"")

    def crash(_):
        raise KeyError("a")

    def ramble(_):
        raise DataError("one line\nand another")

    with pytest.raises(KeyError):
        check(Target(crash, ()), b"")
    with pytest.raises(AssertionError, match="several lines"):
        check(Target(ramble, ()), b"")
    with pytest.raises(AssertionError, match="bytes of memory for a file of 5"):
        check(Target(lambda _: bytes(30_000_000), ()), b"12345")
