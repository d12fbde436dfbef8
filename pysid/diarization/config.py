"""All settings of a diarization in one tree: what `diarization.json` of a model, or a user's YAML file, holds."""

from dataclasses import dataclass, field
from typing import Literal

from pysid.diarization.affinity import CosineAffinityConfig, PldaAffinityConfig
from pysid.diarization.ahc import AhcConfig
from pysid.diarization.centroid import CentroidConfig
from pysid.diarization.linkage import LinkageConfig
from pysid.diarization.local.config import LocalOverlapConfig, LocalWindowConfig
from pysid.diarization.overlap import OverlapConfig
from pysid.diarization.resegment import ResegmentConfig
from pysid.diarization.second_speakers import NetworkOverlapConfig
from pysid.diarization.spectral import SpectralConfig
from pysid.diarization.speech import SpeechConfig
from pysid.diarization.vbx import VbxConfig
from pysid.diarization.windows import WindowConfig
from pysid.frontend.adaptive import AdaptiveVadConfig
from pysid.frontend.silero import SileroVadConfig
from pysid.frontend.vad_config import VadConfig
from pysid.frontend.webrtc import WebrtcVadConfig


@dataclass(frozen=True, kw_only=True)
class NetworkVadConfig:
    """The network that came with the model finds speech: see `pysid.activity`."""

    kind: Literal["network"] = "network"


@dataclass(frozen=True, kw_only=True)
class TurnConfig:
    """The finishing touches to turns.

    Attributes:
        snap_s: a border between speakers moves to a pause that is at most this far away; the pause is nobody's then.
        bridge_s: a speaker's pause of at most this long, in which nobody else speaks, does not end the turn.
        min_turn_s: a shorter turn goes to the one that it touches, or is left out.
        min_speaker_s: so do all turns of a speaker who talks less than this in the whole recording.
        join_s: in subtitles and on the page a speaker's pause of at most this long, in which nobody else speaks, does
            not end the turn; RTTM and all other formats keep the turns apart, which gives the lower error rate.
    """

    snap_s: float = 0.25
    bridge_s: float = 0.0
    min_turn_s: float = 0.2
    min_speaker_s: float = 0.0
    join_s: float = 0.8

    def __post_init__(self) -> None:
        for name in ("snap_s", "bridge_s", "min_turn_s", "min_speaker_s", "join_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class DiarizationConfig:
    """Settings of `Diarizer`.

    Attributes:
        vad: which frames are voiced.
        speech: how frames become stretches of speech.
        joined: cut windows from all voiced frames joined together, as the published port does, and not from each
            stretch of speech by itself, as Kaldi does.
        windows: what gets an embedding each: pieces of one length of speech that was found before ("uniform"), or the
            local speakers that a segmentation network hears ("local"), which finds speech and overlap as well.
        affinity: how windows are compared; VBx needs none but for its start.
        clustering: which windows belong to one speaker.
        resegmentation: moves the borders of turns; None leaves them between windows.
        overlap: finds where two speak at once; None gives every instant to one speaker.
        turns: the finishing touches.
    """

    vad: AdaptiveVadConfig | WebrtcVadConfig | SileroVadConfig | VadConfig | NetworkVadConfig = field(
        default_factory=AdaptiveVadConfig
    )
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    joined: bool = False
    windows: WindowConfig | LocalWindowConfig = field(default_factory=WindowConfig)
    affinity: CosineAffinityConfig | PldaAffinityConfig = field(default_factory=PldaAffinityConfig)
    clustering: AhcConfig | CentroidConfig | LinkageConfig | SpectralConfig | VbxConfig = field(
        default_factory=AhcConfig
    )
    resegmentation: ResegmentConfig | None = None
    overlap: OverlapConfig | NetworkOverlapConfig | LocalOverlapConfig | None = None
    turns: TurnConfig = field(default_factory=TurnConfig)
