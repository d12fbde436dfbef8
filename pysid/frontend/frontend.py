"""The whole way from waveforms to what an embedding network takes: features, VAD, CMVN, voiced frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from pysid.frontend.adaptive import AdaptiveVadConfig, adaptive_vad
from pysid.frontend.cmvn import sliding_cmvn
from pysid.frontend.cmvn_config import CmvnConfig
from pysid.frontend.detectors import detector_for, rates_heard
from pysid.frontend.fbank import Fbank
from pysid.frontend.framing import as_counts, check_scale
from pysid.frontend.mel import FbankConfig, MfccConfig
from pysid.frontend.mfcc import Mfcc
from pysid.frontend.pauses import PauseCutConfig, kept_blocks, raised, without_pauses
from pysid.frontend.selection import select_frames
from pysid.frontend.silero import SileroVadConfig
from pysid.frontend.spectrum import MelFeatures
from pysid.frontend.stft_mel import StftMel, StftMelConfig
from pysid.frontend.vad import energy_vad
from pysid.frontend.vad_config import VadConfig
from pysid.frontend.webrtc import WebrtcVadConfig

FeatureConfig = MfccConfig | FbankConfig | StftMelConfig


@dataclass(frozen=True, kw_only=True)
class FrontendConfig:
    """Configuration of `Frontend`."""

    features: FeatureConfig = field(default_factory=MfccConfig)
    vad: VadConfig | AdaptiveVadConfig | WebrtcVadConfig | SileroVadConfig | PauseCutConfig | None = None  # None: all
    cmvn: CmvnConfig | None = None  # None leaves the features as they are
    least_dbfs: float | None = None  # root mean square that quieter waveforms are raised to; None leaves them

    def __post_init__(self) -> None:
        if self.least_dbfs is not None and not self.least_dbfs <= 0:
            raise ValueError(f"least_dbfs must be 0, which is full scale, or less, got {self.least_dbfs}")
        needs_energy = isinstance(self.vad, VadConfig | AdaptiveVadConfig)
        if needs_energy and not isinstance(self.features, MfccConfig) and not self.features.use_energy:
            raise ValueError("an energy VAD needs filter banks with use_energy")
        rates = rates_heard(self.vad)
        if self.vad is not None and rates and self.sample_rate not in rates:
            raise ValueError(f"the VAD {self.vad.kind} takes {', '.join(map(str, rates))} Hz, got {self.sample_rate}")

    @property
    def needs_whole(self) -> bool:
        """Whether a frame depends on all of its recording, so that it cannot be made from a block."""
        whole = isinstance(self.features, StftMelConfig) or self.least_dbfs is not None
        return whole or isinstance(self.vad, PauseCutConfig)

    @property
    def dim(self) -> int:
        """Width of a frame."""
        return self.features.dim

    @property
    def sample_rate(self) -> int:
        """Hz of the waveforms."""
        return self.features.sample_rate

    @property
    def energy_column(self) -> int:
        """Where a frame has its log energy (or c0)."""
        return -1 if self.features.htk_compat else 0


VOXCELEB = FrontendConfig(
    features=MfccConfig(n_mels=30, n_ceps=30, high_hz=7600.0, snip_edges=False),
    vad=VadConfig(energy_threshold=5.5, energy_mean_scale=0.5, proportion_threshold=0.12, frames_context=2),
    cmvn=CmvnConfig(window=300, center=True),
)
"""Kaldi's egs/voxceleb/v2 (conf/mfcc.conf, conf/vad.conf, local/nnet3/xvector), without dither."""


