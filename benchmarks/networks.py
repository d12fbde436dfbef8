"""Kaldi's VoxCeleb network as the benchmarks time it, and the operations that it takes."""

from typing import Any

import torch

from pysid.embedding.xvector import XVector, XVectorConfig

FRAMES_PER_S = 100


def network(**options: Any) -> XVector:
    torch.manual_seed(0)
    return XVector(XVectorConfig(**options)).eval()


def count_operations(config: XVectorConfig, n_frames: int) -> int:
    """Multiplications and additions of the matrix products up to the embedding, for one utterance."""
    total, dim = 0, config.feature_dim
    for layer in config.frame_layers:
        n_frames -= layer.offsets[-1] - layer.offsets[0]
        total += 2 * n_frames * dim * len(layer.offsets) * layer.dim
        dim = layer.dim
    if config.pooling == "attention":
        total += 2 * n_frames * dim * config.attention_dim
    heads = config.n_heads if config.pooling == "attention" else 1
    return total + 2 * 2 * dim * heads * config.segment_dims[0]
