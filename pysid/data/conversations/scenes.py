"""Where a simulated conversation takes place: a room, a sound in the background, a steady noise.

    noises = FileBank.from_scp("noise/wav.scp", 16000)
    scene = Scene(SceneConfig(), read_rooms("rooms/rir_list"), {"noise": noises}, 16000)
    surroundings = scene.draw(["anna", "ben"], n_samples, rng)

Each speaker has a place of their own in the room, as long as there are enough places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import oaconvolve

from pysid.augment.banks import FileBank, WaveBank
from pysid.augment.made_noise import bursts, steady_noise
from pysid.augment.noise import mean_square
from pysid.augment.recordings import SIMULATED, RecordingPaths, open_bank
from pysid.augment.responses import read_rooms
from pysid.errors import DataError
from pysid.ranges import check_levels

VOICES = "voices"


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What surrounds conversations.

    Attributes:
        room_probability: that a conversation is in a room, and not as its clips are.
        sound_probability: that there is a sound, of one of the kinds that `Scene` has, each as likely.
        sound_snr_db: lowest and highest level of speech over sounds, drawn uniformly; that of speech is the mean of the
            pieces', that of sounds that of a whole recording.
        voice_snr_db: the same for voices that have no part in the conversation.
        sound_pause_s: mean of the pauses between sounds, exponentially distributed.
        burst_probability: that there are bursts of noise: knocks, breath, somebody touching the microphone.
        burst_snr_db: the same for these.
        noise_snr_db: the same for the steady noise, which is always there.
    """

    room_probability: float = 0.8
    sound_probability: float = 0.6
    sound_snr_db: tuple[float, float] = (0.0, 25.0)
    voice_snr_db: tuple[float, float] = (15.0, 35.0)
    sound_pause_s: float = 3.0
    burst_probability: float = 0.6
    burst_snr_db: tuple[float, float] = (-5.0, 25.0)
    noise_snr_db: tuple[float, float] = (10.0, 45.0)

    def __post_init__(self) -> None:
        for name in ("room_probability", "sound_probability", "burst_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("sound_snr_db", "voice_snr_db", "burst_snr_db", "noise_snr_db"):
            check_levels(**{name: getattr(self, name)})
        if not 0 <= self.sound_pause_s < np.inf:
            raise ValueError(f"sound_pause_s must be a number of at least 0, got {self.sound_pause_s}")


@dataclass(frozen=True)
class Surroundings:
    """What was drawn for one conversation.

    Attributes:
        responses: (R,) room response of each speaker; without a room there are none.
        background: (S,) float32 for speech of unit power.
    """

    responses: Mapping[str, np.ndarray]
    background: np.ndarray

    def reverberant(self, wave: np.ndarray, speaker: str) -> np.ndarray:
        """A wave (S,) in the speaker's place, from the peak of the response on: (S or more,), of the same power."""
        response = self.responses.get(speaker)
        if response is None:
            return wave
        heard = oaconvolve(wave, response)[int(response.argmax()) :].astype(np.float32)
        power = mean_square(heard[: len(wave)])
        return heard * np.float32(np.sqrt(mean_square(wave) / power)) if power else heard


class Scene:
    """Draws surroundings.

    Args:
        rooms: {name: path} of the responses of each room; without rooms, none is drawn.
        sounds: recordings of each kind, of which "voices" has a level of its own; without, there is only noise.
        sample_rate: Hz, of all that is drawn.
    """

    def __init__(
        self,
        config: SceneConfig,
        rooms: Mapping[str, Mapping[str, str]],
        sounds: Mapping[str, WaveBank],
        sample_rate: int,
    ) -> None:
        self.config = config
        self.rooms = {room: FileBank(paths, sample_rate) for room, paths in sorted(rooms.items())}
        self.sounds = dict(sorted(sounds.items()))
        self.sample_rate = sample_rate

    @property
    def names(self) -> list[str]:
        """Of all responses and sounds: what the surroundings depend on beside the settings."""
        banks = [*self.rooms.items(), *self.sounds.items()]
        return [f"{kind} {name}" for kind, bank in banks for name in bank.names]

    def draw(self, speakers: Sequence[str], n_samples: int, rng: np.random.Generator) -> Surroundings:
        """Of a conversation of some speakers.

        Args:
            speakers: their names; each gets a place in the room.
            n_samples: length of the conversation.
            rng: all is drawn from it.
        Raises:
            DataError: a file cannot be read.
        """
        c = self.config
        responses = {}
        if rng.random() < c.room_probability and self.rooms:
            bank = list(self.rooms.values())[rng.integers(len(self.rooms))]
            places = np.resize(rng.permutation(len(bank)), len(speakers)).tolist()
            responses = {speaker: bank.read(place) for speaker, place in zip(speakers, places, strict=True)}
        background = _gain(c.noise_snr_db, rng) * steady_noise(n_samples, self.sample_rate, rng)
        if rng.random() < c.burst_probability:
            background += _gain(c.burst_snr_db, rng) * bursts(n_samples, self.sample_rate, rng)
        if rng.random() < c.sound_probability and self.sounds:
            kind = list(self.sounds)[rng.integers(len(self.sounds))]
            snr_db = c.voice_snr_db if kind == VOICES else c.sound_snr_db
            background += _gain(snr_db, rng) * self._sounds(self.sounds[kind], n_samples, rng)
        return Surroundings(responses, background)

    def _sounds(self, bank: WaveBank, n_samples: int, rng: np.random.Generator) -> np.ndarray:
        """(n_samples,) recordings from anywhere in them, with pauses between; each of unit power as a whole."""
        result = np.zeros(n_samples, np.float32)
        at = self._pause(rng)
        while at < n_samples:
            index = int(rng.integers(len(bank)))
            first, total = int(rng.integers(bank.n_samples(index))), bank.n_samples(index)
            heard = bank.read(index, first, min(first + n_samples - at, total))
            power = bank.power(index)
            if power:
                result[at : at + len(heard)] += heard / np.float32(np.sqrt(power))
            at += len(heard) + self._pause(rng)
        return result

    def _pause(self, rng: np.random.Generator) -> int:
        """Samples."""
        return int(rng.exponential(self.config.sound_pause_s) * self.sample_rate)


def _gain(snr_db: tuple[float, float], rng: np.random.Generator) -> np.float32:
    return np.float32(10 ** (-rng.uniform(*snr_db) / 20))


def open_scene(config: SceneConfig, recordings: RecordingPaths, sample_rate: int) -> Scene | None:
    """Where simulated conversations take place; None where there are neither rooms nor sounds.

    Args:
        config: how likely rooms are, and levels.
        recordings: lists of rooms and sounds.
        sample_rate: Hz.
    Raises:
        DataError: a list is missing or malformed, or a file is missing.
    """
    lists = recordings.rooms
    if lists == SIMULATED:
        raise DataError("rooms of conversations are read from a rir_list, such as `pysid prepare rirs` writes")
    rooms: dict[str, dict[str, str]] = {}
    for number, path in enumerate([lists] if isinstance(lists, str) else lists or ()):
        rooms |= {f"{number} {room}": responses for room, responses in read_rooms(path).items()}
    named = {"noise": recordings.noises, "music": recordings.music, VOICES: recordings.speech}
    sounds = {kind: open_bank(path, sample_rate) for kind, path in named.items() if path}
    return Scene(config, rooms, sounds, sample_rate) if rooms or sounds else None
