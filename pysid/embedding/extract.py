"""Embeddings of whole utterances: cut into chunks by Kaldi's rules, computed in batches, averaged.

Source: kaldi/src/nnet3bin/nnet3-xvector-compute.cc.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from pysid.embedding.fused.forms import FusedForm, fused_form
from pysid.errors import DataError


@dataclass(frozen=True)
class ExtractConfig:
    """Kaldi's chunk options. The defaults are those of its VoxCeleb recipe (sid/nnet3/xvector/extract_xvectors.sh).

    Attributes:
        chunk_size: the most frames in a chunk; -1 takes every utterance whole.
        min_chunk_size: a shorter chunk is padded to this length, or left out where `pad_input` is off.
        pad_input: pad by repeating the first and the last frame.
        precision: "bfloat16" is for matrix products in half precision, which are several times as fast where the
            processor has units for them; embeddings then have 3 digits.
    """

    chunk_size: int = 10000
    min_chunk_size: int = 25
    pad_input: bool = True
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        if self.chunk_size < 1 and self.chunk_size != -1:
            raise ValueError(f"chunk_size must be positive, or -1 for whole utterances, got {self.chunk_size}")
        if self.min_chunk_size < 1:
            raise ValueError(f"min_chunk_size must be positive, got {self.min_chunk_size}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision must be float32 or bfloat16, got {self.precision!r}")

    @property
    def dtype(self) -> torch.dtype:
        """The type of weights and frames in matrix products."""
        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32


def chunk_bounds(n_frames: int, config: ExtractConfig) -> list[tuple[int, int]]:
    """First and past-the-end frames of an utterance's chunks; an empty list where Kaldi has no answer.

    >>> chunk_bounds(250, ExtractConfig(chunk_size=100, min_chunk_size=60, pad_input=False))
    [(0, 100), (100, 200)]
    >>> chunk_bounds(250, ExtractConfig(chunk_size=100, min_chunk_size=60))
    [(0, 100), (100, 200), (200, 250)]
    """
    if n_frames == 0:
        return []
    size = n_frames if config.chunk_size == -1 else min(config.chunk_size, n_frames)
    bounds = [(start, min(start + size, n_frames)) for start in range(0, n_frames, size)]
    if config.pad_input:
        return bounds
    return [(start, end) for start, end in bounds if end - start >= config.min_chunk_size]


def pad_short(chunk: np.ndarray, min_frames: int) -> np.ndarray:
    """Repeats the edge frames of (T, D) until there are `min_frames`: half on the left, rounded down, then right.

    >>> pad_short(np.array([[1], [2]]), 5)[:, 0]
    array([1, 1, 2, 2, 2])
    """
    missing = max(min_frames - len(chunk), 0)
    return np.pad(chunk, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge")


def pad_batch(arrays: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Stacks arrays of different lengths, (T_i, ...), into (B, max T, ...) with zeros at the ends, and lengths (B,)."""
    lengths = torch.tensor([len(x) for x in arrays])
    batch = torch.zeros(len(arrays), int(lengths.max()), *arrays[0].shape[1:])
    for row, x in zip(batch, arrays, strict=True):
        row[: len(x)] = torch.from_numpy(np.ascontiguousarray(x))
    return batch, lengths


