"""Second speakers by local segmentation, where the turns of a recording were found without it.

Clustering gives each piece of speech to one speaker. A segmentation network hears in each of its windows which of its
local speakers talk together; which of them is which is found from the turns under what each says alone.

Source of the idea: L. Bullock, H. Bredin, P. Garcia-Perera, "Overlap-aware diarization: resegmentation using neural
end-to-end overlapped speech detection", ICASSP 2020.
"""

from collections.abc import Sequence

import numpy as np

from pysid.diarization.local.assign import assign_one_to_one
from pysid.diarization.local.stitch import stitch, turns_of
from pysid.diarization.turns import bridge_gaps
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segments import Segment, Turn

TOGETHER_WEIGHT = 1e-3  # of frames with others, beside those alone: they decide for who never speaks alone


def with_local_speakers(turns: Sequence[Turn], heard: LocalSpeech, overlap: Sequence[Segment]) -> list[Turn]:
    """Turns, of which none overlap, and those of second speakers, in order of time.

    Where two local speakers talk at once and the turn's speaker is one of them, the other one is added.

    Args:
        overlap: where that may be, in order and disjoint.
    """
    names = sorted({turn.speaker for turn in turns})
    if len(names) < 2 or not len(heard.starts):
        return list(turns)
    first = np.stack([heard.on_grid([t.segment for t in turns if t.speaker == name]) for name in names], 1)
    stitched = stitch(heard, name_local_speakers(heard, first), len(names))
    known = (stitched & first).any(1) & (stitched.sum(1) > 1) & heard.on_grid(overlap)
    second = stitched & known[:, None] & ~first
    return bridge_gaps([*turns, *turns_of(second, heard, names)], 0.0)


def name_local_speakers(heard: LocalSpeech, speaking: np.ndarray) -> np.ndarray:
    """(W, S) int: the speaker that each local one is, all of a window different; -1 where none is like it.

    Args:
        speaking: (T, C) bool, who speaks in each frame of the recording.
    """
    size = heard.active.shape[1]
    table = np.full((len(heard.starts), heard.active.shape[2]), -1, np.int64)
    for w, (start, active, clean) in enumerate(zip(heard.starts, heard.active, heard.clean, strict=True)):
        slots = np.flatnonzero(active.any(0))
        if not len(slots):
            continue
        said = (clean + TOGETHER_WEIGHT * active)[:, slots].T @ speaking[start : start + size].astype(np.float64)
        own = assign_one_to_one(said, np.zeros(len(slots), np.int64))
        own[(own >= 0) & (said[np.arange(len(slots)), own] == 0)] = -1
        table[w, slots] = own
    return table
