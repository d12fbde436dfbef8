"""Corruptions of a batch are sorted into groups that are rendered together, and travel as they are."""

import numpy as np
import torch

from pysid.augment.corruptions import CorruptedRows, Corruption, CorruptionBatch

ROOM = np.array([1.0, 2.0, 3.0], np.float32)
LONG_ROOM = np.arange(5, dtype=np.float32)
NOISE = np.array([4.0, 5.0], np.float32)
DRAWN = [
    Corruption(),
    Corruption("noise", noise=NOISE),
    Corruption("reverb", response=ROOM),
    Corruption("both", response=LONG_ROOM, noise=NOISE),
]


def test_rows_with_a_room_and_rows_with_noise_alone():
    batch = CorruptionBatch.stack(DRAWN)
    assert batch.kinds == ["clean", "noise", "reverb", "both"]
    in_room, in_noise = batch.groups
    assert (in_room.rows, in_room.response_lengths) == ([2, 3], [3, 5])
    assert in_room.response.tolist() == [[1, 2, 3, 0, 0], [0, 1, 2, 3, 4]]
    assert in_room.noise.tolist() == [[0, 0], [4, 5]]
    assert (in_noise.rows, in_noise.response, in_noise.response_lengths) == ([1], None, None)
    assert in_noise.noise.tolist() == [[4, 5]]


def test_groups_that_nothing_is_in_are_left_out():
    assert CorruptionBatch.stack(DRAWN[:1]).groups == []
    assert [group.rows for group in CorruptionBatch.stack(DRAWN[:2]).groups] == [[1]]
    without_noise = CorruptedRows.stack(DRAWN, [2])
    assert without_noise.noise is None and without_noise.response.dtype == torch.float32


def test_a_copy_has_the_same_numbers_elsewhere():
    batch = CorruptionBatch.stack(DRAWN)
    moved = batch.to(torch.device("meta"))
    assert [(x.response is None, x.noise.device.type) for x in moved.groups] == [(False, "meta"), (True, "meta")]
    doubled = batch.groups[0].moved(lambda x: 2 * x)
    assert torch.equal(doubled.response, 2 * batch.groups[0].response)
    assert (doubled.rows, doubled.response_lengths) == (batch.groups[0].rows, batch.groups[0].response_lengths)
    assert batch.groups[0].response[0, 0] == 1  # which stays as it was
