"""What is heard beside the speakers of a window, and what the recording goes through; all of it drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pysid.augment.banks import WaveBank
from pysid.augment.made_noise import breaths, bursts, clicks, steady_noise
from pysid.ranges import MOST_DB, check_levels, check_range

N_MADE = 64  # noises of each kind that are made in advance
COLOUR_HZ = (60.0, 7600.0)
COLOUR_BANDS = 24
MAX_COLOUR_DB = 22.0
TELEPHONE_HZ = (300.0, 3400.0)
LOW_PASS_HZ = (3000.0, 7800.0)
TILT_KNOTS = 8
FULL_SCALE = 32768.0
LEAST_PEAK_DB = -60.0  # 33 steps of int16: below, rounding is most of what is heard


@dataclass(frozen=True, kw_only=True)
class SurroundingsConfig:
    """Options of `Surroundings`; levels are of the speech of a speaker of usual loudness over the noise.

    Attributes:
        steady_probability: of a steady noise; it is faint in a share `quiet` of the windows.
        quiet_snr_db, steady_snr_db: lowest and highest level, drawn uniformly, as all of these are.
        burst_probability, burst_snr_db: of short noises: knocks, breath, clicks of keys and pens.
        sound_probability, sound_snr_db: of recorded noises.
        music_probability: of music, at the levels of noises.
        babble_probability, babble_snr_db: of several voices that do not count as speakers.
        loud_probability: that a recorded noise or music is about as loud as speech: within 5 dB.
        telephone_probability: of a telephone's band.
        low_pass_probability: of another upper limit, from 3 to 7.8 kHz.
        tilt_probability, tilt_db: of a frequency response with ups and downs, and their greatest standard deviation.
    """

    steady_probability: float = 0.95
    quiet: float = 0.7
    quiet_snr_db: tuple[float, float] = (28.0, 55.0)
    steady_snr_db: tuple[float, float] = (10.0, 40.0)
    burst_probability: float = 0.5
    burst_snr_db: tuple[float, float] = (0.0, 35.0)
    sound_probability: float = 0.22
    sound_snr_db: tuple[float, float] = (8.0, 35.0)
    music_probability: float = 0.08
    babble_probability: float = 0.08
    babble_snr_db: tuple[float, float] = (15.0, 35.0)
    loud_probability: float = 0.06
    telephone_probability: float = 0.12
    low_pass_probability: float = 0.23
    tilt_probability: float = 0.5
    tilt_db: float = 5.0

    def __post_init__(self) -> None:
        for name in vars(self):
            value = getattr(self, name)
            if name.endswith("snr_db"):
                check_levels(**{name: value})
            elif name != "tilt_db" and not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {value}")
        if not 0 <= self.tilt_db <= MOST_DB:
            raise ValueError(f"tilt_db must lie in [0, {MOST_DB:g}], got {self.tilt_db}")
        if (
            max(
                self.sound_probability + self.music_probability + self.babble_probability,
                self.telephone_probability + self.low_pass_probability,
            )
            > 1
        ):
            raise ValueError("the probabilities of sounds, music and babble, or those of bands, add up to more than 1")


class Surroundings:
    """Draws noise (n_samples,) for speech of unit power, and responses of channels.

    Args:
        sounds, music: recordings; without them there are none.
        n_samples: of a window.
        seed: of the noises that are made in advance.
    """

    def __init__(
        self,
        config: SurroundingsConfig,
        sounds: WaveBank | None,
        music: WaveBank | None,
        n_samples: int,
        sample_rate: int,
        seed: int,
    ) -> None:
        self.config = config
        self.sounds, self.music = sounds, music
        self.n_samples, self.sample_rate = n_samples, sample_rate
        rng = np.random.default_rng([seed, 1])
        self._steady = [steady_noise(n_samples, sample_rate, rng) for _ in range(N_MADE)]
        short = (bursts, breaths, clicks)
        self._bursts = [short[i % len(short)](n_samples, sample_rate, rng) for i in range(N_MADE)]
        self.hz = np.fft.rfftfreq(n_samples, 1 / sample_rate)
        self._tilt = _Curve(self.hz, np.geomspace(100, sample_rate / 2 + 100, TILT_KNOTS) - 100)

    def noise(self, babble: Callable[[], Sequence[np.ndarray]], rng: np.random.Generator) -> np.ndarray:
        """(n_samples,) float32 all that is heard beside the speakers.

        Args:
            babble: gives voices (n_samples,) of unit power; called where babble is drawn.
        """
        c = self.config
        total = np.zeros(self.n_samples, np.float32)
        quiet = rng.random() < c.quiet
        if rng.random() < c.steady_probability:
            snr_db = c.quiet_snr_db if quiet else c.steady_snr_db
            total += _gain(snr_db, rng) * self._steady[rng.integers(N_MADE)]
        if rng.random() < c.burst_probability:
            start = int(rng.integers(self.n_samples))
            total += _gain(c.burst_snr_db, rng) * np.roll(self._bursts[rng.integers(N_MADE)], start)
        loud = (-5.0, 5.0) if rng.random() < c.loud_probability else c.sound_snr_db
        kind = rng.random()
        if (kind := kind - c.sound_probability) < 0:
            if self.sounds is not None:
                total += _gain(loud, rng) * self._recorded(self.sounds, 2.0, rng)
        elif (kind := kind - c.music_probability) < 0:
            if self.music is not None:
                total += _gain(loud, rng) * self._recorded(self.music, 0.0, rng)
        elif kind - c.babble_probability < 0:
            voices = babble()
            total += _gain(c.babble_snr_db, rng) / np.float32(np.sqrt(len(voices))) * np.sum(voices, 0)
        return total

    def channel(self, rng: np.random.Generator) -> np.ndarray | None:
        """Gains (n_samples // 2 + 1,) of the frequencies of a window; None changes nothing."""
        c = self.config
        gains = None
        kind = rng.random()
        if (kind := kind - c.telephone_probability) < 0:
            low, high = rng.uniform(0.6, 1.2) * TELEPHONE_HZ[0], rng.uniform(0.95, 1.1) * TELEPHONE_HZ[1]
            gains = self._below(high, 40) / np.sqrt(1 + (low / np.maximum(self.hz, 1.0)) ** 8)
        elif kind - c.low_pass_probability < 0:
            gains = self._below(rng.uniform(*LOW_PASS_HZ), int(rng.choice([4, 12, 60])))
        if rng.random() < c.tilt_probability:
            knots_db = rng.normal(0, rng.uniform(0, c.tilt_db), TILT_KNOTS)
            tilt = self._tilt(10 ** (knots_db / 20))
            gains = tilt if gains is None else gains * tilt
        return None if gains is None else gains.astype(np.float32)

    def _below(self, high_hz: float, order: int) -> np.ndarray:
        """A Butterworth low-pass's gains."""
        return np.asarray(1 / np.sqrt(1 + np.minimum(self.hz / high_hz, 3.0) ** order))

    def _recorded(self, bank: WaveBank, pause_s: float, rng: np.random.Generator) -> np.ndarray:
        """Recordings of unit power one after the other, with pauses of `pause_s` on average."""
        total = np.zeros(self.n_samples, np.float32)
        at = int(rng.integers(self.n_samples // 2)) if rng.random() < 0.5 else 0
        while at < self.n_samples:
            index = int(rng.integers(len(bank)))
            power = bank.power(index)
            n = bank.n_samples(index)
            first = int(rng.integers(n))
            heard = bank.read(index, first, min(first + self.n_samples - at, n))
            if power:
                total[at : at + len(heard)] += heard / np.float32(np.sqrt(power))
            at += max(len(heard), 1) + int(rng.exponential(pause_s) * self.sample_rate)
        return total


class Colour:
    """Brings the long-term spectrum of a speaker near that of all.

    The clips of a speaker often come from one device in one room. A network would tell speakers by that, which it
    cannot where they share a microphone.

    Args:
        hz: of the bins of the spectra.
        spectra: (n_bins,) of some speakers, whose mean is aimed at.
    """

    def __init__(self, hz: np.ndarray, spectra: Sequence[np.ndarray]) -> None:
        low, high = (2595 * np.log10(1 + hz / 700) for hz in COLOUR_HZ)
        edges_hz = 700 * (10 ** (np.linspace(low, high, COLOUR_BANDS + 1) / 2595) - 1)
        self._edges = np.searchsorted(hz, np.minimum(edges_hz, hz[-1]))
        self._curve = _Curve(hz, (edges_hz[1:] + edges_hz[:-1]) / 2)
        self._target = np.mean([self._bands(x) for x in spectra], 0)

    def gains(self, spectrum: np.ndarray, strength: float) -> np.ndarray:
        """(n_bins,) float32 of which `strength` 1 takes away all of the difference, but for very large ones."""
        difference = self._target - self._bands(spectrum)
        limit = MAX_COLOUR_DB / 20 * np.log(10)
        nepers = np.clip((difference - difference.mean()) / 2, -limit, limit)
        return self._curve(np.exp(strength * nepers)).astype(np.float32)

    def _bands(self, spectrum: np.ndarray) -> np.ndarray:
        """(COLOUR_BANDS,) log power."""
        power = np.concatenate([[0.0], np.cumsum(spectrum.real**2 + spectrum.imag**2, dtype=np.float64)])
        widths = np.maximum(np.diff(self._edges), 1)
        return np.asarray(np.log((power[self._edges[1:]] - power[self._edges[:-1]]) / widths + 1e-3))


def check_peak(peak_db: tuple[float, float]) -> None:
    """Raises ValueError for levels of which `at_peak` would leave next to nothing, or which are above full scale."""
    check_range("peak_db", peak_db, LEAST_PEAK_DB, 0.0)


def at_peak(wave: np.ndarray, peak_db: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """A waveform (S,) at a drawn level.

    Args:
        wave: (S,), at any scale.
        peak_db: lowest and highest level of the peak, in dB of int16's full scale.
        rng: draws it.
    """
    peak = max(float(np.abs(wave).max(initial=0.0)), 1e-6)
    return wave * np.float32((FULL_SCALE - 1) * 10 ** (rng.uniform(*peak_db) / 20) / peak)


class _Curve:
    """Linear interpolation from knots to many fixed frequencies, quicker than to look for the knots each time."""

    def __init__(self, hz: np.ndarray, knots_hz: np.ndarray) -> None:
        self._before = np.clip(np.searchsorted(knots_hz, hz) - 1, 0, len(knots_hz) - 2)
        width = knots_hz[self._before + 1] - knots_hz[self._before]
        self._share = np.clip((hz - knots_hz[self._before]) / width, 0, 1).astype(np.float32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(n_knots,) -> (n_bins,)."""
        before = values[self._before]
        return np.asarray(before + self._share * (values[self._before + 1] - before))


def _gain(snr_db: tuple[float, float], rng: np.random.Generator) -> np.float32:
    return np.float32(10 ** (-rng.uniform(*snr_db) / 20))
