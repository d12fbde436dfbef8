"""Windows of recordings without reference turns as they might have been: faster, over one another, elsewhere, in noise.

Real conversations without turns are few, and a network would soon know them by heart. The teacher hears each variation
itself, so what it says of that is as good as of the recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch

from pysid.augment.speed import change_speed
from pysid.ranges import check_levels
from pysid.training.segmentation.recordings import Recordings
from pysid.training.segmentation.surroundings import Surroundings, at_peak, check_peak


@dataclass(frozen=True, kw_only=True)
class VariationConfig:
    """How windows of unlabelled recordings are varied.

    Attributes:
        probability: that a window is varied at all; the ones below are of windows that are.
        speeds: at which it is played, drawn uniformly.
        over_probability: that another window is heard at the same time, of any recording.
        over_db: lowest and highest level of that one over this one.
        room_probability: that it is played in a simulated room.
        noise_probability: of noises and a channel as in mixtures.
        peak_db: lowest and highest peak, below full scale; -60 or more.
    Raises:
        ValueError: a number is out of its range, or nothing would be varied but the level.
    """

    probability: float = 0.8
    speeds: tuple[float, ...] = (0.88, 0.94, 1.0, 1.06, 1.12)
    over_probability: float = 0.2
    over_db: tuple[float, float] = (-15.0, 5.0)
    room_probability: float = 0.25
    noise_probability: float = 0.5
    peak_db: tuple[float, float] = (-32.0, -1.0)

    def __post_init__(self) -> None:
        for name in ("probability", "over_probability", "room_probability", "noise_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if not self.speeds or not 0.5 <= min(self.speeds) <= max(self.speeds) <= 2:
            raise ValueError(f"speeds must lie in [0.5, 2], at least one, got {self.speeds}")
        check_levels(over_db=self.over_db)
        check_peak(self.peak_db)
        if not self.varies(self.room_probability):
            raise ValueError(
                "nothing would be varied: expected a probability above 0, and speeds besides 1, or a probability above "
                "0 of something over it, of a room or of noise"
            )

    def varies(self, room_probability: float) -> bool:
        """Whether anything but the level differs from the recording's, where rooms are as likely as that."""
        kinds = self.over_probability, room_probability, self.noise_probability
        return bool(self.probability and (max(kinds) or set(self.speeds) != {1.0}))


class VariedRecordings:
    """Draws windows of recordings, most of them varied.

    Args:
        recordings: where they come from.
        rooms: responses (P, R) of P places each, of unit energy on average; may be empty.
        surroundings: noises and channels for windows of `recordings`.
    """

    def __init__(
        self,
        config: VariationConfig,
        recordings: Recordings,
        rooms: Sequence[np.ndarray],
        surroundings: Surroundings,
    ) -> None:
        self.config = config
        self.recordings = recordings
        self.rooms = rooms
        self.surroundings = surroundings

    def window(self, rng: np.random.Generator) -> tuple[np.ndarray, None]:
        """A window (S,) float32 of whole numbers within int16; nobody knows who speaks in it."""
        c = self.config
        if rng.random() >= c.probability:
            return self.recordings.window(rng)[0], None
        wave = self._played(rng)
        if rng.random() < c.over_probability:
            other = self._played(rng)
            wave = wave + other * np.float32(10 ** (rng.uniform(*c.over_db) / 20) * _rms(wave) / _rms(other))
        if len(self.rooms) and rng.random() < c.room_probability:
            places = self.rooms[int(rng.integers(len(self.rooms)))]
            response = places[int(rng.integers(len(places)))]
            size = scipy.fft.next_fast_len(len(wave) + len(response) - 1, real=True)
            spectrum = scipy.fft.rfft(wave, size) * scipy.fft.rfft(response, size)
            wave = scipy.fft.irfft(spectrum, size)[: len(wave)].astype(np.float32)
        if rng.random() < c.noise_probability:
            level = np.float32(_rms(wave))
            wave = wave + level * self.surroundings.noise(lambda: self._babble(rng), rng)
            channel = self.surroundings.channel(rng)
            if channel is not None:
                wave = scipy.fft.irfft(scipy.fft.rfft(wave) * channel, len(wave)).astype(np.float32)
        return np.rint(at_peak(wave, c.peak_db, rng)), None

    def _played(self, rng: np.random.Generator) -> np.ndarray:
        """(S,) at a drawn speed; at its own where the recording would end before the window."""
        speed = self.config.speeds[rng.integers(len(self.config.speeds))]
        size = self.recordings.n_samples
        wave = self.recordings.cut(rng, int(np.ceil(size * speed)) + 1)
        if len(wave) > size * speed and speed != 1:
            wave = change_speed(torch.from_numpy(wave)[None], factor=speed)[0][0].numpy()
        return wave[:size]

    def _babble(self, rng: np.random.Generator) -> list[np.ndarray]:
        voices = (self.recordings.window(rng)[0] for _ in range(int(rng.integers(2, 4))))
        return [voice / np.float32(_rms(voice)) for voice in voices]


def _rms(wave: np.ndarray) -> float:
    return max(float(np.sqrt(np.square(wave, dtype=np.float64).mean())), 1.0)