def extract(
    model: nn.Module,
    utterances: Iterable[tuple[str, np.ndarray]],
    config: ExtractConfig | None = None,
    *,
    batch_frames: int | None = None,
    window: int = 256,
    on_skip: Callable[[str, str], None] | None = None,
) -> Iterator[tuple[str, np.ndarray]]:
    """Embeddings of utterances, in their order.

    Args:
        model: maps features (B, T, D) and n_frames (B,) to embeddings (B, E); it is used as it is, so switch it to
            `eval()` first. Chunks go to the device of its parameters or buffers. A network with a `fused_form` is run
            in that form, utterance by utterance.
        utterances: pairs of a name and features (T, D).
        batch_frames: at most this many frames, padding included, go through the network at once, unless a single
            chunk is longer; None for 1,000 on a CPU, which stay in its cache, and 200,000 elsewhere.
            A network in its fused form makes blocks of its own.
        window: utterances considered together, to put chunks of similar length into one batch.
        on_skip: called with the name and a reason for an utterance that has no embedding (no frames; shorter than
            `min_chunk_size` without padding). Without it such an utterance raises.
    Yields:
        name, (E,) float32: the mean of the chunks' embeddings, weighted by their lengths before padding.
    Raises:
        DataError: see `on_skip`.
    """
    config = config or ExtractConfig()
    pending: list[tuple[str, np.ndarray]] = []
    for key, features in utterances:
        reason = _unusable(features, config)
        if reason and on_skip is None:
            raise DataError(f"{key}: {reason}")
        if reason and on_skip is not None:
            on_skip(key, reason)
            continue
        pending.append((key, features))
        if len(pending) == window:
            yield from _extract_window(model, pending, config, batch_frames)
            pending = []
    yield from _extract_window(model, pending, config, batch_frames)


def _unusable(features: np.ndarray, config: ExtractConfig) -> str | None:
    if len(features) == 0:
        return "no frames (no speech found?)"
    if not chunk_bounds(len(features), config):
        return f"{len(features)} frames, fewer than the minimum of {config.min_chunk_size} (min_chunk_size)"
    if not np.isfinite(features).all():
        return "features hold a NaN or an infinity"
    return None


@torch.inference_mode()
def _extract_window(
    model: nn.Module,
    utterances: list[tuple[str, np.ndarray]],
    config: ExtractConfig,
    batch_frames: int | None,
) -> Iterator[tuple[str, np.ndarray]]:
    owner: list[int] = []
    chunks: list[np.ndarray] = []
    weights: list[int] = []
    for i, (_, features) in enumerate(utterances):
        for start, end in chunk_bounds(len(features), config):
            owner.append(i)
            weights.append(end - start)
            chunks.append(pad_short(features[start:end], config.min_chunk_size if config.pad_input else 0))
    fused = fused_form(model, config.dtype)
    batches = _one_by_one(fused, chunks) if fused else _in_batches(model, chunks, batch_frames, config.dtype)
    totals: list[np.ndarray | float] = [0.0] * len(utterances)
    for batch, embeddings in batches:
        for i, embedding in zip(batch, embeddings.float().cpu().numpy(), strict=True):
            totals[owner[i]] = totals[owner[i]] + weights[i] * embedding
    sums = np.bincount(owner, weights=weights) if owner else np.zeros(0)
    for (key, _), total, weight in zip(utterances, totals, sums, strict=True):
        yield key, (np.asarray(total) / weight).astype(np.float32)


def _one_by_one(network: FusedForm, chunks: list[np.ndarray]) -> Iterator[tuple[Iterable[int], Tensor]]:
    """Indices of chunks, and their embeddings."""
    yield range(len(chunks)), network.embed([torch.from_numpy(np.ascontiguousarray(x)) for x in chunks])


def _in_batches(
    model: nn.Module, chunks: list[np.ndarray], batch_frames: int | None, dtype: torch.dtype
) -> Iterator[tuple[Iterable[int], Tensor]]:
    """Indices of chunks, and their embeddings, a padded batch at a time."""
    device = next(chain(model.parameters(), model.buffers())).device
    batch_frames = batch_frames or (1_000 if device.type == "cpu" else 200_000)
    for batch in _batches_by_length([len(x) for x in chunks], batch_frames):
        padded, n_frames = pad_batch([chunks[i] for i in batch])
        same = bool((n_frames == n_frames[0]).all())
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            yield batch, model(padded.to(device), None if same else n_frames.to(device))


def _batches_by_length(lengths: list[int], batch_frames: int) -> Iterator[list[int]]:
    """Indices grouped so that longest x count stays within `batch_frames`, similar lengths together."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > batch_frames:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
