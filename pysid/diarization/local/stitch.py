"""One activity for the whole recording, of those of overlapping windows.

Source: pyannote.audio's pipelines/speaker_diarization.py: what windows say of a speaker is added up, and as many
speakers talk at an instant as the windows count there on average.
"""

import numpy as np

from pysid.segmentation.local_speech import LocalSpeech
from pysid.segments import Segment, Turn

BLOCK = 65536  # frames worked on together


def stitch(speech: LocalSpeech, labels: np.ndarray, n_speakers: int, most: int | None = None) -> np.ndarray:
    """(T, C) bool: who speaks in each frame of the recording.

    Args:
        labels: (W, S) int: the speaker that each local one is; -1 where there is none.
        n_speakers: C.
        most: speakers at once; None for as many as are heard.
    """
    n_frames, size = speech.n_frames, speech.active.shape[1] if len(speech.starts) else 0
    heard = np.zeros((n_frames, n_speakers), np.uint16)  # windows in which each speaks
    together = np.zeros(n_frames, np.uint16)  # speakers, summed over windows
    covering = np.zeros(n_frames, np.uint16)  # windows
    for start, active, own in zip(speech.starts, speech.active, labels, strict=True):
        span = slice(int(start), int(start) + size)
        for slot in np.flatnonzero(own >= 0):
            heard[span, own[slot]] += active[:, slot]
        together[span] += active.sum(1, dtype=np.uint16)
        covering[span] += 1
    count = np.floor(together / np.maximum(covering, 1) + 0.5).astype(np.int64)
    if most is not None:
        count = np.minimum(count, most)
    result = np.zeros((n_frames, n_speakers), bool)
    for first in range(0, n_frames, BLOCK):
        part = heard[first : first + BLOCK]
        order = np.argsort(-part.astype(np.int32), axis=1, kind="stable")
        rank = np.argsort(order, axis=1, kind="stable")
        result[first : first + BLOCK] = (rank < count[first : first + BLOCK, None]) & (part > 0)
    return result


def filled(active: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Activity (T, C) moved to where there is speech, (T,) bool: where nobody was heard, whoever is heard next to it.

    >>> filled(np.array([[1, 0], [0, 0], [0, 0], [0, 1]], bool), np.array([0, 1, 1, 1], bool)).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [0, 1]]
    """
    heard = np.flatnonzero(active.any(1))
    if not len(heard):
        return active & speech[:, None]
    frames = np.arange(len(active))
    after = np.searchsorted(heard, frames).clip(max=len(heard) - 1)
    before = (np.searchsorted(heard, frames, "right") - 1).clip(min=0)
    near = np.where(np.abs(frames - heard[before]) <= np.abs(heard[after] - frames), heard[before], heard[after])
    return np.asarray(active[near] & speech[:, None])


def segments_of(active: np.ndarray, speech: LocalSpeech) -> list[Segment]:
    """The stretches of time of the frames (T,) that are on; what lies before the first or after the last is theirs."""
    grid, segments = speech.grid, []
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False)).tolist()
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        start_s = 0.0 if first == 0 else grid.first_s + first * grid.step_s
        end_s = speech.duration_s if end == len(active) else grid.first_s + end * grid.step_s
        if start_s < min(end_s, speech.duration_s):
            segments.append(Segment(start_s, min(end_s, speech.duration_s)))
    return segments


def turns_of(active: np.ndarray, speech: LocalSpeech, names: list[str]) -> list[Turn]:
    """The turns of speakers active in frames (T, C), in order of time.

    Args:
        active: (T, C) bool.
        speech: has the clock of the frames.
        names: of the C speakers.
    """
    return sorted(
        Turn(segment, name) for name, own in zip(names, active.T, strict=True) for segment in segments_of(own, speech)
    )
