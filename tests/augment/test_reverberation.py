"""Kaldi's wav-reverberate, sample for sample; then the laws that it follows."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from pysid.augment import reverberate
from pysid.augment.noise import mean_square
from pysid.augment.room_batch import early_span

RATE = 16000
COMMANDS = Path(__file__).parents[1] / "golden" / "kaldi" / "commands.tsv"
CASES = [
    line.split("\t") for line in COMMANDS.read_text().splitlines() if line.split("\t")[1].startswith("wav-reverberate")
]
assert CASES, "the reference commands are missing"


def numbers(text):
    return [float(word) for word in text.split(",")] if text else []


@pytest.mark.parametrize(("path", "command"), CASES, ids=[path for path, _ in CASES])
def test_gives_kaldis_samples(path, command, golden_wave):
    words = shlex.split(command)[1:]
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    source = next(word for word in words if not word.startswith("--"))
    rir, noises = options.get("impulse-response"), options.get("additive-signals")
    result = reverberate(
        golden_wave(source),
        RATE,
        golden_wave(rir) if rir else None,
        [golden_wave(name) for name in noises.split(",")] if noises else [],
        numbers(options.get("snrs")),
        numbers(options.get("start-times")),
        duration_s=float(options.get("duration", 0)),
        shift_output=options.get("shift-output", "true") == "true",
        normalize_output=options.get("normalize-output", "true") == "true",
        volume=float(options.get("volume", 0)),
    )
    np.testing.assert_allclose(np.clip(np.trunc(result), -32768, 32767), golden_wave(path), rtol=0, atol=1)


class TestRoom:
    def test_power_is_preserved_over_the_tail(self, signal, response):
        wave, h = signal(8000), response(3000)
        tail = reverberate(np.pad(wave, (0, 2999)), RATE, h, normalize_output=False, shift_output=False)[:10999]
        kept = reverberate(wave, RATE, h)
        scale = np.sqrt(mean_square(wave) / mean_square(tail))
        np.testing.assert_allclose(kept, scale * tail[40:8040], rtol=0, atol=0.5)

    def test_the_peak_is_the_maximum_and_not_the_largest_magnitude(self, signal):
        h = np.zeros(100, np.float32)
        h[20], h[50] = -30000, 20000
        wave = signal(4000)
        shifted = reverberate(wave, RATE, h, normalize_output=False)
        expected = (20000 * wave[:-30] - 30000 * wave[30:]) / 32768
        np.testing.assert_allclose(shifted[:-30], expected, rtol=0, atol=100)  # what leaks in Kaldi's FFT

    def test_early_part_goes_from_1_ms_before_the_peak_to_50_ms_behind_it(self):
        start, stop = early_span(torch.tensor([100, 5, 3000]), torch.tensor([4000, 600, 3010]), RATE)
        assert (start.tolist(), stop.tolist()) == ([84, 0, 2984], [900, 600, 3010])

    def test_a_late_echo_is_no_speech_for_the_snr(self, signal):
        wave, noise = signal(8000), signal(8000)
        h = np.zeros(4000, np.float32)
        h[0] = h[3000] = 16384
        dry, wet = h.copy(), h
        dry[3000] = 0
        options = {"noises": [noise], "snrs_db": [6.0], "start_times_s": [0.0], "normalize_output": False}
        added = [
            reverberate(wave, RATE, x, **options) - reverberate(wave, RATE, x, normalize_output=False)
            for x in (dry, wet)
        ]
        np.testing.assert_allclose(added[0], added[1], rtol=1e-3, atol=1)

    def test_a_response_longer_than_the_utterance(self, signal, response, kaldis_block_convolution):
        wave, h = signal(300), response(5000)
        result = reverberate(wave, RATE, h, normalize_output=False)
        expected = kaldis_block_convolution(wave.astype(float), h / 32768.0)[40:340]
        assert result.shape == (300,)
        np.testing.assert_allclose(result, expected, rtol=0, atol=0.1)

    def test_silence_stays_silence(self, response):
        assert not reverberate(np.zeros(500, np.float32), RATE, response(200)).any()


class TestOutput:
    def test_duration_cuts_or_repeats(self, signal):
        wave = signal(1000)
        np.testing.assert_array_equal(reverberate(wave, RATE, duration_s=0.05), wave[:800])
        np.testing.assert_array_equal(reverberate(wave, RATE, duration_s=0.2), np.resize(wave, 3200))

    def test_without_shift_the_output_begins_again_where_the_tail_would_be(self, signal, response):
        wave, h = signal(2000), response(600)
        result = reverberate(wave, RATE, h, shift_output=False)
        assert len(result) == 2599
        np.testing.assert_array_equal(result[2000:], result[:599])
        assert len(reverberate(wave, RATE, shift_output=False)) == 1999  # as Kaldi: a response of 0 samples

    def test_volume_goes_before_the_power(self, signal):
        wave = signal(400)
        np.testing.assert_allclose(reverberate(wave, RATE, volume=0.25), wave / 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wave": np.zeros(0)}, "expected the wave as one channel with samples"),
        ({"wave": np.zeros((2, 9))}, r"expected the wave as one channel with samples, got an array \(2, 9\)"),
        ({"impulse_response": np.zeros(9)}, "expected an impulse response, got only zeros"),
        ({"impulse_response": np.zeros(0)}, "expected the impulse response as one channel"),
        ({"noises": [np.ones(4)]}, "got 1 noises, 0 SNRs and 0 start times"),
        ({"noises": [np.zeros(0)], "snrs_db": [3], "start_times_s": [0]}, "expected the noise as one channel"),
        ({"noises": [np.ones(4)], "snrs_db": [3], "start_times_s": [-1]}, "starts within the utterance"),
        ({"duration_s": 1e-6}, "expected an output of at least a sample, got 0"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        reverberate(**{"wave": np.ones(20, np.float32), "rate": RATE, **arguments})
