import numpy as np
import pytest
import torch

from pysid.errors import PysidWarning
from pysid.frontend.frames import FrameConfig, count_frames
from pysid.frontend.framing import as_counts, check_scale, overlapping_frames


def kaldi_frame(wave, frame, config):
    """One frame by the letter of Kaldi's ExtractWindow."""
    start = frame * config.shift_samples + config.first_sample
    samples = []
    for s in range(start, start + config.window_samples):
        while not 0 <= s < len(wave):
            s = -s - 1 if s < 0 else 2 * len(wave) - 1 - s  # noqa: PLW2901
        samples.append(wave[s])
    return np.array(samples)


@pytest.mark.parametrize(
    "config",
    [
        FrameConfig(),
        FrameConfig(snip_edges=False),
        FrameConfig(snip_edges=False, window_ms=60.0, shift_ms=1.0),
        FrameConfig(snip_edges=False, window_ms=1.0, shift_ms=7.0),
        FrameConfig(snip_edges=False, sample_rate=11025),
    ],
)
def test_frames_by_the_letter_of_kaldi(config):
    lengths = [3, 16, 100, 161, 500, 961, 2000]
    wave = torch.arange(1.0, 7 * 2000 + 1).reshape(7, 2000)
    frames = overlapping_frames(wave, torch.tensor(lengths), config)
    for b, length in enumerate(lengths):
        for t in range(count_frames(length, config)):
            ours = frames[b, t, 1 : 1 + config.window_samples].numpy()
            np.testing.assert_array_equal(ours, kaldi_frame(wave[b, :length].numpy(), t, config))


def test_a_wave_that_is_not_at_int16_scale_warns():
    with pytest.warns(PysidWarning, match=r"wave peaks at 0.98; Kaldi features expect int16 scale"):
        check_scale(torch.tensor([[0.1, -0.98]]))
    for fine in (torch.zeros(1, 5), torch.zeros(1, 0), torch.tensor([[-2.0, 0.5]])):
        check_scale(fine)


def test_counts():
    batch = torch.zeros(2, 5, 3)
    assert as_counts(None, batch, "n_frames").tolist() == [5, 5]
    assert as_counts([5, 0], batch, "n_frames").tolist() == [5, 0]
    for wrong in ([6, 0], [-1, 0]):
        with pytest.raises(ValueError, match=r"n_frames must lie in \[0, 5\]"):
            as_counts(wrong, batch, "n_frames")
    with pytest.raises(ValueError, match="n_frames must be 2 whole numbers"):
        as_counts(torch.tensor([1.0, 2.0]), batch, "n_frames")
