"""Windows of recordings as they might have been."""

from math import inf

import numpy as np
import pytest
import soundfile

from pysid.training.segmentation.recordings import Recordings
from pysid.training.segmentation.surroundings import Surroundings, SurroundingsConfig
from pysid.training.segmentation.variation import VariationConfig, VariedRecordings

from .conftest import NOTHING, RATE, tone

NEVER = dict.fromkeys(("over_probability", "room_probability", "noise_probability"), 0.0)
SIZE = 2 * RATE


@pytest.fixture
def recordings(tmp_path):
    lines = []
    for speaker in ("anna", "dora"):
        soundfile.write(tmp_path / f"{speaker}.wav", tone(speaker, np.ones(150, bool)).astype(np.int16), RATE)
        lines.append(f"{speaker} {tmp_path / speaker}.wav\n")
    (tmp_path / "wav.scp").write_text("".join(lines))
    return Recordings(tmp_path, False, 2.0, RATE, 0.02)


def varied(recordings, rooms=(), noise=NOTHING, **settings):
    around = Surroundings(noise, None, None, SIZE, RATE, 0)
    return VariedRecordings(VariationConfig(**(NEVER | settings)), recordings, rooms, around)


def heard_hz(wave, n=1):
    """The `n` strongest frequencies, at least 100 Hz apart, in order."""
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    found = []
    while len(found) < n:
        k = int(power.argmax())
        found.append(k * RATE / len(wave))
        power[max(k - 200, 0) : k + 200] = 0
    return sorted(found)


def test_nothing_varied_is_the_recording(recordings):
    wave, active = varied(recordings, probability=1e-9).window(np.random.default_rng(3))
    rng = np.random.default_rng(3)
    rng.random()
    np.testing.assert_array_equal(wave, recordings.window(rng)[0])
    assert active is None


def test_speeds(recordings):
    source = varied(recordings, probability=1.0, speeds=(0.8, 1.25))
    found = set()
    for seed in range(40):
        wave, _ = source.window(np.random.default_rng(seed))
        assert wave.shape == (SIZE,) and np.abs(wave).max() < 32768 and (wave == np.rint(wave)).all()
        found.add(round(heard_hz(wave)[0], -1))
    # 300 and 1700 Hz at both speeds, or at their own where the recording would end too soon.
    assert {240, 1360, 380, 2120} <= found <= {240, 1360, 370, 380, 2120, 2130, 300, 1700}


def test_two_at_once(recordings):
    source = varied(recordings, probability=1.0, speeds=(1.0,), over_probability=1.0, over_db=(0.0, 0.0))
    both = [heard_hz(source.window(np.random.default_rng(seed))[0], 2) for seed in range(20)]
    assert any(np.allclose(pair, [300, 1700], atol=2) for pair in both)


def test_rooms_and_noise_and_level(recordings):
    echo = np.zeros((1, 801), np.float32)
    echo[0, 800] = 1.0  # a tenth of a second later
    source = varied(recordings, [echo], probability=1.0, speeds=(1.0,), room_probability=1.0, peak_db=(-20.0, -20.0))
    wave, _ = source.window(np.random.default_rng(0))
    assert np.abs(wave[:800]).max() < 1 and np.abs(wave).max() == pytest.approx(3276.7, rel=0.01)


def test_channels(recordings):
    uneven = SurroundingsConfig(**(vars(NOTHING) | {"tilt_probability": 1.0, "tilt_db": 20.0}))
    settings = {"probability": 1.0, "speeds": (1.0,), "over_probability": 1.0, "over_db": (0.0, 0.0)}
    ratios = []
    for probability in (0.0, 1.0):
        source = varied(recordings, noise=uneven, noise_probability=probability, **settings)
        waves = [source.window(np.random.default_rng(seed))[0] for seed in range(20)]
        both = next(wave for wave in waves if np.allclose(heard_hz(wave, 2), [300, 1700], atol=2))
        power = np.abs(np.fft.rfft(both * np.hanning(len(both))))
        ratios.append(power[round(300 * len(both) / RATE)] / power[round(1700 * len(both) / RATE)])
    assert ratios[0] == pytest.approx(1.0, rel=0.02) and abs(np.log(ratios[1])) > 0.1  # one of two equal tones gains


def test_noise_and_babble(recordings):
    hissing = SurroundingsConfig(**(vars(NOTHING) | {"steady_probability": 1.0, "quiet": 0.0}))
    shares = []
    for noise in (NOTHING, hissing):
        source = varied(recordings, noise=noise, probability=1.0, speeds=(1.0,), noise_probability=1.0)
        wave, _ = source.window(np.random.default_rng(0))
        np.testing.assert_array_equal(wave, source.window(np.random.default_rng(0))[0])
        power = np.square(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))))
        tone_hz = heard_hz(wave)[0]
        away = np.abs(np.fft.rfftfreq(len(wave), 1 / RATE) - tone_hz) > 20
        shares.append(power[away].sum() / power.sum())
    assert shares[1] > 100 * shares[0]  # what is heard beside the tone
    with_babble = SurroundingsConfig(**(vars(NOTHING) | {"babble_probability": 1.0, "babble_snr_db": (0.0, 0.0)}))
    source = varied(recordings, noise=with_babble, probability=1.0, speeds=(1.0,), noise_probability=1.0)
    heard = [heard_hz(source.window(np.random.default_rng(seed))[0], 2) for seed in range(20)]
    assert any(np.allclose(pair, [300, 1700], atol=2) for pair in heard)  # other recordings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"probability": 1.5}, r"probability must lie in \[0, 1\]"),
        ({"speeds": ()}, "speeds must lie in"),
        ({"speeds": (0.1,)}, "speeds must lie in"),
        ({"over_db": (3.0, 1.0)}, r"over_db must be .* within \[-200, 200\], got 3.0 and 1.0"),
        ({"over_db": (-inf, 5.0)}, r"over_db must be .* got -inf and 5.0"),
        ({"peak_db": (-3.0, 1.0)}, r"peak_db must be .* within \[-60, 0\], got -3.0 and 1.0"),
        ({"peak_db": (-500.0, -400.0)}, r"peak_db must be .* within \[-60, 0\], got -500.0 and -400.0"),
        ({"probability": 0.0}, "nothing would be varied: expected a probability above 0"),
        ({"probability": 1.0, "speeds": (1.0,)} | NEVER, "nothing would be varied"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        VariationConfig(**settings)
