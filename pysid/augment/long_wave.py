"""A corruption of an utterance too long to hold: it comes in blocks, and what becomes of it waits on disk.

The numbers are those of `pysid.augment.room_batch.corrupt`, but for the rounding of sums.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np

from pysid.augment.block_convolution import block_convolve, block_size
from pysid.augment.noise import BLOCK_SAMPLES, Noise, add_up
from pysid.augment.reverberation import RESPONSE_SCALE, early_part
from pysid.io.spooled_rows import SpooledRows

Blocks = Iterable[np.ndarray]


def corrupted_blocks(
    read: Callable[[], Blocks], n_samples: int, response: np.ndarray | None, noises: Sequence[Noise], rate: int
) -> Iterator[np.ndarray]:
    """An utterance in a room, with noises, at the power that it had: (S_i,) float32 at int16 scale.

    Args:
        read: gives all of the utterance in blocks (S_i,) at int16 scale; it is called two or three times.
        n_samples: of the utterance.
        response: (R,) room response at int16 scale.
        noises: none of which goes on after the utterance.
        rate: Hz, of all of them.
    Raises:
        OSError: the disk is full.
    """
    power = level = sum(map(_energy, read())) / max(n_samples, 1)
    start, changed = 0, iter(read())
    if response is not None:
        start, room = int(response.argmax()), response.astype(np.float32) / np.float32(RESPONSE_SCALE)
        changed = _reverberant(read(), room)
        if noises:
            early = early_part(room, rate)
            level = sum(map(_energy, _reverberant(read(), early))) / (n_samples + len(early) - 1)
    with closing(SpooledRows(1)) as result:  # also where the reader stops half-way
        energy = 0.0
        for block in _noisy(changed, noises, level):
            energy += _energy(block)
            result.append(block[:, None])
        factor = np.float32(math.sqrt(power * len(result) / energy) if energy > 0 else 0.0)
        stop = start + n_samples
        for first in range(start, stop, BLOCK_SAMPLES):
            yield result.read(first, min(first + BLOCK_SAMPLES, stop))[:, 0] * factor


def _energy(wave: np.ndarray) -> float:
    return float(np.sum(np.square(wave, dtype=np.float64)))


def _noisy(blocks: Blocks, noises: Sequence[Noise], power: float) -> Iterator[np.ndarray]:
    level, first = np.float32(math.sqrt(power)), 0
    for block in blocks:
        yield block + add_up(noises, len(block), first) * level if noises else block
        first += len(block)


def _reverberant(blocks: Blocks, response: np.ndarray) -> Iterator[np.ndarray]:
    """Overlap and add; the blocks are whole ones of Kaldi's convolution, whose errors lie where they belong."""
    _, hop = block_size(len(response))
    tail = np.zeros(len(response) - 1, np.float32)
    for block in _of_size(blocks, max(1, BLOCK_SAMPLES // hop) * hop):
        whole = block_convolve(block, response)
        whole[: len(tail)] += tail
        yield whole[: len(block)]
        tail = whole[len(block) :]
    yield tail


def _of_size(blocks: Blocks, size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of exactly `size`, the last one shorter."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if len(held):
        yield held
