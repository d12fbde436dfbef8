"""Kaldi's wav-reverberate, sample for sample; then the laws that it follows."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from pysid.augment import Noise, add_up, corrupt, reverberate, reverberate_channels
from pysid.augment.block_convolution import block_size
from pysid.augment.convolve import convolve
from pysid.augment.noise import mean_square
from pysid.augment.room_batch import early_span
from pysid.errors import DataError

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


def kaldis_block_convolution(wave, response):
    """FFTbasedBlockConvolveSignals, spelled out with spectra packed as SplitRadixRealFft packs them."""
    n_fft, hop = block_size(len(response))
    n_out = len(wave) + len(response) - 1
    result = np.zeros(n_out + 2 * n_fft)
    filter_ = np.fft.rfft(response, n_fft)
    for at in range(0, n_out, hop):
        block = np.fft.rfft(wave[at : at + hop], n_fft)
        first = complex(filter_[0].real, filter_[-1].real) * complex(block[0].real, block[-1].real)
        product = filter_ * block
        product[0], product[-1] = first.real, first.imag
        result[at : at + n_fft] += np.fft.irfft(product, n_fft)
    return result[:n_out]


@pytest.mark.parametrize(("n", "n_response"), [(3000, 50), (777, 301), (100, 900), (5, 1), (1, 7)])
def test_convolution_has_kaldis_leak(n, n_response, signal, response):
    wave, h = signal(n), response(n_response, peak=0) / 32768
    ours = convolve(
        torch.from_numpy(wave)[None], torch.tensor([n]), torch.from_numpy(h)[None], torch.tensor([n_response])
    )
    expected = kaldis_block_convolution(wave.astype(float), h.astype(float))
    np.testing.assert_allclose(ours[0], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


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

    def test_a_response_longer_than_the_utterance(self, signal, response):
        wave, h = signal(300), response(5000)
        result = reverberate(wave, RATE, h, normalize_output=False)
        expected = kaldis_block_convolution(wave.astype(float), h / 32768.0)[40:340]
        assert result.shape == (300,)
        np.testing.assert_allclose(result, expected, rtol=0, atol=0.1)

    def test_silence_stays_silence(self, response):
        assert not reverberate(np.zeros(500, np.float32), RATE, response(200)).any()


class TestNoise:
    @pytest.mark.parametrize("snr_db", [-5.0, 0.0, 15.0])
    @pytest.mark.parametrize("n_noise", [8000, 2500, 20000])
    def test_snr_is_that_of_the_whole_noise(self, snr_db, n_noise, signal):
        wave, noise = signal(8000), signal(n_noise, rms=37.0)
        mixed = reverberate(wave, RATE, None, [noise], [snr_db], [0.0], normalize_output=False)
        heard = (mixed - wave)[:n_noise]
        gain = (heard @ noise[:8000]) / (noise[:8000] @ noise[:8000])
        np.testing.assert_allclose(heard, gain * noise[:8000], rtol=0, atol=0.01)
        measured_db = 10 * np.log10(mean_square(wave) / mean_square(gain * noise))
        assert measured_db == pytest.approx(snr_db, abs=1e-3)

    def test_power_of_the_mixture_is_that_of_the_speech(self, signal):
        wave = signal(8000)
        mixed = reverberate(wave, RATE, None, [signal(9000)], [0.0], [0.1])
        assert mean_square(mixed) == pytest.approx(mean_square(wave), rel=1e-5)

    def test_starts_where_asked_and_past_the_end_is_not_heard(self, signal):
        wave, noise = signal(8000), signal(500)
        options = {"normalize_output": False}
        mixed = reverberate(wave, RATE, None, [noise, noise], [3.0, 3.0], [0.25, 9.0], **options)
        (heard,) = np.nonzero(mixed - wave)
        assert (heard[0], heard[-1]) == (4000, 4499)

    def test_a_silent_noise_adds_nothing(self, signal):
        wave = signal(1000)
        np.testing.assert_array_equal(reverberate(wave, RATE, None, [np.zeros(400)], [0.0], [0.0]), wave)

    def test_noises_add_up(self, signal):
        noises = [Noise(signal(300), 10.0, 50), Noise(signal(900), 5.0)]
        together = add_up(noises, 700)
        np.testing.assert_allclose(together, add_up(noises[:1], 700) + add_up(noises[1:], 700), atol=1e-6)


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


class TestChannels:
    def test_one_output_for_each_channel_of_the_response(self, signal, response):
        wave, h = np.stack([signal(900), signal(900)]), np.stack([response(200, 10), response(200, 90)])
        noise = np.stack([signal(900), signal(900)])
        options = {"snrs_db": [5.0], "start_times_s": [0.0]}
        both = reverberate_channels(wave, RATE, h, [noise], multi_channel_output=True, input_channel=1, **options)
        assert both.shape == (2, 900)
        for c in range(2):
            one = {"input_channel": 1, "rir_channel": c, "noise_channel": c}
            np.testing.assert_array_equal(
                both[c : c + 1], reverberate_channels(wave, RATE, h, [noise], **one, **options)
            )
            np.testing.assert_array_equal(both[c], reverberate(wave[1], RATE, h[c], [noise[c]], **options))

    def test_refusals(self, signal):
        wave = signal(50)[None]
        with pytest.raises(DataError, match="channel of the wave below 1, got 1"):
            reverberate_channels(wave, RATE, input_channel=1)
        with pytest.raises(DataError, match="channel of the impulse response below 1, got 2"):
            reverberate_channels(wave, RATE, wave, rir_channel=2)
        with pytest.raises(DataError, match="expected an impulse response, whose channels"):
            reverberate_channels(wave, RATE, multi_channel_output=True)
        with pytest.raises(DataError, match="noises of 2 channels like the response, got 1"):
            reverberate_channels(wave, RATE, np.ones((2, 5)), [wave], multi_channel_output=True)


class TestBatch:
    def test_equals_one_by_one(self, signal, response):
        lengths, response_lengths = [8000, 300, 5000, 1], [600, 2500, 1, 700]
        waves = [signal(n) for n in lengths]
        rooms = [response(n, peak=min(40, n - 1)) for n in response_lengths]
        noises = [
            add_up([Noise(signal(4000), 5.0, 10)], n + r - 1) for n, r in zip(lengths, response_lengths, strict=True)
        ]
        batch = corrupt(
            stack(waves, garbage=77.0),
            lengths,
            RATE,
            response=stack(rooms, garbage=1e5),
            response_lengths=response_lengths,
            noise=stack(noises),
        )
        for i, (wave, room, noise) in enumerate(zip(waves, rooms, noises, strict=True)):
            alone = corrupt(stack([wave]), None, RATE, response=stack([room]), noise=stack([noise]))[0]
            np.testing.assert_allclose(batch[i, : len(wave)], alone, rtol=0, atol=1e-5 * float(alone.abs().max()))
            assert not batch[i, len(wave) :].any()

    def test_a_response_of_zeros_leaves_zeros(self, signal):
        result = corrupt(stack([signal(100)]), None, RATE, response=torch.zeros(1, 30))
        assert not result.any()


def stack(waves, garbage=0.0):
    batch = torch.full((len(waves), max(map(len, waves))), garbage)
    for row, wave in zip(batch, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(np.asarray(wave, np.float32))
    return batch


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


class TestOneWaveAndBatch:
    """The program for one wave is in NumPy, the batch in torch: they agree far below a step of int16."""

    @pytest.mark.parametrize("shift_output", [True, False])
    @pytest.mark.parametrize(("n", "n_response"), [(16000, 4000), (500, 3000), (1, 7), (9000, 1)])
    def test_room_and_noise(self, n, n_response, shift_output, signal, response):
        wave, h, noise = signal(n), response(n_response, peak=n_response // 3), signal(n)
        one = reverberate(wave, RATE, h, [noise], [6.0], [0.0], shift_output=shift_output, duration_s=n / RATE)
        batch = corrupt(
            torch.from_numpy(wave)[None],
            None,
            RATE,
            response=torch.from_numpy(h)[None],
            noise=torch.from_numpy(add_up([Noise(noise, 6.0)], n + n_response - 1))[None],
            shift_output=shift_output,
        )
        assert len(one) == n
        np.testing.assert_allclose(one, batch[0], rtol=0, atol=1e-5 * np.abs(one).max())

    @pytest.mark.parametrize("options", [{"volume": 0.3}, {"normalize_output": False}, {}])
    def test_noise_alone(self, options, signal):
        wave, noise = signal(3000), signal(2000)
        one = reverberate(wave, RATE, None, [noise], [3.0], [0.05], **options)
        placed = torch.from_numpy(add_up([Noise(noise, 3.0, 800)], 3000))[None]
        batch = corrupt(torch.from_numpy(wave)[None], None, RATE, noise=placed, **options)
        np.testing.assert_allclose(one, batch[0], rtol=1e-6, atol=1e-3)
