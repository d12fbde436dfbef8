"""Speed of x-vector extraction from features: `python -m benchmarks.xvector [--only WORD ...] [--json PATH]`.

Kaldi's VoxCeleb network on utterances of 3 to 10 s, compared with the machine's rate of matrix products, the same
layers as Conv1d, and Kaldi's own program where that is on PATH. `--device cuda` measures a GPU instead, from its own
memory and from the host's, in single and in half precision, with and without CUDA graphs.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.kaldi_programs import BY, timed
from benchmarks.measure.speed import Job, Speed, parser, run
from benchmarks.networks import FRAMES_PER_S, count_operations, network
from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.windows import embed_windows
from pysid.embedding.xvector import XVectorConfig
from pysid.io.ark.writer import ArkWriter

SHORT_S = (3.2, 4.1, 5.5, 6.3, 7.7, 8.6, 9.9)
LONG_S = (60.0,)
WINDOW, SHIFT = 150, 75  # frames


def utterances(durations_s: Sequence[float], dim: int) -> list[tuple[str, np.ndarray]]:
    """Network input (T, dim) of so many seconds each, under names."""
    rng = np.random.default_rng(0)
    return [
        (str(i), rng.standard_normal((round(s * FRAMES_PER_S), dim), np.float32)) for i, s in enumerate(durations_s)
    ]


def embeddings(
    durations_s: Sequence[float], precision: Literal["float32", "bfloat16"], options: dict[str, Any]
) -> Callable[[], Any]:
    model = network(**options)
    features = utterances(durations_s, model.config.feature_dim)
    config = ExtractConfig(precision=precision)
    return lambda: list(extract(model, features, config))


def plain(durations_s: Sequence[float]) -> Callable[[], Any]:
    """The network as it is trained, not in its fused form, one utterance at a time."""
    model = network()
    inputs = [torch.from_numpy(x)[None] for _, x in utterances(durations_s, model.config.feature_dim)]
    return lambda: [model(x) for x in inputs]


def windows(durations_s: Sequence[float]) -> Callable[[], Any]:
    model = network()
    ((_, features),) = utterances(durations_s, model.config.feature_dim)
    frames = torch.from_numpy(features)
    bounds = [(start, start + WINDOW) for start in range(0, len(frames) - WINDOW + 1, SHIFT)]
    return lambda: list(embed_windows(model, lambda first, end: frames[first:end], bounds))


def conv1d(durations_s: Sequence[float]) -> Callable[[], Any]:
    config = XVectorConfig()
    model = conv1d_network(config).eval()
    inputs = [torch.from_numpy(x.T.copy())[None] for _, x in utterances(durations_s, config.feature_dim)]
    return lambda: [model(x) for x in inputs]


class MeanAndDeviation(nn.Module):
    """(B, D, T) -> (B, 2 D)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(-1), x.std(-1)], dim=-1)


def conv1d_network(config: XVectorConfig) -> nn.Sequential:
    """The network as most ports write it: (1, feature_dim, T) -> (1, embedding)."""
    layers: list[nn.Module] = []
    dim = config.feature_dim
    for layer in config.frame_layers:
        dilation = layer.offsets[1] - layer.offsets[0] if len(layer.offsets) > 1 else 1
        layers += [nn.Conv1d(dim, layer.dim, len(layer.offsets), dilation=dilation), nn.ReLU()]
        layers.append(nn.BatchNorm1d(layer.dim, affine=False))
        dim = layer.dim
    return nn.Sequential(*layers, MeanAndDeviation(), nn.Linear(2 * dim, config.segment_dims[0]))


def jobs() -> list[Job]:
    def job(what: str, by: str, durations_s: Sequence[float], make: Callable[..., Any], *arguments: Any) -> Job:
        options = arguments[-1] if arguments and isinstance(arguments[-1], dict) else {}
        config = XVectorConfig(**options)
        work = sum(count_operations(config, round(s * FRAMES_PER_S)) for s in durations_s)
        return Job(what, by, sum(durations_s), make, (durations_s, *arguments), work)

    return [
        job("x-vectors", "pysid", SHORT_S, embeddings, "float32", {}),
        job("x-vectors", "pysid, not fused", SHORT_S, plain),
        job("x-vectors", "the same layers as Conv1d", SHORT_S, conv1d),
        job("x-vectors, bfloat16", "pysid", SHORT_S, embeddings, "bfloat16", {}),
        job("x-vectors as Kaldi rounds", "pysid", SHORT_S, embeddings, "float32", {"kaldi_rounding": True}),
        job("attention pooling", "pysid", SHORT_S, embeddings, "float32", {"pooling": "attention"}),
        job(f"x-vectors, {LONG_S[0]:g} s", "pysid", LONG_S, embeddings, "float32", {}),
        job("windows of 1.5 s by halves", "pysid", LONG_S, windows),
    ]


def kaldi() -> list[Speed]:
    """nnet3-xvector-compute, including its start and the reading and writing of files."""
    if not shutil.which("nnet3-xvector-compute"):
        return []
    from pysid.nnet3.from_xvector import export_xvector

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_xvector(network(), folder / "final.raw")
        with ArkWriter(folder / "feats") as writer:
            for key, x in utterances(SHORT_S, XVectorConfig().feature_dim):
                writer.write(key, x)
        chunks = ["--use-gpu=no", "--min-chunk-size=25", "--chunk-size=10000", "--cache-capacity=64"]
        command = ["nnet3-xvector-compute", *chunks, f"{folder}/final.raw", f"ark:{folder}/feats.ark"]
        taken = timed([*command, f"ark:{folder}/out.ark"], "x-vectors", round(sum(SHORT_S)), "s")
    return [Speed("x-vectors", BY, sum(SHORT_S) / taken.one_core_s, None, None, "", taken.peak_gib)]


def main() -> None:
    options = parser("benchmarks.xvector", __doc__, rounds=12)
    options.add_argument("--device", default="cpu", help="cpu, or a GPU to measure instead, such as cuda")
    arguments = options.parse_args()
    if arguments.device == "cpu":
        run(arguments, jobs(), kaldi())
    else:
        from benchmarks.xvector_device import run_on_device

        run_on_device(torch.device(arguments.device), arguments.json)


if __name__ == "__main__":
    main()
