"""Simulated rooms: their geometry, and what pyroomacoustics makes of it."""

import pickle
import sys

import numpy as np
import pytest

from pysid.augment import RoomConfig, simulate_rooms, simulated_responses
from pysid.augment.recordings import SIMULATED, RecordingPaths, TrainingAugmentConfig, open_augmenter
from pysid.augment.rooms import Room, draw_room
from pysid.data.augmented_copies import write_augmented
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.io.audio.files import write_audio

RATE = 16000
SOUND_M_PER_S = 343.0
FILTER = 40  # samples: half of pyroomacoustics's filter for fractions of a sample


@pytest.fixture
def acoustics():
    return pytest.importorskip("pyroomacoustics")


@pytest.fixture
def few_rooms(monkeypatch):
    """What is simulated in tests of more than the simulation: fewer rooms, that swallow more."""

    def few(*, size, sample_rate):
        return RoomConfig(size=size, sample_rate=sample_rate, n_rooms=2, n_positions=2, min_absorption=0.6)

    monkeypatch.setattr("pysid.augment.recordings.RoomConfig", few)


def decay_s(response):
    """Time in which the energy that is still to come falls by 60 dB, from its fall from -5 to -25 dB."""
    left = np.cumsum(np.square(response[::-1].astype(float)))[::-1]
    level_db = 10 * np.log10(left / left[0] + 1e-12)
    return 3 * (np.argmax(level_db < -25) - np.argmax(level_db < -5)) / RATE


def sabine_s(room):
    """Sabine's reverberation time."""
    x, y, z = room.sides_m
    return 0.161 * x * y * z / (room.absorption * 2 * (x * y + y * z + x * z))


class TestGeometry:
    def test_everything_is_in_the_room(self):
        config = RoomConfig(size="medium", n_rooms=30, n_positions=3)
        for number in range(30):
            room = draw_room(config, number)
            assert (room.sides_m[:2] >= 10).all() and (room.sides_m[:2] <= 30).all() and 2 <= room.sides_m[2] <= 5
            for points in (room.sources_m, room.microphones_m):
                assert points.shape == (3, 3) and (points > 0.09).all() and (points < room.sides_m - 0.09).all()
            assert np.linalg.norm(room.sources_m - room.microphones_m, axis=1).min() >= 0.3
            assert (1 - room.absorption) ** room.order <= 1e-6 or room.order == 60

    def test_a_room_does_not_depend_on_how_many_there_are(self):
        one, many = draw_room(RoomConfig(n_rooms=1), 0), draw_room(RoomConfig(n_rooms=9), 0)
        np.testing.assert_array_equal(one.sides_m, many.sides_m)
        assert not np.array_equal(draw_room(RoomConfig(seed=1), 0).sides_m, one.sides_m)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"size": "huge"}, "size must be one of small, medium, large, got 'huge'"),
            ({"n_rooms": 0}, "must be at least 1"),
            ({"min_absorption": 0.9}, "expected 0 < min_absorption"),
            ({"max_duration_s": 0.0}, "max_duration_s must be positive"),
        ],
    )
    def test_refusals(self, options, message):
        with pytest.raises(ValueError, match=message):
            RoomConfig(**options)


