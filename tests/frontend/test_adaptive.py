import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from pysid.frontend import AdaptiveVadConfig, FbankConfig, Frontend, FrontendConfig, MfccConfig, adaptive_vad
from pysid.frontend.adaptive import DB

QUIET, LOUD = 6.0, 14.0  # mean log energies


def two_levels(n_frames, share, spread=1.0, seed=0):
    """Log energies (1, T), a share of them about LOUD and the others about QUIET, and which are which."""
    generator = torch.Generator().manual_seed(seed)
    loud = torch.rand(1, n_frames, generator=generator) < share
    return torch.where(loud, LOUD, QUIET) + spread * torch.randn(1, n_frames, generator=generator), loud


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_the_share_of_speech_does_not_matter(share):
    energies, loud = two_levels(4000, share)
    assert (adaptive_vad(energies, config=AdaptiveVadConfig(level=0.5)) == loud).float().mean() > 0.999


@pytest.mark.parametrize("gain_db", [-30.0, 20.0])
def test_the_level_of_the_recording_does_not_matter(gain_db):
    energies, _ = two_levels(1000, 0.5, spread=3.0)
    assert torch.equal(adaptive_vad(energies + gain_db * DB), adaptive_vad(energies))


def test_the_threshold_lies_between_the_means_of_a_mixture_with_one_variance():
    energies, _ = two_levels(5000, 0.4, spread=2.0)
    mixture = GaussianMixture(2, covariance_type="tied", random_state=0).fit(energies[0].numpy()[:, None])
    quiet, loud = np.sort(mixture.means_[:, 0])
    for level in (0.2, 0.7):
        voiced = adaptive_vad(energies, config=AdaptiveVadConfig(level=level, range_db=80.0))
        threshold = (energies[voiced].min() + energies[~voiced].max()) / 2
        assert threshold.item() == pytest.approx(quiet + level * (loud - quiet), abs=0.1)


def test_digital_silence_counts_as_the_bottom_of_the_range():
    energies, _ = two_levels(1000, 0.5)
    with_silence = torch.cat([energies, torch.full((1, 3000), -15.94)], 1)
    voiced = adaptive_vad(with_silence, config=AdaptiveVadConfig(level=0.5))
    assert torch.equal(voiced[0, :1000], energies[0] > LOUD - 20 * DB) and not voiced[0, 1000:].any()


def test_steady_noise_and_silence_hold_no_speech():
    noise = 8 + 0.3 * torch.randn(1, 3000, generator=torch.Generator().manual_seed(1))
    assert not adaptive_vad(noise).any()
    assert adaptive_vad(noise, config=AdaptiveVadConfig(min_separation_db=0.0)).any()
    assert not adaptive_vad(torch.full((1, 100), -15.94)).any()


def test_a_padded_batch_gives_each_utterance_what_it_gets_alone():
    lengths = [300, 0, 1, 2, 170]
    energies = torch.cat([two_levels(300, 0.4, spread=2.0, seed=seed)[0] for seed in range(5)])
    padded = energies.clone()
    for row, n in zip(padded, lengths, strict=True):
        row[n:] = torch.nan
    together = adaptive_vad(padded, lengths)
    for b, n in enumerate(lengths):
        assert torch.equal(together[b, :n], adaptive_vad(energies[b : b + 1, :n])[0])
        assert not together[b, n:].any()
    assert 100 < together[0].sum() < 200


def test_no_frames_at_all():
    assert adaptive_vad(torch.zeros(2, 0)).shape == (2, 0)


def test_a_front_end_may_have_it():
    noise = torch.randn(1, 48000, generator=torch.Generator().manual_seed(0))
    wave = noise * torch.where(torch.arange(48000) // 16000 == 1, 3000.0, 30.0)
    for htk in (False, True):
        config = FrontendConfig(features=MfccConfig(snip_edges=False, htk_compat=htk), vad=AdaptiveVadConfig())
        features, n_frames = Frontend(config)(wave)
        assert features.shape[1] == n_frames.item() == pytest.approx(100, abs=3)


def test_wrong_options():
    with pytest.raises(ValueError, match=r"level must lie within \(0, 1\), got 1.0"):
        AdaptiveVadConfig(level=1.0)
    with pytest.raises(ValueError, match=r"range_db must lie in \(0, 200\], got 0"):
        AdaptiveVadConfig(range_db=0)
    with pytest.raises(ValueError, match=r"range_db must lie in \(0, 200\], got inf"):
        AdaptiveVadConfig(range_db=float("inf"))
    with pytest.raises(ValueError, match="min_separation_db must not be negative, got -1"):
        AdaptiveVadConfig(min_separation_db=-1)
    with pytest.raises(ValueError, match=r"log_energy must be \(batch, frames\), got \(3,\)"):
        adaptive_vad(torch.zeros(3))
    with pytest.raises(ValueError, match="an energy VAD needs filter banks with use_energy"):
        FrontendConfig(features=FbankConfig(), vad=AdaptiveVadConfig())
