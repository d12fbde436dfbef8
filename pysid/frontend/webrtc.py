"""WebRTC's voice activity detector, as an alternative to the energy-based one.

Source: the VAD of the WebRTC project (common_audio/vad), a mixture model of the energies in six bands,
    through the
Python package webrtcvad.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pysid.errors import MissingExtra

SAMPLE_RATES = (8000, 16000, 32000, 48000)  # Hz


LOUD_QUANTILE = 0.995
MOST_SAMPLES = 10_000_000  # to take it of


@dataclass(frozen=True, kw_only=True)
class WebrtcVadConfig:
    """Configuration of `webrtc_vad`."""

    kind: Literal["webrtc"] = "webrtc"
    aggressiveness: int = 2  # 0 to 3; the higher, the less is taken for speech
    block_ms: int = 30  # 10, 20 or 30: what one decision is about
    level: float | None = None  # at int16 scale: what the loud parts are brought to first; None leaves them

    def __post_init__(self) -> None:
        if self.level is not None and not self.level > 0:
            raise ValueError(f"level must be positive, got {self.level}")
        if self.aggressiveness not in range(4):
            raise ValueError(f"aggressiveness must lie in [0, 3], got {self.aggressiveness}")
        if self.block_ms not in (10, 20, 30):
            raise ValueError(f"block_ms must be 10, 20 or 30, got {self.block_ms}")


class WebrtcDetector:
    """The detector at work on one recording, which may come in pieces of any length.

    The recording is cut into blocks of `block_ms`, the last one filled up with zeros, and a frame gets the
    decision about the block that its centre lies in. The detector has a hangover: after speech it goes on
    saying "speech" for some 60 to 150 ms, the less the more aggressive it is. It adapts to the noise as it
    goes, so a part that is cut out of a recording may be judged differently from the same part within the whole.

    It has fixed thresholds: it finds no speech in a quiet recording, and takes noise for speech in a loud one. With
    `config.level` the recording is amplified so that the `LOUD_QUANTILE` of its magnitudes gets there. All samples are
    held for that, in 4 bytes each, or in 2 where they are whole numbers.

    Raises:
        ValueError: a sampling rate (Hz) that is not one of SAMPLE_RATES.
        ImportError: webrtcvad is not installed, or too old for this Python.
    """

    def __init__(self, sample_rate: int, config: WebrtcVadConfig = WebrtcVadConfig()) -> None:
        if sample_rate not in SAMPLE_RATES:
            raise ValueError(f"WebRTC's detector takes {', '.join(map(str, SAMPLE_RATES))} Hz, got {sample_rate}")
        self.sample_rate = sample_rate
        self.config = config
        self._vad = _webrtcvad().Vad(config.aggressiveness)
        self._held: list[np.ndarray] = []  # what is to be amplified before it is looked at
        self._rest = np.zeros(0, np.int16)  # less than a block
        self._decisions: list[bool] = []  # one a block

    def feed(self, wave: np.ndarray) -> None:
        """The next piece (S,) of the recording, at int16 scale; rounded, and clipped to int16."""
        if wave.ndim != 1:
            raise ValueError(f"wave must be (samples,), got {wave.shape}")
        if self.config.level is not None:
            samples = wave.astype(np.int16)  # half the memory, where nothing is lost
            self._held.append(samples if np.array_equal(samples, wave) else wave.astype(np.float32, copy=False))
        else:
            self._listen(wave)

    def _listen(self, wave: np.ndarray) -> None:
        samples = np.concatenate([self._rest, np.rint(wave).clip(-32768, 32767).astype(np.int16)])
        size = self.sample_rate * self.config.block_ms // 1000
        whole = len(samples) - len(samples) % size
        self._decisions += map(self._is_speech, samples[:whole].reshape(-1, size))
        self._rest = samples[whole:]

    def finish(self, n_frames: int, *, shift_ms: float = 10.0, first_centre_ms: float = 5.0) -> Tensor:
        """Which frames are voiced, once all of the recording was fed.

        Args:
            n_frames: frames of the features that the result goes with.
            shift_ms: time from one frame to the next.
            first_centre_ms: centre of frame 0: half the shift where the features' snip_edges is off, as here,
                else half the window.
        Returns:
            (n_frames,) bool, on the CPU.
        """
        if self.config.level is not None and (loud := _loudness(self._held)) > 0:
            for wave in self._held:
                self._listen(wave * np.float32(self.config.level / loud))
        if len(self._rest):
            size = self.sample_rate * self.config.block_ms // 1000
            self._listen(np.zeros(size - len(self._rest)))
        if not self._decisions:
            return torch.zeros(n_frames, dtype=torch.bool)
        block = ((first_centre_ms + shift_ms * np.arange(n_frames)) // self.config.block_ms).astype(np.int64)
        return torch.from_numpy(np.array(self._decisions)[np.minimum(block, len(self._decisions) - 1)])

    def _is_speech(self, block: np.ndarray) -> bool:
        return bool(self._vad.is_speech(block.tobytes(), self.sample_rate))


def webrtc_vad(
    wave: Tensor,
    sample_rate: int,
    n_frames: int,
    config: WebrtcVadConfig = WebrtcVadConfig(),
    *,
    shift_ms: float = 10.0,
    first_centre_ms: float = 5.0,
) -> Tensor:
    """Which frames of one utterance, wave (S,) at int16 scale, are voiced, by `WebrtcDetector`: (n_frames,) bool.

    Arguments, errors and the rest are those of the detector.

    Args:
        wave: (S,) at int16 scale.
        sample_rate: 8000, 16000, 32000 or 48000 Hz.
        n_frames: how many decisions are wanted.
        config: aggressiveness and blocks.
        shift_ms: from one frame to the next.
        first_centre_ms: middle of the first frame.
    """
    detector = WebrtcDetector(sample_rate, config)
    detector.feed(wave.detach().cpu().double().numpy())
    return detector.finish(n_frames, shift_ms=shift_ms, first_centre_ms=first_centre_ms)


def _loudness(pieces: list[np.ndarray]) -> float:
    """The `LOUD_QUANTILE` of the magnitudes, of a part of the samples where there are very many; 0 without any."""
    n_samples = sum(map(len, pieces))
    if not n_samples:
        return 0.0
    step = -(-n_samples // MOST_SAMPLES)
    magnitudes = np.abs(np.concatenate([piece[::step].astype(np.float32) for piece in pieces]))
    return float(np.quantile(magnitudes, LOUD_QUANTILE))


def _webrtcvad() -> Any:
    try:
        import webrtcvad
    except ImportError as error:  # the old package webrtcvad fails like this, too, where pkg_resources is gone
        raise MissingExtra(
            f"WebRTC's detector needs the package webrtcvad-wheels: pip install webrtcvad-wheels ({error})"
        ) from None
    return webrtcvad
