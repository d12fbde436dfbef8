"""Masks of SpecAugment."""

import numpy as np
import pytest
import torch

from pysid.augment import (
    SpecAugment,
    SpecAugmentConfig,
)


class TestSpecAugment:
    def test_masks_are_within_their_widths_and_the_utterance(self, rng):
        config = SpecAugmentConfig(n_time_masks=1, max_time_frames=20, n_band_masks=1, max_bands=4)
        features = torch.ones(200, 90, 30)
        lengths = [50] * 200
        hidden = SpecAugment(config)(features, lengths, rng) == 0
        in_time, in_band = hidden.all(2), hidden.all(1)
        assert in_time.sum(1).max() == 10  # a fifth of 50, and not 20
        assert not in_time[:, 50:].any()
        assert in_band.sum(1).max() == 4
        assert in_time[:, 0].any() and in_time[:, 49].any() and in_band[:, 0].any() and in_band[:, 29].any()
        assert torch.equal(hidden, in_time[:, :, None] | in_band[:, None])

    def test_batch_equals_one_by_one(self, rng):
        features = torch.randn(5, 80, 30)
        together = SpecAugment()(features, [80, 10, 60, 0, 33], np.random.default_rng(2))
        one = np.random.default_rng(2)
        for i, n in enumerate([80, 10, 60, 0, 33]):
            assert torch.equal(together[i, :n], SpecAugment()(features[i : i + 1, :n], None, one)[0])

    def test_refusals(self):
        with pytest.raises(ValueError, match="must not be negative"):
            SpecAugmentConfig(max_bands=-1)
        with pytest.raises(ValueError, match=r"max_time_share must lie in \[0, 1\]"):
            SpecAugmentConfig(max_time_share=2.0)
