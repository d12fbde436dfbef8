"""Against the toolkits themselves: tests/model/toolkits. Here: laws."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pysid.frontend import AdaptiveVadConfig, CmvnConfig, Frontend, FrontendConfig, analyse_blocks
from pysid.frontend.stft_mel import StftMel, StftMelConfig, librosa_bank, speechbrain_bank

LIBROSA = StftMelConfig(n_mels=40, window_type="hann", filters="librosa", scale="power")


def noise(n: int) -> torch.Tensor:
    return 1000 * torch.randn(n, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("config", [StftMelConfig(), LIBROSA])
def test_batch_equals_one_by_one(config: StftMelConfig) -> None:
    mel = StftMel(config)
    waves = [noise(n) for n in (16000, 159, 160, 8001, 1, 0)]
    lengths = torch.tensor([len(x) for x in waves])
    padded = torch.full((len(waves), 16000), 7e4)
    for row, x in zip(padded, waves, strict=True):
        row[: len(x)] = x
    batch = mel(padded, lengths)
    assert mel.n_frames(lengths).tolist() == [101, 1, 2, 51, 1, 0]
    for row, x in zip(batch, waves, strict=True):
        alone = mel(x[None])[0]
        assert len(alone) == mel.n_frames(len(x))
        torch.testing.assert_close(row[: len(alone)], alone, rtol=1e-5, atol=1e-5)
        assert not row[len(alone) :].any()


def test_a_louder_wave_is_as_many_decibels_louder() -> None:
    mel, wave = StftMel(replace(StftMelConfig(), top_db=500.0)), noise(8000)[None]
    torch.testing.assert_close(
        mel(2 * wave) - mel(wave), torch.full((1, 51, 80), 20 * math.log10(2)), rtol=0, atol=1e-4
    )
    torch.testing.assert_close(StftMel(LIBROSA)(2 * wave), 4 * StftMel(LIBROSA)(wave))


def test_the_quietest_is_raised_to_the_loudest_less_80_db() -> None:
    wave = noise(16000)
    wave[8000:] = 0.0
    found = StftMel()(wave[None])
    assert float(found.min()) == pytest.approx(float(found.max()) - 80)


def test_a_tone_is_in_the_filter_around_it() -> None:
    t = torch.arange(16000) / 16000
    for config, bank in ((StftMelConfig(), speechbrain_bank), (LIBROSA, librosa_bank)):
        for hz in (300.0, 1000.0, 5000.0):
            mel = StftMel(config)(1e4 * torch.sin(2 * math.pi * hz * t)[None])[0, 50]
            assert int(mel.argmax()) == int(bank(config)[round(hz / 40)].argmax())


def test_triangles_of_slaney_have_the_area_one() -> None:
    bank = librosa_bank(replace(LIBROSA, n_fft=16000))
    torch.testing.assert_close(bank.sum(0), torch.ones(40), rtol=1e-3, atol=0)  # bins of 1 Hz


def test_a_recording_in_blocks_is_the_recording() -> None:
    frontend = Frontend(FrontendConfig(features=StftMelConfig(), cmvn=CmvnConfig(window=50, center=True)))
    wave = noise(30000)
    recording = analyse_blocks(frontend, iter(wave.numpy()[i : i + 7000] for i in range(0, 30000, 7000)))
    features, voiced, _ = frontend.analyse(wave[None])
    torch.testing.assert_close(recording.normalized(), features[0], rtol=1e-5, atol=1e-4)
    assert recording.voiced.all() and voiced.all() and recording.shift_s == 0.01
    assert len(analyse_blocks(frontend, [np.zeros(0, np.float32)])) == 0


def test_options_out_of_range() -> None:
    for wrong, message in [
        ({"n_mels": 0}, "must be positive"),
        ({"n_fft": 10**9}, "sample_rate and n_fft must be at most 768000, got 16000 and 1000000000"),
        ({"n_fft": 300}, "a window of 2 to n_fft 300"),
        ({"high_hz": 9000.0}, "0 <= low_hz < high_hz <= 8000 Hz"),
        ({"top_db": 0.0}, "floor and top_db must be positive"),
    ]:
        with pytest.raises(ValueError, match=message):
            StftMelConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"wave must be \(batch, samples\)"):
        StftMel()(torch.zeros(5))
    with pytest.raises(ValueError, match="an energy VAD needs filter banks with use_energy"):
        FrontendConfig(features=StftMelConfig(), vad=AdaptiveVadConfig())
