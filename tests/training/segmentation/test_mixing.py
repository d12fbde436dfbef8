"""Windows that are mixed on the fly."""

from dataclasses import replace

import numpy as np
import pytest

from pysid.augment.banks import MemoryBank
from pysid.training.segmentation.habits import HEATED, TAKING_TURNS
from pysid.training.segmentation.mixing import MixConfig, Mixer

from .conftest import HOP, NOTHING, RATE, STEP_S, TONES_HZ

CLEAN = MixConfig(
    speakers=(0.0, 0.0, 1.0),
    habits=(TAKING_TURNS,),
    room_probability=0.0,
    spread_db=(0.0,),
    turn_spread_db=0.0,
    background_probability=0.0,
    colour_probability=0.0,
    surroundings=NOTHING,
    clip_probability=0.0,
    mu_law_probability=0.0,
)
WINDOW_S = 6.0
N_FRAMES = round(WINDOW_S / STEP_S)


def mixer(voices, config=CLEAN, rooms=(), sounds=None, music=None):
    return Mixer(config, voices, rooms, sounds, music, WINDOW_S, seed=0)


def powers(wave: np.ndarray) -> dict[str, np.ndarray]:
    """(F,) power of each speaker's tone."""
    frames = np.fft.rfft(wave.reshape(-1, HOP) * np.hanning(HOP))
    hz = np.fft.rfftfreq(HOP, 1 / RATE)
    return {name: np.abs(frames[:, np.abs(hz - tone).argmin()]) ** 2 for name, tone in TONES_HZ.items()}


@pytest.mark.parametrize("seed", range(8))
def test_the_truth_is_what_is_heard(make_voices, seed):
    names = ["anna", "dora"]
    made = mixer(make_voices(names))
    wave, active = made.window(np.random.default_rng(seed))
    assert wave.shape == (N_FRAMES * HOP,) and wave.dtype == np.float32 and active.shape == (N_FRAMES, 2)
    found = powers(wave)
    for order in ([0, 1], [1, 0]):  # the names are drawn
        wrong = sum(
            (found[name] > 1e-3 * max(p.max() for p in found.values()))[~active[:, i]].mean()
            for name, i in zip(names, order, strict=True)
            if (~active[:, i]).any()
        )
        if wrong < 0.05:
            return
    raise AssertionError("a speaker is heard where the truth has silence")


def test_a_window_is_a_function_of_the_generator(voices):
    made, again = mixer(voices, MixConfig()), mixer(voices, MixConfig())
    for seed in range(3):
        wave, active = made.window(np.random.default_rng(seed))
        same, as_active = again.window(np.random.default_rng(seed))
        np.testing.assert_array_equal(wave, same)
        np.testing.assert_array_equal(active, as_active)
    assert not np.array_equal(wave, made.window(np.random.default_rng(99))[0])


def test_all_that_can_happen_is_within_int16(voices):
    rng = np.random.default_rng(0)
    sounds = MemoryBank([rng.normal(0, 500, 3000).astype(np.int16)], RATE)
    rooms = [np.abs(rng.normal(size=(5, 400))).astype(np.float32)]
    made = mixer(voices, replace(MixConfig(), room_probability=1.0), rooms, sounds, sounds)
    n_speakers = set()
    for seed in range(40):
        wave, active = made.window(np.random.default_rng(seed))
        assert np.isfinite(wave).all() and np.abs(wave).max() <= 32768
        np.testing.assert_array_equal(wave, np.rint(wave))
        n_speakers.add(active.shape[1])
    assert n_speakers == {0, 1, 2, 3, 4}


def test_silence_stays_silence(voices):
    wave, active = mixer(voices, replace(CLEAN, speakers=(1.0,))).window(np.random.default_rng(0))
    assert not wave.any() and active.shape == (N_FRAMES, 0)


def test_a_room_echoes_but_delays_nothing(make_voices):
    response = np.zeros((1, 2400), np.float32)
    response[0, 0], response[0, 2000] = 1.0, 0.5  # an echo after a quarter of a second
    dry, wet = (
        mixer(make_voices(["anna", "ben"]), replace(CLEAN, room_probability=p), [response] if p else [])
        for p in (0.0, 1.0)
    )
    seed = next(s for s in range(50) if not all(x.any() for x in dry.window(np.random.default_rng(s))[1]))
    wave, active = dry.window(np.random.default_rng(seed))
    assert wave.any() and not active.all()
    echo, as_active = wet.window(np.random.default_rng(seed))
    assert as_active.shape == active.shape and echo.any()


