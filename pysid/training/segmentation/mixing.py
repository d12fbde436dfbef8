"""Windows of conversations, mixed on the fly from clips of single speakers: nothing is stored, no window comes twice.

The speakers take turns by drawn habits, each with a loudness and a place in one room of his own, among noises, through
one channel. Convolution, channel and sum are done on spectra of the whole window.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.fft
import torch

from pysid.augment.banks import WaveBank
from pysid.augment.codec import mu_law
from pysid.ranges import MOST_DB, check_levels
from pysid.training.segmentation.habits import HEATED, MEETING, POLITE, TAKING_TURNS, Habit, Said, draw_turns
from pysid.training.segmentation.surroundings import (
    FULL_SCALE,
    Colour,
    Surroundings,
    SurroundingsConfig,
    at_peak,
    check_peak,
)
from pysid.training.segmentation.voices import Voices

BEFORE_S = 1.2  # that is mixed before the window, for the echo of what was said there
MOST_SPREAD_DB = 14.0
COLOUR_SPEAKERS = 100  # whose spectra make the one that is aimed at
BABBLE_VOICES = (3, 7)
BACKGROUND_ROOM = 0.8  # of voices in the background, with echo
BACKGROUND_WALL = 0.5  # likewise, behind a wall or a door: fainter by 6 dB an octave from WALL_HZ on
FAINT_OVER_NOISE_DB = 10.0  # at least, of speakers who are far fainter than the others
ALONE_SNR_DB = (-10.0, 3.0)  # the most over the noise, in windows without a speaker
WALL_HZ = (250.0, 2000.0)


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """What windows are like.

    Attributes:
        speakers: probabilities that 0, 1, 2 ... take part. In the reference of `habits`, windows of 10 s have 0 to 4
            speakers in 8, 24, 39, 21 and 8 of 100.
        habits: how they take turns.
        room_probability: that they are in a room, and not as their clips are.
        spread_db: standard deviations of loudness between the speakers of a window, of which one is drawn.
        turn_spread_db: standard deviation from turn to turn.
        aside_db: lowest and highest level of backchannels over turns.
        faint_probability: that one of several speakers is far fainter than the others, though above the noise: who
            sits far from the microphone, or whose own is turned down.
        faint_db: lowest and highest level of this one, over where he would be.
        background_probability: that one or two more voices are heard who do not take part: next door, in the corridor,
            out of a loudspeaker. They are no speakers, so their speech counts as silence. A network that learnt so
            takes people 30 dB fainter than the others for such voices.
        background_db: lowest and highest level of these, over speakers of usual loudness.
        colour_probability: that a speaker's long-term spectrum is brought near that of all.
        surroundings: noises and channels.
        peak_db: lowest and highest peak of a window, below full scale; -60 or more.
        clip_probability, mu_law_probability: of samples cut off, and of samples rounded as G.711 does.
    """

    speakers: tuple[float, ...] = (0.06, 0.18, 0.38, 0.28, 0.10)
    habits: tuple[Habit, ...] = (MEETING, POLITE, TAKING_TURNS, HEATED)
    room_probability: float = 0.5
    spread_db: tuple[float, ...] = (0.5, 2.0, 4.0, 7.0)
    turn_spread_db: float = 1.5
    aside_db: tuple[float, float] = (-6.0, 1.0)
    faint_probability: float = 0.0
    faint_db: tuple[float, float] = (-34.0, -12.0)
    background_probability: float = 0.0
    background_db: tuple[float, float] = (-36.0, -14.0)
    colour_probability: float = 0.85
    surroundings: SurroundingsConfig = field(default_factory=SurroundingsConfig)
    peak_db: tuple[float, float] = (-32.0, -1.0)
    clip_probability: float = 0.06
    mu_law_probability: float = 0.06

    def __post_init__(self) -> None:
        if not self.speakers or min(self.speakers) < 0 or abs(sum(self.speakers) - 1) > 1e-6:
            raise ValueError(f"speakers must be probabilities that add up to 1, got {self.speakers}")
        if not self.habits or not sum(habit.weight for habit in self.habits) > 0:
            raise ValueError("expected habits with a weight above 0, got none")
        for name in ("room", "faint", "background", "colour", "clip", "mu_law"):
            if not 0 <= getattr(self, f"{name}_probability") <= 1:
                raise ValueError(f"{name}_probability must lie in [0, 1], got {getattr(self, name + '_probability')}")
        if not self.spread_db or not all(0 <= x <= MOST_DB for x in (*self.spread_db, self.turn_spread_db)):
            raise ValueError(
                f"spread_db and turn_spread_db must lie in [0, {MOST_DB:g}], at least one spread, got {self.spread_db} "
                f"and {self.turn_spread_db}"
            )
        check_levels(aside_db=self.aside_db, faint_db=self.faint_db, background_db=self.background_db)
        check_peak(self.peak_db)


class Mixer:
    """Draws windows.

    Args:
        voices: what is said.
        rooms: responses (P, R) of P places for one microphone each, of unit energy on average; may be empty.
        sounds, music: recordings; without them there are none.
        window_s: length of the windows, whole frames.
        seed: of what is made in advance; windows are functions of the generator that is handed over.
    """

    def __init__(
        self,
        config: MixConfig,
        voices: Voices,
        rooms: Sequence[np.ndarray],
        sounds: WaveBank | None,
        music: WaveBank | None,
        window_s: float,
        seed: int,
    ) -> None:
        self.config = config
        self.voices = voices
        self.rooms = rooms
        if any(room.shape[1] > BEFORE_S * voices.sample_rate for room in rooms):
            raise ValueError(f"expected responses of at most {BEFORE_S} s")
        rate, hop = voices.sample_rate, voices.hop
        self.n_before = round(BEFORE_S * rate / hop)  # frames
        self.n_frames = round(window_s * rate / hop)
        n = (self.n_before + self.n_frames) * hop
        self.surroundings = Surroundings(config.surroundings, sounds, music, n, rate, seed)
        weights = np.array([habit.weight for habit in config.habits])
        self._habits = weights / weights.sum()
        self.colour = self._colour(np.random.default_rng([seed, 2])) if config.colour_probability else None

    def window(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A window (S,) float32 of whole numbers within int16, and who speaks in each frame (F, N) bool."""
        c, hop = self.config, self.voices.hop
        names = self.voices.draw(int(rng.choice(len(c.speakers), p=c.speakers)), rng)
        noise = self.surroundings.noise(lambda: self._babble(rng), rng)
        tracks, active = self._tracks(names, rng)
        self._make_faint(tracks, noise, rng)
        total = self._spectrum(noise)
        room = None
        if len(self.rooms) and rng.random() < c.room_probability:
            room = self.rooms[int(rng.integers(len(self.rooms)))]
        places = rng.permutation(1 if room is None else len(room))
        for i, track in enumerate(tracks):
            heard = self._spectrum(track)
            if self.colour is not None and rng.random() < c.colour_probability and active[:, i].any():
                heard *= self.colour.gains(heard, rng.uniform(0.3, 1.0))
            if room is not None:
                # The echo of the window's end goes round to its beginning, which is cut off.
                heard *= self._spectrum(room[places[i % len(places)]])
            total += heard
        if rng.random() < c.background_probability:
            total += self._background(rng, None if active[self.n_before :].any() else noise)
        channel = self.surroundings.channel(rng)
        if channel is not None:
            total *= channel
        wave = scipy.fft.irfft(total, self._size, overwrite_x=True)[self.n_before * hop :]
        return self._recorded(wave, rng), active[self.n_before :]

    @property
    def _size(self) -> int:
        return (self.n_before + self.n_frames) * self.voices.hop

    def _spectrum(self, wave: np.ndarray) -> np.ndarray:
        return np.asarray(scipy.fft.rfft(wave, self._size))

    def _tracks(
        self, names: Sequence[str], rng: np.random.Generator, habit: Habit | None = None
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """What each speaker says, dry, and when: (F, N) bool, frames before the window included."""
        c, n_frames = self.config, self.n_before + self.n_frames
        if habit is None:
            habit = c.habits[rng.choice(len(c.habits), p=self._habits)]
        said = draw_turns(habit, len(names), n_frames * self.voices.hop / self.voices.sample_rate, rng)
        spread_db = c.spread_db[rng.integers(len(c.spread_db))]
        loudness_db = np.clip(rng.normal(0, spread_db, len(names)), -MOST_SPREAD_DB, MOST_SPREAD_DB)
        aside_db = rng.uniform(*c.aside_db)
        tracks, active = [], np.zeros((n_frames, len(names)), bool)
        for i, name in enumerate(names):
            own: list[Said] = [turn for turn in said if turn.speaker == i]
            levels_db = loudness_db[i] + rng.normal(0, c.turn_spread_db, len(own))
            levels_db += [aside_db if turn.aside else 0.0 for turn in own]
            track, active[:, i] = self.voices.track(name, own, (10 ** (levels_db / 20)).tolist(), n_frames, rng)
            tracks.append(track)
        return tracks, active

    def _make_faint(self, tracks: list[np.ndarray], noise: np.ndarray, rng: np.random.Generator) -> None:
        """Makes one of several speakers far fainter, in place, but lets nobody drown in the noise for it."""
        c = self.config
        if rng.random() >= c.faint_probability or len(tracks) < 2:
            return
        level_db = rng.uniform(*c.faint_db)
        if noise.any():
            least_db = 10 * np.log10(np.mean(np.square(noise))) + FAINT_OVER_NOISE_DB
            level_db = max(level_db, min(least_db, 0.0))
        tracks[rng.integers(len(tracks))] *= np.float32(10 ** (level_db / 20))

    def _background(self, rng: np.random.Generator, noise: np.ndarray | None) -> np.ndarray:
        """The spectrum of voices that do not take part: in another room, often behind a wall, and faint.

        Args:
            noise: where nobody takes part, what keeps voices that stand out from it from being the speakers.
        """
        c = self.config
        total = np.zeros(self._size // 2 + 1, np.complex64)
        loudest_db = np.inf
        if noise is not None:
            if not noise.any():
                return total
            loudest_db = 10 * np.log10(np.mean(np.square(noise))) + rng.uniform(*ALONE_SNR_DB)
        names = self.voices.draw(int(rng.integers(1, 3)), rng)
        tracks, _ = self._tracks(names, rng, POLITE)
        responses = self.rooms[int(rng.integers(len(self.rooms)))] if len(self.rooms) else ()
        for track in tracks:
            heard = self._spectrum(track) * np.float32(10 ** (min(rng.uniform(*c.background_db), loudest_db) / 20))
            if len(responses) and rng.random() < BACKGROUND_ROOM:
                heard *= self._spectrum(responses[int(rng.integers(len(responses)))])
            if rng.random() < BACKGROUND_WALL:
                corner_hz = np.exp(rng.uniform(*np.log(WALL_HZ)))
                heard *= (1 / np.sqrt(1 + (self.surroundings.hz / corner_hz) ** 2)).astype(np.float32)
            total += heard
        return total

    def _babble(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Voices that go on through the whole window."""
        voices = []
        for name in self.voices.draw(int(rng.integers(*BABBLE_VOICES, endpoint=True)), rng):
            clips = self.voices.clips[name]
            voices.append(self.voices.looped(clips[rng.integers(len(clips))], self._size, rng))
        return voices

    def _recorded(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """At a level, as a recorder would store it."""
        c = self.config
        wave = at_peak(wave, c.peak_db, rng)
        kind = rng.random()
        if (kind := kind - c.clip_probability) < 0:
            wave *= np.float32(10 ** (rng.uniform(2, 14) / 20))
        elif kind - c.mu_law_probability < 0:
            wave = mu_law(torch.from_numpy(wave)).numpy()
        return np.clip(np.rint(wave), -FULL_SCALE, FULL_SCALE - 1)

    def _colour(self, rng: np.random.Generator) -> Colour:
        spectra = []
        duration_s = self._size / self.voices.sample_rate
        for name in self.voices.draw(COLOUR_SPEAKERS, rng):
            track, _ = self.voices.track(
                name, [Said(0, 0.0, duration_s, False)], [1.0], self.n_before + self.n_frames, rng
            )
            spectra.append(self._spectrum(track))
        return Colour(self.surroundings.hz, spectra)
