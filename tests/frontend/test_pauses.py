"""Against Resemblyzer itself: tests/model/toolkits. Here: laws."""

import math

import numpy as np
import pytest
import torch

from pysid.frontend import (
    CmvnConfig,
    Fbank,
    FbankConfig,
    Frontend,
    FrontendConfig,
    PauseCutConfig,
    analyse_blocks,
    pauses,
)
from pysid.frontend.pauses import kept_blocks, raised, without_pauses

RATE = 16000


def spoken(seconds: float) -> torch.Tensor:
    """Harmonics that come and go as syllables do, which the detector takes for speech."""
    t = torch.arange(round(seconds * RATE)) / RATE
    tone = sum(torch.sin(2 * math.pi * 140 * k * t) / k for k in range(1, 25))
    return 5000 * tone * (0.3 + 0.7 * torch.sin(4 * math.pi * t) ** 2)


def with_a_pause() -> torch.Tensor:
    """2 s of speech, 3 s of next to nothing, 2 s of speech."""
    faint = torch.randn(3 * RATE, generator=torch.Generator().manual_seed(0))
    return torch.cat([spoken(2), faint, spoken(2)])


def test_a_pause_is_cut_but_for_margins() -> None:
    wave, config = with_a_pause(), PauseCutConfig()
    kept = kept_blocks(wave, RATE, config)
    assert len(kept) == len(wave) // 480
    assert kept[5:60].all() and not kept[85:155].any() and kept[175:].all()
    cut = without_pauses(wave, RATE, config)
    assert len(cut) == 480 * kept.sum()
    assert torch.equal(cut[:4800], wave[: len(kept) * 480].reshape(-1, 480)[torch.from_numpy(kept)].flatten()[:4800])
    wide = kept_blocks(wave, RATE, PauseCutConfig(margin_blocks=9))
    none = kept_blocks(wave, RATE, PauseCutConfig(margin_blocks=0))
    assert wide.sum() > kept.sum() > none.sum()


def test_nothing_is_left_of_silence_and_of_too_little() -> None:
    assert len(without_pauses(torch.zeros(RATE), RATE, PauseCutConfig())) == 0
    assert len(without_pauses(torch.ones(100), RATE, PauseCutConfig())) == 0


def test_quiet_is_raised_and_loud_is_left() -> None:
    wave = spoken(1)
    quiet = raised(wave / 1000, -30)
    assert 20 * math.log10(float(quiet.square().mean().sqrt()) / 32768) == pytest.approx(-30, abs=1e-3)
    assert torch.equal(raised(wave, -30), wave)
    assert torch.equal(raised(torch.zeros(5), -30), torch.zeros(5)) and len(raised(torch.zeros(0), -30)) == 0


def resemblyzers_mask(speech: np.ndarray) -> np.ndarray:
    """trim_long_silences, written out: the mean of 8 blocks, rounded to even, and 3 more on either side."""
    padded = np.concatenate([np.zeros(3), speech, np.zeros(4)])
    smooth = [round(padded[i : i + 8].sum() / 8) == 1 for i in range(len(speech))]
    return np.array([any(smooth[max(0, i - 3) : i + 4]) for i in range(len(speech))], bool)


def test_smoothing_is_resemblyzers(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for n in (0, 1, 2, 7, 8, 9, 60):
        speech = random.random(n) > 0.5
        monkeypatch.setattr(pauses, "webrtc_vad", lambda *_, found=speech, **__: torch.from_numpy(found))
        kept = kept_blocks(torch.zeros(480 * n), RATE, PauseCutConfig())
        assert np.array_equal(kept, resemblyzers_mask(speech))


def config(**given: object) -> FrontendConfig:
    return FrontendConfig(features=FbankConfig(), vad=PauseCutConfig(), **given)  # type: ignore[arg-type]


def test_a_front_end_cuts_before_it_makes_frames() -> None:
    frontend, waves = Frontend(config()), [with_a_pause(), spoken(1), torch.zeros(RATE)]
    features, n_frames = frontend(
        torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), torch.tensor([len(x) for x in waves])
    )
    for row, n, wave in zip(features, n_frames.tolist(), waves, strict=True):
        expected = Fbank(FbankConfig())(without_pauses(wave, RATE, PauseCutConfig())[None])[0]
        torch.testing.assert_close(row[:n], expected)
    assert n_frames[2] == 0


def test_an_analysis_keeps_times_unless_it_is_to_cut() -> None:
    wave = with_a_pause()
    frontend = Frontend(config(least_dbfs=0.0))
    whole = analyse_blocks(frontend, np.split(wave.numpy(), 7))
    assert len(whole) == Fbank(FbankConfig()).n_frames(len(wave))
    assert not whole.voiced[260:460].any() and whole.voiced[20:180].all()
    assert torch.equal(frontend.voiced(wave[None])[0], whole.voiced)
    cut = analyse_blocks(frontend, [wave.numpy()], cut_pauses=True)
    features, n_frames = frontend(wave[None])
    assert torch.equal(cut.features, features[0]) and cut.voiced.all() and len(cut) == int(n_frames)
    assert cut.duration_s == 7.0


def test_a_louder_copy_of_a_quiet_recording_has_the_same_features() -> None:
    frontend = Frontend(FrontendConfig(features=FbankConfig(), cmvn=CmvnConfig(), least_dbfs=-20.0))
    one, other = (frontend(x * spoken(1)[None])[0] for x in (0.01, 0.02))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="aggressiveness must lie in"):
        PauseCutConfig(aggressiveness=4)
    with pytest.raises(ValueError, match="smooth_blocks must be positive"):
        PauseCutConfig(smooth_blocks=0)
