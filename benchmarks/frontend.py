"""Speed of the front-end beside torchaudio's: `python -m benchmarks.frontend [--json PATH]`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.speed import PRODUCT, Timing, best_of, matrix_product, product_rate, run
from pysid._torchaudio import compliance_kaldi
from pysid.frontend import VOXCELEB, Frontend, Mfcc, MfccConfig

SAMPLE_RATE = VOXCELEB.sample_rate
DURATIONS_S = (3, 4, 5, 6, 7, 8, 9, 10)
PEER = "torchaudio compliance.kaldi.mfcc, one by one"


def measure(repeats: int) -> tuple[float, list[Timing]]:
    waves = [speech_like(seconds) for seconds in DURATIONS_S]
    seconds = best_of({PRODUCT: matrix_product(), **tasks(waves)}, repeats)
    rate = product_rate(seconds.pop(PRODUCT))
    audio_s = sum(DURATIONS_S)
    timings = [
        Timing(what, seconds[PEER] / s, "times torchaudio's speed", 1000 * s / audio_s, "ms per s of audio")
        for what, s in seconds.items()
    ]
    return rate, timings


def speech_like(seconds: float) -> Tensor:
    """(S,) noise at int16 scale whose every fourth half-second is quiet, for the VAD to drop."""
    wave = 1000 * torch.randn(int(seconds * SAMPLE_RATE))
    half_second = torch.arange(len(wave)) // (SAMPLE_RATE // 2)
    return torch.where(half_second % 4 == 3, wave / 1000, wave)


def tasks(waves: Sequence[Tensor]) -> dict[str, Callable[[], object]]:
    """What is timed, by name; each goes through all the waves."""
    config = VOXCELEB.features
    assert isinstance(config, MfccConfig)
    mfcc, like_kaldi = Mfcc(config), Mfcc(replace(config, kaldi_fft=True))
    frontend = Frontend(VOXCELEB)
    batch = torch.nn.utils.rnn.pad_sequence(list(waves), batch_first=True)
    lengths = [len(wave) for wave in waves]
    padding = 1 - sum(lengths) / batch.numel()
    return {
        f"MFCC, one batch, {padding:.0%} of it padding": lambda: mfcc(batch, lengths),
        "MFCC, one by one": lambda: [mfcc(wave[None]) for wave in waves],
        "MFCC with Kaldi's FFT, one by one": lambda: [like_kaldi(wave[None]) for wave in waves],
        "MFCC, VAD, CMVN, voiced frames, one by one": lambda: [frontend(wave[None]) for wave in waves],
        PEER: lambda: [torchaudio_mfcc(wave) for wave in waves],
    }


def torchaudio_mfcc(wave: Tensor) -> Tensor:
    """(T, 30) with the options of Kaldi's VoxCeleb recipe."""
    features: Tensor = compliance_kaldi.mfcc(
        wave[None],
        sample_frequency=SAMPLE_RATE,
        num_mel_bins=30,
        num_ceps=30,
        high_freq=7600.0,
        snip_edges=False,
        use_energy=True,
        energy_floor=0.0,
        dither=0.0,
    )
    return features


if __name__ == "__main__":
    run("benchmarks.frontend", measure, repeats=10)
