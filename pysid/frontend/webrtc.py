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

SAMPLE_RATES = (8000, 16000, 32000, 48000)  # Hz


@dataclass(frozen=True, kw_only=True)
class WebrtcVadConfig:
    """Options of `webrtc_vad`."""

    kind: Literal["webrtc"] = "webrtc"
    aggressiveness: int = 2  # 0 to 3; the higher, the less is taken for speech
    block_ms: int = 30  # 10, 20 or 30: what one decision is about

    def __post_init__(self) -> None:
        if self.aggressiveness not in range(4):
            raise ValueError(f"aggressiveness must lie in [0, 3], got {self.aggressiveness}")
        if self.block_ms not in (10, 20, 30):
            raise ValueError(f"block_ms must be 10, 20 or 30, got {self.block_ms}")


def webrtc_vad(
    wave: Tensor,
    sample_rate: int,
    n_frames: int,
    config: WebrtcVadConfig = WebrtcVadConfig(),
    *,
    shift_ms: float = 10.0,
    first_centre_ms: float = 5.0,
) -> Tensor:
    """Which frames of one utterance are voiced, by WebRTC's detector.

    The wave is cut into blocks of `block_ms`, the last one filled up with zeros, and a frame gets the
    decision about the block that its centre lies in. The detector has a hangover: after speech it goes on
    saying "speech" for some 60 to 150 ms, the less the more aggressive it is. It adapts to the noise as it
    goes, so a part of a recording cut out may be judged otherwise than within the whole.

    Args:
        wave: (S,) at int16 scale; rounded, and clipped to int16.
        sample_rate: Hz, one of SAMPLE_RATES.
        n_frames: frames of the features that the result goes with.
        shift_ms: time from one frame to the next.
        first_centre_ms: centre of frame 0: half the shift where the features' snip_edges is off, as here,
            else half the window.
    Returns:
        (n_frames,) bool, on the CPU.
    Raises:
        ValueError: another sampling rate, or more than one utterance.
        ImportError: webrtcvad is not installed, or too old for this Python.
    """
    if wave.ndim != 1:
        raise ValueError(f"wave must be (samples,), got {tuple(wave.shape)}")
    if sample_rate not in SAMPLE_RATES:
        raise ValueError(f"WebRTC's detector takes {', '.join(map(str, SAMPLE_RATES))} Hz, got {sample_rate}")
    decisions = _decisions(wave, sample_rate, config)
    if not len(decisions):
        return torch.zeros(n_frames, dtype=torch.bool)
    block = (first_centre_ms + shift_ms * np.arange(n_frames)) // config.block_ms
    return torch.from_numpy(decisions[np.minimum(block.astype(np.int64), len(decisions) - 1)])


def _decisions(wave: Tensor, sample_rate: int, config: WebrtcVadConfig) -> np.ndarray:
    """One decision a block."""
    size = sample_rate * config.block_ms // 1000
    samples = wave.detach().cpu().double().round().clamp(-32768, 32767).numpy().astype(np.int16)
    blocks = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    detector = _webrtcvad().Vad(config.aggressiveness)
    return np.array([detector.is_speech(block.tobytes(), sample_rate) for block in blocks], bool)


def _webrtcvad() -> Any:
    try:
        import webrtcvad
    except ImportError as error:  # the old package webrtcvad also fails so, where pkg_resources is gone
        raise ImportError(
            f"webrtc_vad needs the package webrtcvad-wheels (pip install webrtcvad-wheels): {error}"
        ) from error
    return webrtcvad
