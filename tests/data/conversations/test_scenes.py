"""Rooms and sounds around simulated conversations."""

import numpy as np
import pytest

from pysid.augment.banks import MemoryBank
from pysid.data.conversations.plan import Clip, Conversation, ConversationConfig, Piece
from pysid.data.conversations.scenes import Scene, SceneConfig
from pysid.data.conversations.write import render, write_conversations
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.io.audio.files import read_audio, write_audio
from pysid.segments import Segment

RATE = 16000
BARE = {"sound_probability": 0.0, "burst_probability": 0.0}
QUIET = SceneConfig(room_probability=1.0, noise_snr_db=(100.0, 100.0), **BARE)
SHORT = ConversationConfig(n_conversations=2, min_pieces=4, max_pieces=5)


@pytest.fixture
def rooms(tmp_path):
    """One room of two places: an echo after 10 ms, and one after 20 ms, both of the level of the direct sound."""
    paths = {}
    for delay in (160, 320):
        response = np.zeros(2000)
        response[[40, 40 + delay]] = 16384.0
        paths[f"echo-{delay}"] = str(tmp_path / f"echo-{delay}.wav")
        write_audio(paths[f"echo-{delay}"], response, RATE)
    return {"room": paths}


def scene(config, rooms=None, **sounds):
    banks = {kind: MemoryBank([wave], RATE) for kind, wave in sounds.items()}
    return Scene(config, rooms or {}, banks, RATE)


def test_each_speaker_has_a_place_of_his_own(rooms):
    around = scene(QUIET, rooms).draw(["anna", "ben"], RATE, np.random.default_rng(0))
    impulse = np.zeros(1000, np.float32)
    impulse[0] = 1000.0
    delays = set()
    for speaker in ("anna", "ben"):
        heard = around.reverberant(impulse, speaker)
        assert len(heard) > len(impulse)
        direct, echo = np.flatnonzero(np.abs(heard) > 100).tolist()
        assert direct == 0
        delays.add(echo)
        assert np.mean(heard[:1000] ** 2) == pytest.approx(np.mean(impulse**2), rel=1e-4)
    assert delays == {160, 320}


def test_more_speakers_than_places_share_them(rooms):
    around = scene(QUIET, rooms).draw(["a", "b", "c"], RATE, np.random.default_rng(0))
    assert set(around.responses) == {"a", "b", "c"}


def test_levels_of_noise_and_sounds_are_as_asked_for():
    tone = 3000 * np.sin(np.arange(RATE) * 0.3)
    config = SceneConfig(
        room_probability=0.0,
        sound_probability=1.0,
        sound_snr_db=(10.0, 10.0),
        sound_pause_s=0.0,
        noise_snr_db=(20.0, 20.0),
    )
    around = scene(config, tone=tone).draw(["a"], 40 * RATE, np.random.default_rng(1))
    assert not around.responses
    assert 10 * np.log10(np.mean(around.background**2)) == pytest.approx(10 * np.log10(0.1 + 0.01), abs=0.3)
    assert around.reverberant(tone, "a") is tone  # without a room nothing changes
    steady = (
        scene(SceneConfig(noise_snr_db=(20.0, 20.0), **BARE))
        .draw(["a"], 40 * RATE, np.random.default_rng(1))
        .background
    )
    assert 10 * np.log10(np.mean(steady**2)) == pytest.approx(-20, abs=0.3)


def test_sounds_pause_and_silent_ones_add_nothing():
    chances, levels = {"sound_probability": 1.0, "burst_probability": 0.0}, {"noise_snr_db": (200.0, 200.0)}
    config = SceneConfig(sound_snr_db=(0.0, 0.0), sound_pause_s=1.0, **chances, **levels)
    knock = np.full(800, 1000.0)
    background = scene(config, knock=knock).draw(["a"], 20 * RATE, np.random.default_rng(0)).background
    assert 0.0 < np.mean(np.abs(background) > 0.5) < 0.2
    silence = scene(config, nothing=np.zeros(800)).draw(["a"], 20 * RATE, np.random.default_rng(0)).background
    assert np.abs(silence).max() < 1e-3


def test_voices_have_a_level_of_their_own():
    tone = 3000 * np.sin(np.arange(RATE) * 0.3)
    levels = {"sound_snr_db": (0.0, 0.0), "voice_snr_db": (30.0, 30.0), "noise_snr_db": (200.0, 200.0)}
    config = SceneConfig(sound_probability=1.0, burst_probability=0.0, sound_pause_s=0.0, **levels)
    for kind, level_db in (("voices", -30), ("rain", 0)):
        background = scene(config, **{kind: tone}).draw(["a"], 40 * RATE, np.random.default_rng(1)).background
        assert 10 * np.log10(np.mean(background**2)) == pytest.approx(level_db, abs=0.3)


def test_bursts_are_short_and_few():
    config = SceneConfig(
        sound_probability=0.0, burst_probability=1.0, burst_snr_db=(0.0, 0.0), noise_snr_db=(200.0, 200.0)
    )
    shares = []
    for seed in range(20):
        background = scene(config).draw(["a"], 60 * RATE, np.random.default_rng(seed)).background
        assert np.isfinite(background).all() and np.abs(background).max() < 100
        shares.append(np.mean(np.abs(background) > 0.1))
    assert max(shares) < 0.5 and np.mean(shares) > 0.005


def test_a_scene_is_a_function_of_the_conversation(rooms):
    clip = Clip("a", "a", (Segment(0.0, 2.0),))
    pieces = (Piece(clip, Segment(0.0, 2.0), 0.0), Piece(clip, Segment(0.0, 2.0), 3.0))
    speech = np.random.default_rng(0).normal(0, 1000, 2 * RATE)
    waves = {"a": speech.astype(np.int16)}
    config, where = ConversationConfig(), scene(SceneConfig(burst_probability=1.0), rooms)

    def heard(name):
        return render(Conversation(name, pieces), waves.__getitem__, config, where)

    np.testing.assert_array_equal(heard("conv-0001"), heard("conv-0001"))
    assert not np.array_equal(heard("conv-0001"), heard("conv-0002"))
    # The echo of a piece goes on after its end, into the pause.
    echoing = render(Conversation("c", pieces), waves.__getitem__, config, scene(QUIET, rooms))
    assert np.abs(echoing[2 * RATE : 2 * RATE + 150]).max() > 100
    assert np.abs(echoing[2 * RATE + 400 : 3 * RATE - 10]).max() < 10


@pytest.mark.slow
def test_conversations_of_other_surroundings_are_not_mixed_with_these(dev, rooms, tmp_path):
    corpus, out = Corpus.read(dev), tmp_path / "out"
    write_conversations(corpus, out, SHORT, scene=scene(QUIET, rooms))
    write_conversations(corpus, out, SHORT, scene=scene(QUIET, rooms))  # goes on
    with pytest.raises(DataError, match="holds conversations of other sounds: choose another folder"):
        write_conversations(corpus, out, SHORT)
    wave, rate = read_audio(out / "audio" / "conv-0001.flac")
    assert rate == RATE and np.isfinite(wave).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"room_probability": 1.5}, r"room_probability must lie in \[0, 1\], got 1.5"),
        ({"sound_snr_db": (20.0, 10.0)}, "sound_snr_db must be a lowest and a highest number within"),
        ({"sound_pause_s": -1.0}, "sound_pause_s must be a number of at least 0"),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        SceneConfig(**options)
