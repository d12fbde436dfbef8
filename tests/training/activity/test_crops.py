"""Training crops."""

import numpy as np
import pytest
import torch

from pysid.training.activity.crops import NEPERS_PER_DB, ActivityBatches, CropConfig

PLAIN = CropConfig(n_frames=10, batch_size=4, gain_db=(0.0, 0.0), tilt_db=0.0)


def batches(config=PLAIN, lengths=(30, 8, 50), seed=0):
    """Recordings whose features tell recording and frame, and whose counts tell the frame."""
    features = [
        np.stack([np.full(n, i), np.arange(n), np.zeros(n)], 1).astype(np.float16) for i, n in enumerate(lengths)
    ]
    counts = [(np.arange(n) % 3).astype(np.uint8) for n in lengths]
    return ActivityBatches([f"r{i}" for i in range(len(lengths))], features, counts, config, stride=2, seed=seed)


def test_crops_are_pieces_with_their_counts():
    made = batches()
    assert made.names == ["r0", "r2"]  # r1 is too short
    assert made.n_batches == (30 + 50) // 10 // 4
    seen = set()
    for epoch in range(300):
        features, counts = made.epoch(epoch)[0]
        assert features.shape == (4, 10, 3) and counts.shape == (4, 5)
        for crop, spoken in zip(features.numpy(), counts.numpy(), strict=True):
            recording, start = int(crop[0, 0]), int(crop[0, 1])
            np.testing.assert_array_equal(crop[:, 0], recording)
            np.testing.assert_array_equal(crop[:, 1], np.arange(start, start + 10))
            np.testing.assert_array_equal(spoken, np.arange(start, start + 10, 2) % 3)
            seen.add((recording, start))
    assert {start for r, start in seen if r == 0} == set(range(21))  # the first and the last place among them
    assert max(start for r, start in seen if r == 2) > 35


def test_a_batch_depends_on_seed_epoch_and_number_alone():
    config = CropConfig(n_frames=10, batch_size=4)
    first = batches(config).epoch(1)[0]
    torch.testing.assert_close(first, batches(config).epoch(1)[0])
    for other in (batches(config).epoch(2)[0], batches(config).epoch(1)[1], batches(config, seed=1).epoch(1)[0]):
        assert not torch.equal(first[0], other[0])


def test_processes_share_a_batch():
    config = CropConfig(n_frames=10, batch_size=4)
    whole, _ = batches(config).epoch(0)[0]
    parts = [batches(config).epoch(0, process, 3)[0][0] for process in range(3)]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_gain_and_tilt_add_to_the_logarithm():
    louder, _ = batches(CropConfig(n_frames=10, batch_size=4, gain_db=(10.0, 10.0), tilt_db=0.0)).epoch(0)[0]
    plain, _ = batches().epoch(0)[0]
    torch.testing.assert_close(louder - plain, torch.full_like(plain, 10 * NEPERS_PER_DB))
    tilted, _ = batches(CropConfig(n_frames=10, batch_size=4, gain_db=(0.0, 0.0), tilt_db=6.0)).epoch(0)[0]
    change = (tilted - plain)[:, 0]
    torch.testing.assert_close(change[:, 0], -change[:, 2])
    assert (change[:, 0].abs() <= 3 * NEPERS_PER_DB + 1e-6).all() and change[:, 0].unique().numel() == 4


def test_wrong_settings():
    with pytest.raises(ValueError, match="expected recordings of 10 frames or more, got none"):
        batches(lengths=(9, 3))
    with pytest.raises(ValueError, match="gain_db must be a lowest and a highest number"):
        CropConfig(gain_db=(1.0, 0.0))
    with pytest.raises(ValueError, match=r"tilt_db must lie in \[0, 200\], got inf"):
        CropConfig(tilt_db=float("inf"))
    with pytest.raises(ValueError, match="must be positive"):
        CropConfig(n_frames=0)
