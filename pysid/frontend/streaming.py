"""Analysis of a recording too long to hold: its samples come in blocks, and only its features are kept.

    recording = analyse_blocks(frontend, iter_blocks("meeting.wav", 60.0, sample_rate=16000))
    recording.voiced  # (T,) bool
    recording.normalized(1000, 1150)  # (150, D): 1.5 s after CMVN

Four hours of 30 features are 173 MB, less than their waveform. The numbers are those of `Frontend.analyse`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pysid.frontend.adaptive import AdaptiveVadConfig
from pysid.frontend.cmvn import sliding_cmvn
from pysid.frontend.cmvn_config import CmvnConfig
from pysid.frontend.detectors import SampleDetector, detector_for
from pysid.frontend.fbank import Fbank
from pysid.frontend.frames import count_frames
from pysid.frontend.framing import check_scale
from pysid.frontend.frontend import Frontend, FrontendConfig, voiced_by_energy
from pysid.frontend.mel import FbankConfig
from pysid.frontend.pauses import PauseCutConfig
from pysid.frontend.spectrum import CPU_BLOCK, DEVICE_BLOCK, MelFeatures
from pysid.frontend.vad_config import VadConfig

# Frames worked on together, 82 s and 328 s of 10 ms. Multiples of the blocks that `MelFeatures` has, so that a
# recording falls into the same ones as if it were whole: a matrix product rounds by the number of its rows.
CPU_FRAMES = 16 * CPU_BLOCK
DEVICE_FRAMES = DEVICE_BLOCK


@dataclass(frozen=True, eq=False)
class RecordingFeatures:
    """All frames of a recording, on the device of the front-end that made them.

    Attributes:
        features: (T, D) before CMVN.
        voiced: (T,) bool; all True without a VAD.
        n_samples: length of the recording.
        config: of the front-end.
    """

    features: Tensor
    voiced: Tensor
    n_samples: int
    config: FrontendConfig

    def __len__(self) -> int:
        return len(self.features)

    @property
    def shift_s(self) -> float:
        """Time from one frame to the next."""
        return self.config.features.shift_samples / self.config.sample_rate

    @property
    def duration_s(self) -> float:
        """Of the recording, in seconds."""
        return self.n_samples / self.config.sample_rate

    def normalized(self, start: int = 0, end: int | None = None) -> Tensor:
        """The frames [start, end) after the configured CMVN over the whole recording: (end - start, D).

        Computed anew in each call, with the frames around it that the windows reach into: ask for many at once.

        Raises:
            ValueError: not 0 <= start <= end <= T.
        """
        end = len(self) if end is None else end
        if not 0 <= start <= end <= len(self):
            raise ValueError(f"expected 0 <= start <= end <= {len(self)} frames, got [{start}, {end})")
        if self.config.cmvn is None:
            return self.features[start:end]
        result = torch.empty_like(self.features[start:end])
        for first in range(start, end, CPU_FRAMES):  # sliding_cmvn takes many times the memory of its features
            last = min(first + CPU_FRAMES, end)
            result[first - start : last - start] = normalized_rows(
                lambda a, b: self.features[a:b], len(self), first, last, self.config.cmvn
            )
        return result


def analyse_blocks(frontend: Frontend, blocks: Iterable[np.ndarray], cut_pauses: bool = False) -> RecordingFeatures:
    """What `Frontend.analyse` gives of one recording, without ever holding the whole of its waveform.

    The features and the voiced frames are the same bit for bit (on a CPU); those after CMVN are to 1e-5. Where the
    front-end `needs_whole`, the waveform is held.

    Args:
        blocks: (S_i,) each, at int16 scale, of any lengths; joined they are the recording. They are taken one
            by one, so this may be an iterator that reads a file or shows progress.
        cut_pauses: leave pauses out of the waveform, where the VAD is for that, as `Frontend` itself does: times are
            lost.
    Raises:
        ValueError: a block of another shape.
    Warns:
        PysidWarning: the recording peaks below 2.0, and the front-end's are not known to be `scaled`.
    """
    c = frontend.config
    if c.needs_whole:
        return _analyse_whole(frontend, np.concatenate([np.zeros(0, np.float32), *blocks]), cut_pauses)
    assert isinstance(frontend.features, MelFeatures)
    detector = feed(stream := FeatureStream(frontend.features), blocks, frontend)
    features = stream.finish()
    return RecordingFeatures(features, voiced_frames(features[:, c.energy_column], detector, c), stream.n_samples, c)


def feed(stream: "FeatureStream", blocks: Iterable[np.ndarray], frontend: Frontend) -> SampleDetector | None:
    """All of a recording into a stream of features, and into the detector of speech if the VAD is one.

    Args:
        stream: is fed, and left to be finished.
        blocks: as in `analyse_blocks`.
        frontend: whose features and VAD these are.
    Returns:
        The detector; None where the VAD depends on the features.
    Warns:
        PysidWarning: as `analyse_blocks`.
    """
    detector = detector_for(frontend.config.vad, frontend.config.sample_rate)
    peak = 0.0
    for wave in _gathered(blocks, stream.block_samples):
        peak = max(peak, float(wave.max()), -float(wave.min()))
        stream.feed(wave)
        if detector is not None:
            detector.feed(wave)
    if not frontend.scaled:
        check_scale(torch.tensor(peak))
    return detector


def _analyse_whole(frontend: Frontend, wave: np.ndarray, cut_pauses: bool) -> RecordingFeatures:
    """Of features that depend on all of a recording."""
    plain = Frontend(replace(frontend.config, cmvn=None), scaled=frontend.scaled).to(frontend.features.bank)
    samples = torch.from_numpy(wave)[None].to(frontend.features.bank.device)
    with torch.no_grad():
        if cut_pauses and isinstance(frontend.config.vad, PauseCutConfig):
            features, _ = plain(samples)
            voiced = features.new_ones(features.shape[:2], dtype=torch.bool)
        else:
            features, voiced, _ = plain.analyse(samples)
    return RecordingFeatures(features[0], voiced[0], len(wave), frontend.config)


def voiced_frames(log_energy: Tensor, detector: SampleDetector | None, config: FrontendConfig) -> Tensor:
    """Which frames of a recording are voiced.

    Args:
        log_energy: (T,) of its frames.
        detector: what `feed` gave.
        config: of the front-end.
    Returns:
        (T,) bool.
    """
    c, vad = config.features, config.vad
    if isinstance(vad, VadConfig | AdaptiveVadConfig):
        return voiced_by_energy(log_energy[None], None, vad)[0]
    if detector is None:
        return torch.ones(len(log_energy), dtype=torch.bool, device=log_energy.device)
    voiced = detector.finish(len(log_energy), shift_ms=c.shift_ms, first_centre_ms=c.first_centre_ms)
    return voiced.to(log_energy.device)


class FeatureStream:
    """`MelFeatures` of one recording whose samples come in pieces of any length; on the device of `features`.

    Args:
        keep: takes the frames (n, dim) as they are made, which are not held then; None holds them for `finish`.
    """

    def __init__(self, features: MelFeatures, keep: Callable[[np.ndarray], None] | None = None) -> None:
        c = features.config
        self.config = c
        self.n_samples = 0
        # Only the recording's own ends are reflected, and that is done here.
        self._features = type(features)(replace(c, snip_edges=True)).to(features.window)
        self._noise = features.noise()
        self._right = 0 if c.snip_edges else c.window_samples - c.window_samples // 2  # samples to reflect at the end
        self._block = CPU_FRAMES if features.window.device.type == "cpu" else DEVICE_FRAMES
        self._held = np.zeros(0, np.float32)  # samples from the first of the next frame on, once begun
        self._begun = False
        self._keep = keep
        self._n_done = 0
        self._done = np.zeros((0, features.dim), features.window.cpu().numpy().dtype)  # grows where it is

    @classmethod
    def of(cls, config: FbankConfig) -> "FeatureStream":
        """A stream of filter banks, on the CPU."""
        return cls(Fbank(config))

    @property
    def block_samples(self) -> int:
        """Samples that are worked on together; pieces much shorter than that make it slow."""
        return self._block * self.config.shift_samples

    def feed(self, wave: np.ndarray) -> None:
        """The next piece (S,) of the recording, at int16 scale."""
        self.n_samples += len(wave)
        self._held = np.concatenate([self._held, wave])
        if not self._begun and len(self._held) >= abs(self.config.first_sample) + self._right:
            self._begin()
        # What is still to do: the frames' overlap with the next one, and the samples to reflect.
        overlap = max(self.config.window_samples - self.config.shift_samples, self._right)
        n_ready = (len(self._held) - overlap) // self.config.shift_samples // self._block * self._block
        if self._begun and n_ready > 0:
            self._advance(n_ready)

    def finish(self) -> Tensor:
        """(T, dim) features of the recording, once all of it was fed; none where something else keeps them."""
        n_left = count_frames(self.n_samples, self.config) - self._n_done
        if n_left > 0:
            self._held = np.pad(self._held, (0, self._right), "symmetric")
            if not self._begun:
                self._begin()
            self._advance(n_left)
        return torch.from_numpy(self._done).to(self._features.window.device)

    def _begin(self) -> None:
        """Reflects the start of the recording, or drops what lies before its first frame."""
        first = self.config.first_sample
        self._held = np.pad(self._held, (max(0, -first), 0), "symmetric")[max(0, first) :]
        self._begun = True

    def _advance(self, n_frames: int) -> None:
        """Works on the next frames; the samples of all of them are held."""
        size = (n_frames - 1) * self.config.shift_samples + self.config.window_samples
        wave = torch.from_numpy(self._held[None, :size]).to(self._features.window.device)
        with torch.no_grad():
            features = self._features(wave, noise=self._noise)[0]
        if self._keep is not None:
            self._keep(features.cpu().numpy())
        else:
            self._done.resize((self._n_done + n_frames, features.shape[1]), refcheck=False)
            self._done[self._n_done :] = features.cpu().numpy()
        self._n_done += n_frames
        self._held = self._held[n_frames * self.config.shift_samples :]


def _gathered(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of `size` or more, the last one shorter; none that is empty."""
    waiting: list[np.ndarray] = []
    n_waiting = 0
    for block in blocks:
        if block.ndim != 1:
            raise ValueError(f"a block must be (samples,), got {block.shape}")
        waiting.append(block)
        n_waiting += len(block)
        if n_waiting >= size:
            yield np.concatenate(waiting)
            waiting, n_waiting = [], 0
    if n_waiting:
        yield np.concatenate(waiting)


def normalized_rows(
    read: Callable[[int, int], Tensor], n_frames: int, start: int, end: int, config: CmvnConfig
) -> Tensor:
    """The rows [start, end) of sliding_cmvn of features (T, D), from the part of them that can matter.


    A window is at most so long, also where it is shifted at an end of the recording; and frames before
    `min_window` have their windows in common.

    Args:
        read: read(first, last) gives the features [first, last).
        n_frames: T.
    """
    reach = max(config.window, config.min_window)
    first, last = max(0, start - reach), min(end + reach, n_frames)
    return sliding_cmvn(read(first, last)[None], config=config)[0, start - first : end - first]