@pytest.mark.usefixtures("acoustics")
class TestResponses:
    def test_direct_sound_comes_when_it_should(self):
        config = RoomConfig(n_rooms=2, n_positions=2, min_absorption=0.5, max_duration_s=0.2)
        names, waves = zip(*simulate_rooms(config), strict=True)
        assert names[2] == "small-room002-00001"
        for place, wave in enumerate(waves):
            room = draw_room(config, place // 2)
            metres = np.linalg.norm(room.sources_m[place % 2] - room.microphones_m[place % 2])
            direct = FILTER + round(metres / SOUND_M_PER_S * RATE)
            assert np.abs(wave[direct - 1 : direct + 2]).max() > 4 * np.abs(wave[: direct - FILTER - 1]).max()
            assert wave.dtype == np.float32 and len(wave) <= 3200 and np.abs(wave).max() == pytest.approx(32767)
            assert np.square(wave[:1600]).sum() > 20 * np.square(wave[1600:]).sum()

    def test_reverberation_time(self, monkeypatch):
        """In a cube that reflects all around alike, Sabine's formula holds; in flat rooms it does not."""
        ear, mouth = np.array([[1.1, 1.3, 1.6]]), np.array([[3.9, 3.1, 2.7]])
        for absorption in (0.2, 0.35):
            cube = Room(np.array([5.0, 5.0, 5.0]), absorption, mouth, ear)
            monkeypatch.setattr("pysid.augment.rooms.draw_room", lambda *_, cube=cube: cube)
            ((_, response),) = simulate_rooms(RoomConfig(n_rooms=1, n_positions=1, max_duration_s=2.0))
            assert decay_s(response) == pytest.approx(sabine_s(cube), rel=0.25)

    def test_the_same_again(self):
        config = RoomConfig(n_rooms=1, n_positions=2, min_absorption=0.6)
        for (name, wave), (again, other) in zip(simulate_rooms(config), simulate_rooms(config), strict=True):
            assert name == again
            np.testing.assert_array_equal(wave, other)

    def test_sets_are_equally_likely(self):
        small = RoomConfig(n_rooms=2, n_positions=2, min_absorption=0.6)
        responses = simulated_responses(small, RoomConfig(size="medium", n_rooms=1, n_positions=1, min_absorption=0.6))
        assert responses.probability == pytest.approx([0.125] * 4 + [0.5])
        assert responses.draw(np.random.default_rng(0)).any()


@pytest.mark.usefixtures("acoustics", "few_rooms")
class TestWhereTheyAreUsed:
    def test_in_training(self):
        augmenter = open_augmenter(TrainingAugmentConfig(probability=1.0, rooms=SIMULATED), RATE)
        elsewhere = pickle.loads(pickle.dumps(augmenter))  # as to the processes of pysid augment
        corruption = elsewhere.draw(RATE, np.random.default_rng(0))
        assert corruption.response is not None and len(corruption.response) <= RATE

    def test_in_copies(self, tmp_path, signal):
        clean = signal(2 * RATE)
        write_audio(tmp_path / "u1.wav", clean, RATE)
        (tmp_path / "wav.scp").write_text("u1 u1.wav\n")
        (tmp_path / "utt2spk").write_text("u1 s1\n")
        counts, skipped = write_augmented(Corpus.read(tmp_path), tmp_path / "out", RecordingPaths(rooms=SIMULATED))
        assert not skipped and counts[tmp_path / "out" / f"{tmp_path.name}_reverb"] == 1
        copies = Corpus.read(tmp_path / "out" / f"{tmp_path.name}_aug")
        harder = copies.read_wave(copies["u1-reverb"], RATE)
        assert len(harder) == len(clean)
        lags = np.fft.irfft(np.fft.rfft(harder, 2 * len(clean)) * np.fft.rfft(clean, 2 * len(clean)).conj())
        lag = (lags.argmax() + len(clean)) % len(lags) - len(clean)
        assert abs(lag) < 0.001 * RATE  # the direct sound, or a strong reflection, stays where it was,
        share = lags.max() / np.sqrt(np.square(harder, dtype=float).sum() * np.square(clean, dtype=float).sum())
        assert 0.1 < share < 0.99  # and is not all there is


class TestWithoutPyroomacoustics:
    @pytest.fixture(autouse=True)
    def _missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyroomacoustics", None)

    def test_message(self):
        with pytest.raises(ImportError, match=r"pip install 'pysid\[rooms\]'"):
            next(simulate_rooms(RoomConfig()))
        with pytest.raises(DataError, match=r"pip install 'pysid\[rooms\]'"):
            open_augmenter(TrainingAugmentConfig(rooms=SIMULATED), RATE)
