"""Settings of diarization from local segmentation."""

import math
from dataclasses import dataclass
from typing import Literal

from pysid.diarization.speech import OverlapRules
from pysid.diarization.windows import check_windows


@dataclass(frozen=True, kw_only=True)
class LocalWindowConfig:
    """Settings of what is done to a recording before its local speakers are compared, and after.

    Attributes:
        segmentation: the network, as `pysid.segmentation.find` names them; None is that of the model.
        shift_s: from the start of a window to that of the next, from 0.01 to the length of a window, which is the
            network's.
        chunk_s: how much of the recording goes through the embedding network's frame layers at once.
        min_speech_s: a local speaker with less speech in a window has no embedding, and no turn by this window.
        min_clean_s: with less speech than this in which nobody else speaks, a local speaker's overlapped frames count
            too.
        min_clustered_s: local speakers with less clean speech are not clustered, but given to the clusters of others
            afterwards.
        max_clustered: local speakers that are clustered, those with most clean speech; the others are given to them.
    """

    kind: Literal["local"] = "local"
    segmentation: str | None = None
    shift_s: float = 2.5
    chunk_s: float = 20.0
    min_speech_s: float = 0.1
    min_clean_s: float = 0.5
    min_clustered_s: float = 1.0
    max_clustered: int = 4000

    def __post_init__(self) -> None:
        check_windows(shift_s=self.shift_s, chunk_s=self.chunk_s)
        for name in ("min_speech_s", "min_clean_s", "min_clustered_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.max_clustered < 1:
            raise ValueError(f"max_clustered must be at least 1, got {self.max_clustered}")


@dataclass(frozen=True, kw_only=True)
class LocalOverlapConfig(OverlapRules):
    """Several speak at once where a segmentation network hears it: that of local windows, or that of the model.

    The rules are for uniform windows; local windows take the most likely speakers of each frame.
    """

    kind: Literal["local"] = "local"
