"""Embeddings of overlapping windows of one recording: the frame layers see each frame once."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.fused.forms import fused_form
from pysid.embedding.fused.xvector import FusedXVector
from pysid.embedding.xvector import XVector

ReadFrames = Callable[[int, int], Tensor]


@torch.inference_mode()
def embed_windows(
    network: nn.Module,
    read: ReadFrames,
    bounds: Sequence[tuple[int, int]],
    config: ExtractConfig | None = None,
    *,
    run_frames: int | None = None,
) -> Iterator[np.ndarray]:
    """The embedding of each window, equal to that of its frames alone.

    A frame layer without padding gives the same wherever its window starts, so overlapping windows share its output,
    and only pooling and what follows is done for each. Windows that overlap by half take half the time this way. That
    is for an `XVector`; another network takes each window by itself.

    Args:
        network: in eval mode; used on the device of its parameters.
        read: read(first, end) gives the network input (end - first, D) of these frames.
        bounds: first and past-the-end frame of each window, none empty; cheapest where they ascend.
        config: how windows too short for the network are padded, and over-long ones cut.
        run_frames: frames that are read, and go through the frame layers, in one go; None for 4,000 on a CPU and
            20,000 elsewhere. Those where two runs overlap are computed twice.
    Yields:
        (E,) float32 for each window, in their order.
    """
    config = config or ExtractConfig()
    device = next(chain(network.parameters(), network.buffers())).device
    run_frames = run_frames or (4_000 if device.type == "cpu" else 20_000)
    longest = config.chunk_size if config.chunk_size > 0 else max((b - a for a, b in bounds), default=0)
    shareable = network if isinstance(network, XVector) and not _is_padded(network) else None
    for run in _runs(bounds, run_frames):
        sizes = [end - start for start, end in run]
        if shareable is not None and config.min_chunk_size <= min(sizes) and max(sizes) <= longest:
            yield from _embed_run(shareable, read, run, device, config.dtype)
        else:
            named = (("window", read(start, end).cpu().numpy()) for start, end in run)
            yield from (embedding for _, embedding in extract(network, named, config))


def _is_padded(network: XVector) -> bool:
    return any(layer.padding for layer in network.config.frame_layers)


def _runs(bounds: Sequence[tuple[int, int]], run_frames: int) -> Iterator[list[tuple[int, int]]]:
    """Neighbouring windows of one length that overlap or touch, cut where a run has `run_frames`."""
    run: list[tuple[int, int]] = []
    for start, end in bounds:
        if run:
            first, last = run[0][0], run[-1]
            same = end - start == last[1] - last[0] and last[0] <= start <= last[1]
            if not same or end - first > run_frames:
                yield run
                run = []
        run.append((start, end))
    if run:
        yield run


def _embed_run(
    network: XVector, read: ReadFrames, run: list[tuple[int, int]], device: torch.device, dtype: torch.dtype
) -> np.ndarray:
    """(n, E) embeddings of windows of one length within one stretch of frames."""
    first, end = run[0][0], run[-1][1]
    features = read(first, end).to(device)
    own = [(a - first, b - first) for a, b in run]
    fused = fused_form(network, dtype)
    if isinstance(fused, FusedXVector):
        return fused.embed_windows(features, own).numpy()
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        frames, _ = network.frame_level(features[None])
        windows: Tensor = torch.stack([frames[0, a : b - network.config.context] for a, b in own])
        return network.segment_level(windows).float().cpu().numpy()
