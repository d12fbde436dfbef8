"""A silent end for a recording, made of its quietest part. Source: Kaldi online2bin/extend-wav-with-silence.cc."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def extend_with_silence(
    wave: Floats, rate: float, *, length_s: float, search_s: float, extract_s: float, shift_s: float
) -> Floats:
    """(S + length_s * rate,) a wave (S,) that goes on with windows of its quietest part, overlapping by half.

    Args:
        rate: Hz.
        length_s: how much is added.
        search_s: how much of either end is searched for the quietest part.
        extract_s: length of that part.
        shift_s: from one candidate to the next.
    Raises:
        ValueError: nothing to add, or a wave or a search shorter than the part.
    """
    n_added = int(np.float32(rate) * np.float32(length_s))
    quietest = _quietest(wave, *(int(np.float32(t) * np.float32(rate)) for t in (search_s, extract_s, shift_s)))
    size = len(quietest)
    if n_added < 1 or size < 2:
        raise ValueError(f"expected silence of some samples to extend with, got {n_added} made of {size}")
    window = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(size) / (size - 1))).astype(np.float32)
    half = size // 2
    extended = np.concatenate([wave, np.zeros(n_added, np.float32)])
    tail = extended[len(wave) - half :]  # a view
    tail[:half] *= window[half : 2 * half]
    for start in range(0, max(len(tail) - size, 0) + half, half):
        part = tail[start : start + size]
        part += (window * quietest)[: len(part)]
        if start + size >= len(tail):
            break
    return extended


def _quietest(wave: Floats, n_search: int, size: int, shift: int) -> Floats:
    """(size,) the part of least energy, other than 0, within n_search samples of either end."""
    if not size < n_search <= len(wave) or shift < 1:
        raise ValueError(f"expected a wave of {n_search} samples and silence of less, got {len(wave)} and {size}")
    best, least = wave[:size], float(wave[:size] @ wave[:size])
    starts = [*range(0, n_search - size, shift), *range(len(wave) - n_search, len(wave) - size, shift)]
    for start in starts:
        part = wave[start : start + size]
        energy = float(part @ part)
        if 0 < energy < least:
            best, least = part, energy
    return best