class Frontend(nn.Module):
    """Features of the voiced frames of each utterance, normalised over all of its frames.

    Shape: wave (B, S), float at int16 scale, and lengths (B,) or None -> features (B, T', dim) and n_frames
        (B,); T' is the largest n_frames, and rows past an utterance's own are 0. An utterance without a
        voiced frame, or too short for a frame, gets n_frames 0.

    Args:
        scaled: waveforms are known to be at int16 scale, as what `pysid.io.audio` reads; without that, a peak below 2
            warns, see `check_scale`.

    >>> features, n_frames = Frontend(VOXCELEB)(torch.zeros(2, 16000))  # silence
    >>> features.shape, n_frames
    (torch.Size([2, 0, 30]), tensor([0, 0]))
    """

    features: MelFeatures | StftMel

    def __init__(self, config: FrontendConfig, *, scaled: bool = False) -> None:
        super().__init__()
        self.config = config
        self.scaled = scaled
        c = config.features
        if isinstance(c, StftMelConfig):
            self.features = StftMel(c)
        else:
            self.features = Mfcc(c) if isinstance(c, MfccConfig) else Fbank(c)
        self.dim = self.features.dim

    def forward(
        self, wave: Tensor, lengths: Tensor | Sequence[int] | None = None, voiced: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As the class says.

        Args:
            voiced: (B, T) bool, the frames to keep instead of those that the VAD finds in `wave`: `self.voiced` of
                the clean speech where `wave` is an augmented copy of it, as in Kaldi's recipes.
        """
        cuts_pauses = voiced is None and isinstance(self.config.vad, PauseCutConfig)
        features, wave, n_samples, n_frames = self._frames(wave, lengths, cuts_pauses)
        if voiced is None and self.config.vad is not None and not cuts_pauses:
            voiced = self._voiced(wave, n_samples, features, n_frames)
        features = self._normalized(features, n_frames)
        return (features, n_frames) if voiced is None else select_frames(features, voiced, n_frames)

    def voiced(self, wave: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """(B, T) bool: the frames that `forward` keeps; False past each utterance's own frames."""
        features, wave, n_samples, n_frames = self._frames(wave, lengths)
        return self._voiced(wave, n_samples, features, n_frames)

    def analyse(self, wave: Tensor, lengths: Tensor | Sequence[int] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """All frames, and which of them are voiced: what diarization cuts its windows from.

        Returns:
            features: (B, T, dim) after CMVN.
            voiced: (B, T) bool.
            n_frames: (B,) own frames of each utterance.
        """
        features, wave, n_samples, n_frames = self._frames(wave, lengths)
        voiced = self._voiced(wave, n_samples, features, n_frames)
        return self._normalized(features, n_frames), voiced, n_frames

    def _frames(
        self, wave: Tensor, lengths: Tensor | Sequence[int] | None, cut_pauses: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features (B, T, dim) before CMVN, the waveforms they are of, their samples and their frames (B,)."""
        # On a GPU the host would have to wait for the answer; in a graph there is none.
        if not self.scaled and wave.device.type == "cpu" and not torch.compiler.is_compiling():
            check_scale(wave)
        n_samples = as_counts(lengths, wave, "lengths")
        if cut_pauses or self.config.least_dbfs is not None:
            wave, n_samples = self._prepared(wave, n_samples, cut_pauses)
        return self.features(wave, n_samples), wave, n_samples, self.features.n_frames(n_samples)

    def _prepared(self, wave: Tensor, n_samples: Tensor, cut_pauses: bool) -> tuple[Tensor, Tensor]:
        """Waveforms (B, S) and their samples (B,): raised, and without their pauses where they are to be cut."""
        found, c = [], self.config
        for row, n in zip(wave, n_samples.tolist(), strict=True):
            own = row[:n] if c.least_dbfs is None else raised(row[:n], c.least_dbfs)
            found.append(without_pauses(own, c.sample_rate, c.vad) if cut_pauses else own)  # type: ignore[arg-type]
        lengths = torch.tensor([len(x) for x in found], dtype=torch.int64, device=wave.device)
        return nn.utils.rnn.pad_sequence(found, batch_first=True), lengths

    def _normalized(self, features: Tensor, n_frames: Tensor) -> Tensor:
        return features if self.config.cmvn is None else sliding_cmvn(features, n_frames, self.config.cmvn)

    def _voiced(self, wave: Tensor, n_samples: Tensor, features: Tensor, n_frames: Tensor) -> Tensor:
        """(B, T) bool, False past each utterance's own frames."""
        c, vad = self.config.features, self.config.vad
        if isinstance(vad, VadConfig | AdaptiveVadConfig):
            return voiced_by_energy(features[..., self.config.energy_column], n_frames, vad)
        voiced = torch.zeros(features.shape[:2], dtype=torch.bool)
        for b, (size, n) in enumerate(zip(n_samples.tolist(), n_frames.tolist(), strict=True)):
            voiced[b, :n] = True
            if isinstance(vad, PauseCutConfig):
                voiced[b, :n] = self._outside_pauses(wave[b, :size], n, vad)
            elif detector := detector_for(vad, c.sample_rate):
                detector.feed(wave[b, :size].detach().cpu().numpy())
                voiced[b, :n] = detector.finish(n, shift_ms=c.shift_ms, first_centre_ms=c.first_centre_ms)
        return voiced.to(features.device)

    def _outside_pauses(self, wave: Tensor, n_frames: int, vad: PauseCutConfig) -> Tensor:
        """(n_frames,) bool of one waveform (S,): the frames whose centre is in no pause."""
        c, kept = self.config.features, kept_blocks(wave, self.config.sample_rate, vad)
        block = ((c.first_centre_ms + c.shift_ms * torch.arange(n_frames)) // vad.block_ms).long()
        return torch.from_numpy(kept)[block.clamp(max=len(kept) - 1)] if len(kept) else torch.zeros(n_frames) > 0


def voiced_by_energy(
    log_energy: Tensor, n_frames: Tensor | Sequence[int] | None, config: VadConfig | AdaptiveVadConfig
) -> Tensor:
    """(B, T) bool: `energy_vad` or `adaptive_vad`, as `config` says.

    Args:
        log_energy: (B, T), natural logarithm.
        n_frames: (B,) own frames of each; None counts all T.
        config: its type says which of the two.
    """
    if isinstance(config, AdaptiveVadConfig):
        return adaptive_vad(log_energy, n_frames, config)
    return energy_vad(log_energy, n_frames, config)
