"""MFCCs, log-mel filter banks and PLP cepstra of one recording, in NumPy.

Source: Kaldi feat/{feature-window,feature-common-inl,feature-mfcc,feature-fbank,feature-plp}.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pysid.frontend.frames import FrameConfig, count_frames, window_function
from pysid.frontend.mel import FbankConfig, MfccConfig, PlpConfig, dct_matrix, mel_bank
from pysid.frontend.plain.kaldi_fft import BlockFft, fft_tables
from pysid.frontend.plain.plp import PlpCepstra

Floats = NDArray[np.float32]

EPSILON = np.finfo(np.float32).eps  # the least energy whose logarithm is taken
BLOCK = 256  # frames worked on together: few enough to stay in the cache of a core


class PlainFeatures:
    """What `pysid.frontend.Mfcc` or `Fbank` gives, of a recording at a time; or PLP cepstra.

    Dither comes out of NumPy's generator, so it is other noise than torch's for the same seed.

    >>> PlainFeatures(MfccConfig(n_mels=30, n_ceps=30))(np.zeros(16000, np.float32)).shape
    (98, 30)
    """

    def __init__(self, config: MfccConfig | FbankConfig | PlpConfig) -> None:
        self.config = config
        self._window = window_function(config)
        self._bank = mel_bank(config)
        used = np.flatnonzero(self._bank.any(axis=1))
        self._used = slice(used[0], used[-1] + 1)  # FFT bins that a filter reaches
        self._tables = fft_tables(config.n_fft) if config.kaldi_fft else None
        self._dct: Floats | None = None
        if isinstance(config, MfccConfig):
            self._dct = dct_matrix(config.n_mels, config.n_ceps, config.lifter)
        self._plp = PlpCepstra(config) if isinstance(config, PlpConfig) else None

    def __call__(self, wave: Floats) -> Floats:
        """(T, dim) features of a wave (S,) at int16 scale: full scale is 32768, not 1.0."""
        if wave.ndim != 1:
            raise ValueError(f"wave must be (samples,), got {wave.shape}")
        features = np.zeros((count_frames(len(wave), self.config), self.config.dim), np.float32)
        if not len(features):
            return features
        frames = overlapping_frames(wave.astype(np.float32, copy=False), self.config)
        fft = None if self._tables is None else BlockFft(self._tables, self.config.n_fft, BLOCK)
        noise = np.random.default_rng(self.config.seed) if self.config.dither else None
        for start in range(0, len(features), BLOCK):
            block = slice(start, start + BLOCK)
            features[block] = self._features(frames[block], noise, fft)
        return features

    def _features(self, frames: Floats, noise: np.random.Generator | None, fft: BlockFft | None) -> Floats:
        """(N, dim) of frames (N, window_samples), which stay as they are."""
        c = self.config
        if noise is not None:
            frames = frames + np.float32(c.dither) * noise.standard_normal(frames.shape, np.float32)
        if c.remove_dc_offset:
            frames = frames - frames.mean(axis=1, keepdims=True)
        padded = np.zeros((len(frames), c.n_fft), np.float32)
        windowed = padded[:, : c.window_samples]
        # Kaldi takes a frame's first sample itself for the one before it. A product, then a sum, each rounded.
        np.multiply(frames[:, :-1], np.float32(-c.preemphasis), out=windowed[:, 1:])
        np.multiply(frames[:, :1], np.float32(-c.preemphasis), out=windowed[:, :1])
        windowed += frames
        windowed *= self._window
        mel = self._spectrum(padded, fft)[:, self._used] @ self._bank[self._used]
        if c.htk_mode:
            mel = np.maximum(mel, np.float32(1.0))
        energy = _log_energy(frames if c.raw_energy else windowed, c.energy_floor) if c.use_energy else None
        if self._plp is not None:
            return self._in_front(self._plp(mel), energy)
        if self._dct is None:
            return self._filter_banks(mel, energy)
        cepstra: Floats = np.log(np.maximum(mel, EPSILON)) @ self._dct
        if energy is None and c.htk_compat:
            cepstra[:, :1] *= np.float32(math.sqrt(2))
        return self._in_front(cepstra, energy)

    def _spectrum(self, windowed: Floats, fft: BlockFft | None) -> Floats:
        """(N, n_fft / 2) power, or magnitude, of each FFT bin."""
        if fft is not None:
            power: Floats = fft.power(windowed)
        else:
            spectrum = np.fft.rfft(windowed)[:, :-1]
            power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32, copy=False)
        is_power = not isinstance(self.config, FbankConfig) or self.config.use_power
        return power if is_power else np.sqrt(power)

    def _in_front(self, cepstra: Floats, energy: Floats | None) -> Floats:
        """Cepstra with the log energy in the place of the first; that last where HTK has it so."""
        if energy is not None:
            cepstra[:, :1] = energy
        return np.roll(cepstra, -1, axis=1) if self.config.htk_compat else cepstra

    def _filter_banks(self, mel: Floats, energy: Floats | None) -> Floats:
        assert isinstance(self.config, FbankConfig)
        features = np.log(np.maximum(mel, EPSILON)) if self.config.use_log else mel
        if energy is None:
            return features
        return np.concatenate([features, energy] if self.config.htk_compat else [energy, features], 1)


def overlapping_frames(wave: Floats, config: FrameConfig) -> Floats:
    """(T, window_samples) frames of a wave (S,), S >= 1: a view that is not to be written to.

    The wave's ends are reflected with the edge sample repeated (-1 reads 0, S reads S - 1), more than once where it
    is shorter than the reflection.
    """
    before = max(-config.first_sample, 0)
    edge = 0 if config.snip_edges else config.window_samples - config.window_samples // 2
    n = len(wave)
    padded = np.concatenate([wave[_reflect(np.arange(-before, 0), n)], wave, wave[_reflect(n + np.arange(edge), n)]])
    frames = sliding_window_view(padded[before + config.first_sample :], config.window_samples)
    return frames[:: config.shift_samples][: count_frames(n, config)]


def _reflect(index: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Indices into [0, n) of a signal that goes on as ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... for ever."""
    index = index % (2 * n)
    return np.minimum(index, 2 * n - 1 - index)


def _log_energy(frames: Floats, floor: float) -> Floats:
    """(N, 1) log of the sum of squares, floored."""
    energy = np.einsum("ns,ns->n", frames, frames)[:, None]
    return np.log(np.maximum(energy, np.float32(max(float(EPSILON), floor))))
