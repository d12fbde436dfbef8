"""How many frames there are, how long they are, and their windows."""

import numpy as np
import pytest
import torch

from pysid.frontend.frames import WINDOW_TYPES, FrameConfig, count_frames, window_function


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
