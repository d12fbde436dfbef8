"""The waveform of a recording in as few numbers as a picture of it needs."""

import math

import numpy as np

from pysid.io.audio.files import audio_info, iter_blocks
from pysid.io.audio.reader import AudioFile

BLOCK_S = 10.0
MAX_PEAKS = 8000
SHORTEST_S = 0.01  # that a peak may stand for
CLIPPED = 0.002  # the share of peaks that may go beyond the picture, so that a knock on the table does not flatten it


def waveform_peaks(path: AudioFile, max_peaks: int = MAX_PEAKS, channel: int | None = None) -> np.ndarray:
    """The lowest and the highest sample of each of up to `max_peaks` equal pieces of a recording.

    The file is read in blocks, so memory does not grow with its length.

    Args:
        channel: counted from 0; None takes the mean of all that hold sound.
    Returns:
        (P, 2) int8, scaled so that the loudest pieces reach 127; all 0 for silence.
    Raises:
        DataError: the file cannot be read.
    """
    info = audio_info(path, math.inf)
    n_peaks = min(max_peaks, max(1, int(info.duration_s / SHORTEST_S)), info.n_samples)
    edges = np.arange(n_peaks + 1) * info.n_samples // n_peaks
    low, high = np.full(n_peaks, np.inf, np.float32), np.full(n_peaks, -np.inf, np.float32)
    at = 0
    for block in iter_blocks(path, BLOCK_S, channel=channel, max_hours=math.inf):
        first = np.searchsorted(edges, at, side="right") - 1
        last = np.searchsorted(edges, at + len(block), side="left")
        starts = np.maximum(edges[first:last] - at, 0)
        low[first:last] = np.minimum(low[first:last], np.minimum.reduceat(block, starts))
        high[first:last] = np.maximum(high[first:last], np.maximum.reduceat(block, starts))
        at += len(block)
    return _to_int8(np.stack([low, high], axis=1))


def _to_int8(peaks: np.ndarray) -> np.ndarray:
    full = float(np.quantile(np.abs(peaks).max(axis=1), 1 - CLIPPED)) or float(np.abs(peaks).max())
    if full == 0:
        return np.zeros(peaks.shape, np.int8)
    return np.clip(np.rint(127 / full * peaks), -127, 127).astype(np.int8)
