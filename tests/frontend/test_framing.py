import numpy as np
import pytest
import torch

from pysid.errors import PysidWarning
from pysid.frontend.frames import WINDOW_TYPES, FrameConfig, count_frames, window_function
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


@pytest.mark.parametrize(
    ("n_samples", "snipped", "reflected"),
    [(0, 0, 0), (79, 0, 0), (80, 0, 1), (239, 0, 1), (240, 0, 2), (399, 0, 2), (400, 1, 3), (560, 2, 4)],
)
def test_frame_counts(n_samples, snipped, reflected):
    for n_frames, config in ((snipped, FrameConfig()), (reflected, FrameConfig(snip_edges=False))):
        assert count_frames(n_samples, config) == n_frames
        assert count_frames(torch.tensor([n_samples]), config).tolist() == [n_frames]


def test_sizes_in_samples_are_rounded_down():
    config = FrameConfig(sample_rate=11025)
    assert (config.window_samples, config.shift_samples, config.n_fft) == (275, 110, 512)
    assert FrameConfig(sample_rate=44100).window_samples == 1102
    assert FrameConfig(round_to_power_of_two=False).n_fft == 400
    assert FrameConfig(window_ms=32.0).n_fft == 512


@pytest.mark.parametrize("kind", WINDOW_TYPES)
def test_windows_are_symmetric_with_their_maximum_in_the_middle(kind):
    window = window_function(FrameConfig(window_type=kind, window_ms=25.0625))  # 401 samples
    np.testing.assert_allclose(window, window[::-1], rtol=0, atol=1e-6)
    assert window[200] == window.max() == pytest.approx(1.0)


def test_windows_at_their_ends_and_quarters():
    expected = {
        "hamming": (0.08, 0.54),
        "hanning": (0.0, 0.5),
        "povey": (0.0, 0.5**0.85),
        "rectangular": (1.0, 1.0),
        "sine": (0.0, 0.5**0.5),
        "blackman": (0.0, 0.34),
    }
    for kind, values in expected.items():
        window = window_function(FrameConfig(window_type=kind, window_ms=25.0625))
        assert (window[0].item(), window[100].item()) == pytest.approx(values, abs=1e-6)
    window = window_function(FrameConfig(window_type="blackman", blackman_coeff=0.4, window_ms=25.0625))
    assert window[100].item() == pytest.approx(0.4 - (0.5 - 0.4))


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
