"""The index beside a database by itself: what is written is read, and what does not fit is not."""

import numpy as np
import pytest

from pysid.backend.search import EnrolledSide
from pysid.speakers.index import Label, SpeakerIndex, erase, index_path, read_index, write_index

LABEL = Label("a back-end", 12, 34)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "team.db"
    path.touch(0o640)
    return path


def speakers(ids, seed=0):
    rng = np.random.default_rng(seed)
    n = len(ids)
    left = rng.normal(size=(n, 5)).astype(np.float32)
    return SpeakerIndex(np.array(ids), EnrolledSide(left, rng.normal(size=n), rng.integers(1, 9, n)))


def assert_same(found, expected):
    np.testing.assert_array_equal(found.ids, expected.ids)
    for name in ("left", "row", "counts"):
        np.testing.assert_array_equal(getattr(found.side, name), getattr(expected.side, name))


@pytest.mark.parametrize("n", [0, 3, 9000])  # of a sum for each 4096 rows
def test_there_and_back(database, n):
    index = speakers(range(n))
    write_index(database, LABEL, [index])
    label, found = read_index(database)
    assert label == LABEL and found.n_speakers == n
    assert_same(found, index)
    assert index_path(database).stat().st_mode & 0o777 == database.stat().st_mode & 0o777


def test_parts_are_joined_and_who_is_gone_is_left_out(database):
    one, other = speakers([1, 2, 3]), speakers([7, 8], seed=1)
    assert one.without(np.array([2])).n_speakers == 2
    write_index(database, LABEL, [one.without(np.array([2])), other])
    _, found = read_index(database)
    assert found.ids.tolist() == [1, 3, 7, 8]
    np.testing.assert_array_equal(found.side.left, np.concatenate([one.side.left[[0, 2]], other.side.left]))


def test_a_changed_byte_anywhere_makes_it_unreadable(database):
    write_index(database, LABEL, [speakers(range(20))])
    path = index_path(database)
    data = path.read_bytes()
    for at in [*range(0, 40, 7), *range(40, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        found = read_index(database)
        assert found is None or (found[0], found[1].ids.tolist()) == (LABEL, list(range(20)))
        if at > 1000:  # among the numbers
            assert found is None, at
    for size in (0, 7, 100, len(data) - 1):
        path.write_bytes(data[:size])
        assert read_index(database) is None
    path.unlink()
    assert read_index(database) is None


def test_a_voice_that_is_erased_is_nowhere_in_the_file(database):
    index = speakers(range(6000))
    write_index(database, LABEL, [index])
    gone = index.side.left[5000].tobytes()
    assert gone in index_path(database).read_bytes()
    erase(database, [5000], 12, 13)
    assert gone not in index_path(database).read_bytes()
    label, found = read_index(database)  # whose sums fit again
    assert (label.epoch, found.n_speakers) == (13, 5999)
    assert found.side.row[5000] == -np.inf


def test_an_index_of_another_state_is_removed(database):
    erase(database, [1], 12, 13)  # where there is none
    write_index(database, LABEL, [speakers([1, 2])])
    erase(database, [1], 99, 100)
    assert not index_path(database).exists()
    index_path(database).write_bytes(b"no index")
    erase(database, [1], 12, 13)
    assert not index_path(database).exists()
