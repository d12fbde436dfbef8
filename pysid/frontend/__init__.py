"""From waveforms to features: batched torch modules that give Kaldi's numbers, on any device.

    frontend = Frontend(VOXCELEB)
    features, n_frames = frontend(wave, lengths)     # (B, S) at int16 scale -> (B, T, 30), voiced frames only

A padded batch with lengths gives each utterance what it gets alone.
"""

from pysid.frontend.adaptive_vad import AdaptiveVadConfig, adaptive_vad
from pysid.frontend.cmvn import CmvnConfig, sliding_cmvn
from pysid.frontend.deltas import add_deltas
from pysid.frontend.fbank import Fbank, FbankConfig
from pysid.frontend.framing import check_scale, frame_mask
from pysid.frontend.frontend import VOXCELEB, Frontend, FrontendConfig
from pysid.frontend.mfcc import Mfcc, MfccConfig
from pysid.frontend.selection import select_frames
from pysid.frontend.stft_mel import StftMel, StftMelConfig
from pysid.frontend.streaming import RecordingFeatures, analyse_blocks
from pysid.frontend.vad import VadConfig, energy_vad
from pysid.frontend.webrtc import WebrtcDetector, WebrtcVadConfig, webrtc_vad

__all__ = [
    "VOXCELEB",
    "AdaptiveVadConfig",
    "CmvnConfig",
    "Fbank",
    "FbankConfig",
    "Frontend",
    "FrontendConfig",
    "Mfcc",
    "MfccConfig",
    "RecordingFeatures",
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
    "sliding_cmvn",
    "webrtc_vad",
]
