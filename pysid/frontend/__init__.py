"""From waveforms to features: batched torch modules that give Kaldi's numbers, on any device.

    frontend = Frontend(VOXCELEB)
    features, n_frames = frontend(wave, lengths)     # (B, S) at int16 scale -> (B, T, 30), voiced frames only

A padded batch with lengths gives each utterance what it gets alone. The modules go into `nn.Sequential`, such as
`nn.Sequential(Mfcc(), Deltas(), SlidingCmvn())`, through `torch.export` with any batch and length, and through
`torch.compile`; WebRTC's and Silero's detectors, which are no graphs of tensors, do not.
"""

from typing import TYPE_CHECKING

from pysid._lazy import lazy_names

if TYPE_CHECKING:
    from pysid.frontend.adaptive import AdaptiveVadConfig, adaptive_vad
    from pysid.frontend.cmvn import SlidingCmvn, sliding_cmvn
    from pysid.frontend.cmvn_config import CmvnConfig
    from pysid.frontend.deltas import Deltas, add_deltas
    from pysid.frontend.fbank import Fbank
    from pysid.frontend.framing import check_scale, frame_mask
    from pysid.frontend.frontend import VOXCELEB, Frontend, FrontendConfig
    from pysid.frontend.mel import FbankConfig, MfccConfig
    from pysid.frontend.mfcc import Mfcc
    from pysid.frontend.pauses import PauseCutConfig
    from pysid.frontend.selection import select_frames
    from pysid.frontend.silero import SileroDetector, SileroVadConfig, silero_vad
    from pysid.frontend.stft_mel import StftMel, StftMelConfig
    from pysid.frontend.streaming import RecordingFeatures, analyse_blocks
    from pysid.frontend.vad import energy_vad
    from pysid.frontend.vad_config import VadConfig
    from pysid.frontend.webrtc import WebrtcDetector, WebrtcVadConfig, webrtc_vad

__all__ = [
    "VOXCELEB",
    "AdaptiveVadConfig",
    "CmvnConfig",
    "Deltas",
    "Fbank",
    "FbankConfig",
    "Frontend",
    "FrontendConfig",
    "Mfcc",
    "MfccConfig",
    "PauseCutConfig",
    "RecordingFeatures",
    "SileroDetector",
    "SileroVadConfig",
    "SlidingCmvn",
    "StftMel",
    "StftMelConfig",
    "VadConfig",
    "WebrtcDetector",
    "WebrtcVadConfig",
    "adaptive_vad",
    "add_deltas",
    "analyse_blocks",
    "check_scale",
    "energy_vad",
    "frame_mask",
    "select_frames",
    "silero_vad",
    "sliding_cmvn",
    "webrtc_vad",
]

__getattr__ = lazy_names(
    __name__,
    {
        "adaptive": (
            "AdaptiveVadConfig",
            "adaptive_vad",
        ),
        "cmvn": (
            "SlidingCmvn",
            "sliding_cmvn",
        ),
        "cmvn_config": ("CmvnConfig",),
        "deltas": (
            "Deltas",
            "add_deltas",
        ),
        "fbank": ("Fbank",),
        "framing": (
            "check_scale",
            "frame_mask",
        ),
        "frontend": (
            "VOXCELEB",
            "Frontend",
            "FrontendConfig",
        ),
        "mel": (
            "FbankConfig",
            "MfccConfig",
        ),
        "mfcc": ("Mfcc",),
        "pauses": ("PauseCutConfig",),
        "selection": ("select_frames",),
        "silero": (
            "SileroDetector",
            "SileroVadConfig",
            "silero_vad",
        ),
        "stft_mel": (
            "StftMel",
            "StftMelConfig",
        ),
        "streaming": (
            "RecordingFeatures",
            "analyse_blocks",
        ),
        "vad": ("energy_vad",),
        "vad_config": ("VadConfig",),
        "webrtc": (
            "WebrtcDetector",
            "WebrtcVadConfig",
            "webrtc_vad",
        ),
    },
)
