"""What the sound of a recording is like: its band, its level, and how much of it is clipped.

It is measured block by block, so that a recording of any length needs little memory.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

FRAME = 512  # samples
BINS = 256  # of the histogram of magnitudes
FULL_SCALE = 32768.0
UPPER_BAND = (0.7, 0.94)  # of half the sample rate: 5.6 to 7.5 kHz of 16 kHz, beyond what leaks out of a telephone's
# Of 200 recordings of 16 kHz the upper band was 4 to 66 dB below the peak; of the same over 8 kHz, 68 to 95 dB.
NARROW_DB = -65.0
QUIET_DB = -55.0
CLIPPED = 0.02  # where speech has at most 0.003; at ten times the gain most of it has 0.03 to 0.4


@dataclass(frozen=True)
class SignalQuality:
    """Measures of a recording.

    Attributes:
        upper_band_db: mean density of the band `UPPER_BAND` under the highest of the spectrum; -inf of silence.
        level_db: of the loudest twentieth of frames of 512 samples, in dB of full scale; -inf of silence.
        clipped: share of samples within a tenth of the highest peak, a fraction; speech has a thousandth.
        sample_rate: Hz of the samples that were measured.
    """

    upper_band_db: float
    level_db: float
    clipped: float
    sample_rate: int

    def faults(self) -> list[str]:
        """What makes decisions less certain, in words; empty if nothing does."""
        if self.level_db == -math.inf:
            return []
        found = []
        if self.upper_band_db < NARROW_DB:
            edge_khz = UPPER_BAND[0] * self.sample_rate / 2000
            found.append(f"narrow band: next to nothing above {edge_khz:.1f} kHz, as over a telephone")
        if self.level_db < QUIET_DB:
            found.append(f"very quiet: {self.level_db:.0f} dB of full scale where it is loudest")
        if self.clipped > CLIPPED:
            found.append(f"clipped: {100 * self.clipped:.0f} % of the samples are as high as the highest")
        return found


class QualityMeter:
    """Measures a recording that comes in blocks.

    >>> meter = QualityMeter(16000)
    >>> meter.feed(10000 * np.sin(np.arange(16000, dtype=np.float32)))
    >>> round(meter.finish().level_db)
    -13
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._power = np.zeros(FRAME // 2 + 1)
        self._levels = np.zeros(200, np.int64)  # frames of each level: 0 dB of full scale, -1 dB ...
        self._magnitudes = np.zeros(BINS, np.int64)
        self._highest = FULL_SCALE  # that the histogram reaches: samples of floats may be beyond full scale
        self._held = np.zeros(0, np.float32)

    def feed(self, wave: np.ndarray) -> None:
        """The next samples (S,), at int16 scale."""
        magnitudes = np.abs(wave)
        while magnitudes.max(initial=0.0) > self._highest:
            self._magnitudes = np.pad(self._magnitudes.reshape(-1, 2).sum(1), (0, BINS // 2))
            self._highest *= 2
        bins = np.minimum(magnitudes * (BINS / self._highest), BINS - 1).astype(np.int64)
        self._magnitudes += np.bincount(bins, minlength=BINS)
        self._held = np.concatenate([self._held, wave])
        n = len(self._held) // FRAME * FRAME
        frames = self._held[:n].reshape(-1, FRAME)
        self._held = self._held[n:]
        if not n:
            return
        varying = frames - frames.mean(1, keepdims=True)  # an offset, smoothed, would pass for the peak of the spectrum
        self._power += np.square(np.abs(np.fft.rfft(varying * np.hanning(FRAME), axis=1))).sum(0)
        energy = np.square(frames).mean(1, dtype=np.float64)
        level_db = 10 * np.log10(energy[energy > 0] / FULL_SCALE**2)
        self._levels += np.bincount(np.clip(-level_db, 0, 199).astype(np.int64), minlength=200)

    def passing(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Blocks on their way to somebody else."""
        for block in blocks:
            self.feed(block)
            yield block

    def finish(self) -> SignalQuality:
        """The measures of all that was fed."""
        n_frames = self._levels.sum()
        if not n_frames:
            return SignalQuality(-math.inf, -math.inf, 0.0, self.sample_rate)
        loud = int(np.searchsorted(np.cumsum(self._levels), 0.05 * n_frames, side="left"))
        power = np.convolve(self._power, np.full(9, 1 / 9), "same")  # over 280 Hz at 16 kHz
        upper = power[int(UPPER_BAND[0] * len(power)) : int(UPPER_BAND[1] * len(power))].mean()
        upper_db = 10 * math.log10(max(upper / power[2:].max(), 1e-30)) if power[2:].max() > 0 else -math.inf
        highest = int(np.flatnonzero(self._magnitudes)[-1])
        near = self._magnitudes[max(1, math.ceil(0.9 * highest)) :].sum() / max(1, self._magnitudes.sum())
        return SignalQuality(upper_db, -float(loud), float(near), self.sample_rate)
