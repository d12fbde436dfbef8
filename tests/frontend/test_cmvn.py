import numpy as np
import pytest
import torch

from pysid.frontend import CmvnConfig, cmvn, sliding_cmvn

CONFIGS = [
    CmvnConfig(window=30, center=True),
    CmvnConfig(window=31, center=True, norm_vars=True),
    CmvnConfig(window=1, center=True, norm_vars=True),
    CmvnConfig(window=20, min_window=5),
    CmvnConfig(window=20, min_window=60, norm_vars=True),
    CmvnConfig(window=1, min_window=1, norm_vars=True),
    CmvnConfig(window=500, center=True),
    CmvnConfig(),
]


def by_the_letter(x, config):
    """Kaldi's SlidingWindowCmn, frame by frame."""
    x = x.astype(np.float64)
    out = np.zeros_like(x)
    for t in range(len(x)):
        if config.center:
            start = t - config.window // 2
            end = start + config.window
        else:
            start, end = t - config.window, t + 1
        if start < 0:
            start, end = 0, end - start
        if not config.center and end > t:
            end = max(t + 1, config.min_window)
        if end > len(x):
            start, end = max(0, start - (end - len(x))), len(x)
        window = x[start:end]
        out[t] = x[t] - window.mean(0)
        if config.norm_vars:
            out[t] = 0 if len(window) == 1 else out[t] / np.sqrt(np.maximum(window.var(0), 1e-10))
    return out


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("n_frames", [1, 2, 19, 50, 120])
def test_by_the_letter_of_kaldi(config, n_frames):
    x = 20 + 10 * torch.randn(1, n_frames, 4, generator=torch.Generator().manual_seed(1))
    ours = sliding_cmvn(x, config=config)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours[0].numpy(), by_the_letter(x[0].numpy(), config), rtol=0, atol=1e-4)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_padded_batch_gives_each_utterance_what_it_gets_alone(config):
    lengths = [80, 0, 1, 79, 10]
    x = torch.randn(5, 80, 3, generator=torch.Generator().manual_seed(2))
    padded = x.clone()
    for row, n in zip(padded, lengths, strict=True):
        row[n:] = torch.nan
    together = sliding_cmvn(padded, lengths, config)
    for b, n in enumerate(lengths):
        torch.testing.assert_close(together[b, :n], sliding_cmvn(x[b : b + 1, :n], config=config)[0])
        assert not together[b, n:].any()


@pytest.mark.parametrize("config", CONFIGS)
def test_constant_features_become_zero(config):
    assert not sliding_cmvn(torch.full((1, 90, 2), -15.942385), config=config).any()


def test_a_window_beyond_the_utterance_takes_its_mean_and_deviation():
    x = 3 + 2 * torch.randn(1, 100, 5, generator=torch.Generator().manual_seed(3))
    centred = sliding_cmvn(x, config=CmvnConfig(window=100, center=True))
    torch.testing.assert_close(centred, x - x.mean(1, keepdim=True))
    whitened = sliding_cmvn(x, config=CmvnConfig(window=300, center=True, norm_vars=True))
    torch.testing.assert_close(whitened.var(1, correction=0), torch.ones(1, 5))


def test_a_small_spread_far_from_zero_is_kept():
    x = 1e4 + 1e-1 * torch.randn(1, 3000, 1, generator=torch.Generator().manual_seed(4)).double()
    config = CmvnConfig(window=300, center=True, norm_vars=True)
    np.testing.assert_allclose(sliding_cmvn(x, config=config)[0], by_the_letter(x[0].numpy(), config), atol=1e-5)


def test_means_can_be_left_alone():
    x = torch.randn(2, 8, 3)
    expected = x.clone()
    expected[1, 5:] = 0
    assert torch.equal(sliding_cmvn(x, [8, 5], CmvnConfig(norm_means=False)), expected)


def test_no_frames_at_all():
    assert sliding_cmvn(torch.zeros(2, 0, 3)).shape == (2, 0, 3)


def test_wrong_options():
    with pytest.raises(ValueError, match="window must be positive, got 0"):
        CmvnConfig(window=0)
    with pytest.raises(ValueError, match="norm_vars needs norm_means"):
        CmvnConfig(norm_means=False, norm_vars=True)
    with pytest.raises(ValueError, match=r"features must be \(batch, frames, dimensions\), got \(5, 3\)"):
        sliding_cmvn(torch.zeros(5, 3))


@pytest.mark.parametrize("config", CONFIGS)
def test_stretches_of_a_long_recording_have_no_seam(config, monkeypatch):
    x = 20 + 10 * torch.randn(3, 400, 4, generator=torch.Generator().manual_seed(0))
    lengths = [400, 40, 211]
    whole = sliding_cmvn(x, lengths, config)
    monkeypatch.setattr(cmvn, "CPU_FRAMES", 64)
    torch.testing.assert_close(sliding_cmvn(x, lengths, config), whole, rtol=0, atol=1e-5)