@pytest.mark.parametrize("seed", range(6))
def test_a_faint_speaker_counts_and_stays_above_the_noise(make_voices, seed):
    level_db, rng = -30.0, np.random.default_rng(0)
    config = replace(CLEAN, faint_probability=1.0, faint_db=(level_db, level_db))
    made, usual = mixer(make_voices(["anna", "dora"]), config), mixer(make_voices(["anna", "dora"]))
    _, active = made.window(np.random.default_rng(seed))
    np.testing.assert_array_equal(active, usual.window(np.random.default_rng(seed))[1])
    for noise_db, expected_db in ((-np.inf, -30.0), (-50.0, -30.0), (-30.0, -20.0), (-5.0, 0.0)):
        tracks = [np.ones(1000, np.float32) for _ in range(3)]
        made._make_faint(tracks, np.full(1000, 10 ** (noise_db / 20), np.float32), rng)
        levels_db = sorted(20 * np.log10(np.mean(track)) for track in tracks)
        assert levels_db == pytest.approx([expected_db, 0.0, 0.0], abs=1e-3)
    alone = [np.ones(1000, np.float32)]
    made._make_faint(alone, np.zeros(1000, np.float32), rng)
    assert alone[0].all() and alone[0].max() == 1.0  # fainter than whom?


@pytest.mark.parametrize("seed", range(6))
def test_voices_in_the_background_are_heard_and_are_no_speakers(make_voices, seed):
    level_db = -20.0
    config = replace(CLEAN, speakers=(0.0, 1.0), spread_db=(0.0,))
    with_others = replace(config, background_probability=1.0, background_db=(level_db, level_db))
    voices = make_voices(["anna", "dora"])
    _, alone = mixer(voices, config).window(np.random.default_rng(seed))
    wave, active = mixer(voices, with_others).window(np.random.default_rng(seed))
    np.testing.assert_array_equal(active, alone)  # they are drawn after the speakers
    silent = powers(wave.reshape(-1, HOP)[~active.any(1)].reshape(-1))
    speaking = powers(wave.reshape(-1, HOP)[active.any(1)].reshape(-1))
    faintest, loudest = sorted(max(power.max(initial=0.0) for power in x.values()) for x in (silent, speaking))
    if faintest > 0:  # some say nothing just then, and some are behind a wall
        assert 10 * np.log10(faintest / loudest) < level_db + 3


def test_voices_in_the_background_of_nobody_do_not_stand_out_from_the_noise(make_voices):
    made = mixer(
        make_voices(["anna", "dora"]),
        replace(CLEAN, speakers=(1.0,), background_probability=1.0, background_db=(0.0, 0.0)),
    )
    for seed in range(6):
        wave, active = made.window(np.random.default_rng(seed))
        assert not active.any() and not wave.any()  # there is no noise


def test_heated_talk_overlaps(voices):
    made = mixer(voices, replace(CLEAN, habits=(HEATED,), speakers=(0.0, 0.0, 0.0, 1.0)))
    counts = np.concatenate([made.window(np.random.default_rng(s))[1].sum(1) for s in range(10)])
    assert (counts > 1).sum() / (counts > 0).sum() > 0.2


def test_levels_between_speakers(voices):
    near = [mixer(voices, replace(CLEAN, spread_db=(db,))) for db in (0.0, 14.0)]
    spreads = []
    for made in near:
        ratios = []
        for seed in range(12):
            wave, active = made.window(np.random.default_rng(seed))
            found = sorted((p.max() for p in powers(wave).values()), reverse=True)[:2]
            if active.any(0).all():
                ratios.append(10 * np.log10(found[0] / max(found[1], 1e-9)))
        spreads.append(np.median(ratios))
    assert spreads[1] > spreads[0] + 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speakers": (0.5, 0.4)}, "speakers must be probabilities that add up to 1"),
        ({"habits": ()}, "expected habits"),
        ({"room_probability": 1.5}, r"room_probability must lie in \[0, 1\]"),
        ({"spread_db": ()}, r"spread_db and turn_spread_db must lie in \[0, 200\], at least one spread"),
        ({"turn_spread_db": float("inf")}, r"spread_db and turn_spread_db must lie in .* and inf$"),
        ({"aside_db": (float("-inf"), 1.0)}, "aside_db must be a lowest and a highest number"),
        ({"peak_db": (-3.0, 1.0)}, r"peak_db must be .* within \[-60, 0\], got -3.0 and 1.0"),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        MixConfig(**options)


def test_echoes_that_do_not_die_away(voices):
    with pytest.raises(ValueError, match=r"expected responses of at most 1\.2 s"):
        mixer(voices, CLEAN, [np.ones((2, 2 * RATE), np.float32)])
