"""Speed of x-vector extraction beside a plain Conv1d network: `python -m benchmarks.xvector [--json PATH]`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.speed import PRODUCT, Timing, best_of, matrix_product, product_rate, run
from pysid.embedding.extract import extract
from pysid.embedding.xvector import XVector, XVectorConfig

FRAMES_PER_S = 100
N_UTTERANCES = 32
BATCH_FRAMES = (700, 3000, 12000)
PEER = "the same layers as Conv1d, one by one"


def measure(repeats: int) -> tuple[float, list[Timing]]:
    config = XVectorConfig()
    features = utterances(config.feature_dim)
    seconds = best_of({PRODUCT: matrix_product(), **tasks(config, features)}, repeats)
    rate = product_rate(seconds.pop(PRODUCT))
    audio_s = sum(map(len, features)) / FRAMES_PER_S
    operations = sum(count_operations(config, len(x)) for x in features)
    ratio_to, unit = "of the matrix-product rate", "ms per s of audio"
    timings = [Timing(what, operations / s / rate, ratio_to, 1000 * s / audio_s, unit) for what, s in seconds.items()]
    return rate, timings


def tasks(config: XVectorConfig, features: Sequence[np.ndarray]) -> dict[str, Callable[[], object]]:
    """What is timed, by name; each goes through all the utterances."""
    ours, peer = XVector(config).eval(), conv1d_network(config).eval()
    named = [(str(i), x) for i, x in enumerate(features)]
    transposed = [torch.from_numpy(x.T.copy())[None] for x in features]  # (1, D, T)
    in_batches = {
        f"extract(), batches of up to {n:,} frames": partial(extract_all, ours, named, batch_frames=n)
        for n in BATCH_FRAMES
    }
    return {
        "extract()": partial(extract_all, ours, named),
        **in_batches,
        PEER: lambda: [peer(x) for x in transposed],
    }


def extract_all(model: nn.Module, features: list[tuple[str, np.ndarray]], **options: Any) -> int:
    """Extracts all, and returns how many; `extract` works only as fast as it is asked."""
    return len(list(extract(model, features, **options)))


def utterances(dim: int) -> list[np.ndarray]:
    """Network input (T, dim) of 3 to 10 seconds each."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3 * FRAMES_PER_S, 10 * FRAMES_PER_S, size=N_UTTERANCES)
    return [rng.normal(size=(n, dim)).astype(np.float32) for n in lengths]


def count_operations(config: XVectorConfig, n_frames: int) -> int:
    """Multiplications and additions of the matrix products up to the embedding, for one utterance."""
    total, dim = 0, config.feature_dim
    for layer in config.frame_layers:
        n_frames -= layer.offsets[-1] - layer.offsets[0]
        total += 2 * n_frames * dim * len(layer.offsets) * layer.dim
        dim = layer.dim
    return total + 2 * 2 * dim * config.segment_dims[0]


class MeanAndDeviation(nn.Module):
    """(B, D, T) -> (B, 2 D)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(-1), x.std(-1)], dim=-1)


def conv1d_network(config: XVectorConfig) -> nn.Sequential:
    """The network as most ports write it: (1, feature_dim, T) -> (1, embedding)."""
    layers: list[nn.Module] = []
    dim = config.feature_dim
    for layer in config.frame_layers:
        dilation = step(layer.offsets)
        layers += [nn.Conv1d(dim, layer.dim, len(layer.offsets), dilation=dilation), nn.ReLU()]
        layers.append(nn.BatchNorm1d(layer.dim, affine=False))
        dim = layer.dim
    return nn.Sequential(*layers, MeanAndDeviation(), nn.Linear(2 * dim, config.segment_dims[0]))


def step(offsets: Sequence[int]) -> int:
    """Frames from one offset to the next."""
    return offsets[1] - offsets[0] if len(offsets) > 1 else 1


if __name__ == "__main__":
    run("benchmarks.xvector", measure, repeats=5)
