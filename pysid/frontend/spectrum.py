"""From waveforms to mel energies: what `Mfcc` and `Fbank` have in common.

Source: Kaldi feat/{feature-window,feature-common-inl,feature-functions}.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pysid.frontend.frames import Count, count_frames, window_function
from pysid.frontend.framing import as_counts, overlapping_frames, zero_past_end
from pysid.frontend.kaldi_fft import KaldiFft
from pysid.frontend.mel import MelConfig, mel_bank
from pysid.frontend.plain.kaldi_fft import BlockFft, fft_tables

EPSILON = torch.finfo(torch.float32).eps  # the least energy, of a frame or a filter, whose logarithm is taken

# Frames worked on together.
CPU_BLOCK = 256  # few enough to stay in the cache of a core
DEVICE_BLOCK = 32768  # enough to fill a GPU
DITHER_BLOCK = 128  # for every batch, so that noise drawn from a seed is the same in all of them


class MelFeatures(nn.Module):
    """Features made of a frame's energies in mel bands and of its log energy; `_combine` says how.

    Shape: wave (B, S), float at int16 scale, and lengths (B,) -> (B, T, dim); see `forward`.
    """

    window: Tensor
    bank: Tensor
    dim: int  # features of a frame

    def __init__(self, config: MelConfig, *, use_power: bool = True) -> None:
        super().__init__()
        self.config = config
        self.use_power = use_power
        self.register_buffer("window", torch.from_numpy(window_function(config)), persistent=False)
        self.fades_in = not self.window[0]  # what a frame's first sample is does not matter
        bank = torch.from_numpy(mel_bank(config))
        self.kaldi_fft = KaldiFft(config.n_fft) if config.kaldi_fft else None
        self.fft_tables = fft_tables(config.n_fft) if config.kaldi_fft else None
        # Squares of real and imaginary parts are added up by the filters: a row of the bank for each of them.
        self.interleaved = use_power and self.kaldi_fft is None
        bank = bank.repeat_interleave(2, 0) if self.interleaved else bank
        self.register_buffer("bank", bank, persistent=False)
        used = bank.any(1).nonzero()
        self.used = slice(int(used[0]), int(used[-1]) + 1)  # rows of the bank; no filter reaches the others

    def n_frames(self, n_samples: Count) -> Count:
        """Frames that `forward` makes of that many samples, a number or an integer tensor; 0 of too few."""
        return count_frames(n_samples, self.config)

    def forward(
        self, wave: Tensor, lengths: Tensor | Sequence[int] | None = None, noise: torch.Generator | None = None
    ) -> Tensor:
        """Features of a batch of waveforms, each as if it were alone.

        Args:
            wave: (B, S) at int16 scale: full scale is 32768, not 1.0.
            lengths: (B,) samples of each utterance; what the batch holds past them does not count.
                None: all S.
            noise: what to draw the dither from, for a recording that comes in pieces; None: `noise()`.
        Returns:
            (B, T, dim) with T = n_frames(S); rows past an utterance's own n_frames are 0.
        Raises:
            ValueError: a batch that is not two-dimensional, or lengths that do not fit it.
        """
        if wave.ndim != 2:
            raise ValueError(f"wave must be (batch, samples), got {tuple(wave.shape)}")
        wave = wave.to(self.bank.dtype)
        n_samples = as_counts(lengths, wave, "lengths")
        n_frames = self.n_frames(wave.shape[1])
        if n_frames == 0 or wave.shape[0] == 0:
            return wave.new_zeros(wave.shape[0], n_frames, self.dim)
        own_frames = self.n_frames(n_samples)
        with torch.autocast(wave.device.type, enabled=False):  # half precision is no place for energies
            frames = overlapping_frames(wave, n_samples, self.config)
            if torch.compiler.is_compiling():  # in blocks, the graph would hold for one number of frames only
                return zero_past_end(self._features(self._dither_all(frames)), own_frames)
            if wave.device.type == "cpu" and not self.config.dither and not wave.requires_grad:
                return self._one_by_one(frames, own_frames)
            features = torch.cat([self._features(block) for block in self._blocks(frames, noise)], 1)
        return zero_past_end(features, own_frames)

    def noise(self) -> torch.Generator | None:
        """A generator at the start of the dither that the configured seed gives; None without a seed."""
        seed = self.config.seed
        return None if seed is None else torch.Generator(self.window.device).manual_seed(seed)

    def _one_by_one(self, frames: Tensor, own_frames: Tensor) -> Tensor:
        """Features of frames (B, T, 1 + window_samples): blocks of one utterance, and nothing past its end."""
        features = frames.new_zeros(*frames.shape[:2], self.dim)
        scratch = _Scratch.of(frames, self.config.n_fft, self.fft_tables)
        for utterance, out, n in zip(frames, features, own_frames.tolist(), strict=True):
            for start in range(0, n, CPU_BLOCK):
                block = slice(start, min(start + CPU_BLOCK, n))
                out[block] = self._features(utterance[block], scratch)
        return features

    def _blocks(self, frames: Tensor, noise: torch.Generator | None) -> Iterator[Tensor]:
        """The frames (B, T, 1 + window_samples) in pieces along T, dithered where so configured."""
        if not self.config.dither:
            yield from frames.split(max(1, DEVICE_BLOCK // len(frames)), 1)
            return
        generator = noise or self.noise()
        for block in frames.split(DITHER_BLOCK, 1):
            yield self._dither(block, generator)

    def _dither_all(self, frames: Tensor) -> Tensor:
        if self.config.dither and self.config.seed is not None:
            raise ValueError("dither with a seed is drawn in blocks, which no exported or compiled graph has")
        return self._dither(frames, None) if self.config.dither else frames

    def _dither(self, frames: Tensor, generator: torch.Generator | None) -> Tensor:
        """Frames with noise in each; with a generator, frame t of every utterance gets the same noise."""
        n_utterances, n_frames, n_window = len(frames), frames.shape[1], self.config.window_samples
        shape = (n_utterances, n_frames, n_window) if generator is None else (DITHER_BLOCK, n_window)
        noise = torch.randn(shape, generator=generator, dtype=frames.dtype, device=frames.device)
        noise = self.config.dither * noise[..., :n_frames, :]
        return frames + functional.pad(noise, (1, 0))

    def _features(self, frames: Tensor, scratch: "_Scratch | None" = None) -> Tensor:
        """(..., N, dim) of frames (..., N, 1 + window_samples), which start a sample early.

        Args:
            scratch: memory for frames (N, 1 + window_samples) that ask for no gradient.
        """
        c, n = self.config, frames.shape[-2]
        if c.remove_dc_offset:
            mean = frames[..., 1:].mean(-1, keepdim=True)
            frames = torch.sub(frames, mean, out=None if scratch is None else scratch.centred[:n])
        windowed = self._preemphasize(frames, None if scratch is None else scratch.padded[:n, : c.window_samples])
        windowed.mul_(self.window)
        log_energy = None
        if c.use_energy:
            log_energy = self._log_energy(frames[..., 1:] if c.raw_energy else windowed)
        padded = functional.pad(windowed, (0, c.n_fft - c.window_samples)) if scratch is None else scratch.padded[:n]
        mel = self._spectrum(padded, None if scratch is None else scratch.fft)[..., self.used] @ self.bank[self.used]
        return self._combine(mel.clamp(min=1.0) if c.htk_mode else mel, log_energy)

    def _preemphasize(self, frames: Tensor, out: Tensor | None) -> Tensor:
        """x[t] - c x[t - 1] (..., N, window_samples). Kaldi takes a frame's first sample itself for the one before it.

        A product, then a sum, each rounded: torch.sub with alpha rounds once, and so not as Kaldi does.
        """
        x, coefficient = frames[..., 1:], self.config.preemphasis
        emphasized = torch.mul(frames[..., :-1], -coefficient, out=out).add_(x)
        if not self.fades_in:
            emphasized[..., 0] = x[..., 0] * -coefficient + x[..., 0]
        return emphasized

    def _log_energy(self, frames: Tensor) -> Tensor:
        """(..., N, 1) log of the sum of squares, floored."""
        energy = torch.linalg.vector_norm(frames, dim=-1, keepdim=True).square()
        return energy.clamp(min=max(EPSILON, self.config.energy_floor)).log()

    def _spectrum(self, windowed: Tensor, fft: BlockFft | None = None) -> Tensor:
        """Power of each FFT bin (or magnitude, or the two squares it is the sum of), as `bank` expects it."""
        if self.kaldi_fft is not None:
            power = self.kaldi_fft(windowed) if fft is None else torch.from_numpy(fft.power(windowed.numpy()))
            return power if self.use_power else power.sqrt()
        parts = torch.view_as_real(torch.fft.rfft(windowed)).flatten(-2)
        squares = parts.square() if parts.requires_grad else parts.square_()
        return squares if self.interleaved else squares.unflatten(-1, (-1, 2)).sum(-1).sqrt()

    def _combine(self, mel: Tensor, log_energy: Tensor | None) -> Tensor:
        """(B, N, dim) from mel energies (B, N, n_mels) and, with use_energy, log energies (B, N, 1)."""
        raise NotImplementedError


def log_floored(energies: Tensor) -> Tensor:
    """Natural logarithm of energies, floored at float32's epsilon as in Kaldi."""
    return energies.clamp(min=EPSILON).log()


@dataclass(frozen=True, eq=False)
class _Scratch:
    """Memory to work on blocks of frames in: allocating it anew would take longer than the work."""

    centred: Tensor  # (N, 1 + window_samples)
    padded: Tensor  # (N, n_fft), 0 past the window
    fft: BlockFft | None  # where Kaldi's is wanted

    @classmethod
    def of(cls, frames: Tensor, n_fft: int, tables: Mapping[str, np.ndarray] | None) -> "_Scratch":
        """For blocks of frames (B, T, 1 + window_samples)."""
        n = min(CPU_BLOCK, frames.shape[1])
        fft = None if tables is None or frames.dtype != torch.float32 else BlockFft(tables, n_fft, n)
        return cls(frames.new_empty(n, frames.shape[2]), frames.new_zeros(n, n_fft), fft)
