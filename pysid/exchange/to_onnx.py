"""Writing a speaker network as an ONNX graph, for runtimes without PyTorch: features in, embedding out."""

import copy
import logging
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pysid.embedding.networks import TrainableNetwork
from pysid.embedding.onnx_network import OnnxConfig, OnnxNetwork
from pysid.embedding.pooling import StatisticsPooling
from pysid.embedding.xvector import XVector
from pysid.errors import DataError, needs_extra
from pysid.io.files import atomic_path
from pysid.model.config import ModelConfig
from pysid.model.onnx_file import ENDING, write_onnx_settings
from pysid.model.speaker_model import SpeakerModel

OPSET = 17
TRACED_FRAMES = 200
TOLERANCE = (
    0.01  # of the largest number; far above rounding, far below the error of a graph that is cut off or wired wrongly
)
INT8_TOLERANCE = 0.3  # the same with weights and frames of 8 bits, in whatever a network may be


def export_onnx(model: SpeakerModel, out: str | os.PathLike[str], int8: bool = False) -> ModelConfig:
    """Writes the network of a model as `OUT.onnx`, and `OUT.json` beside it, so that pysid reads it back.

    The graph's input is `features` (B, T, D), what the front-end gives, and its output `embedding` (B, E), with B and
    T free. Neither the front-end nor the back-end is in it. Statistics are not rounded as Kaldi does
    (`XVectorConfig.kaldi_rounding`): a unit that is the same in all frames has a standard deviation of 1e-5 here.

    Args:
        int8: matrix products in 8 bits, of an x-vector network: weights are rounded now, a column at a time, and frames
            when the graph runs, so that no data is needed to make it.
    Returns:
        the configuration in OUT.json.
    Raises:
        DataError: the network is not one of pysid's own, or not an x-vector network with `int8`; `out` has another
            ending, or onnx or onnxruntime is missing.
    """
    out = Path(out)
    network = model.network
    if out.suffix != ENDING:
        raise DataError(f"{out}: expected an output that ends in {ENDING}")
    if not isinstance(network, TrainableNetwork):
        raise DataError(f"only pysid's own networks can be exported, this one is of the kind {network.config.kind!r}")
    if int8 and not isinstance(network, XVector):
        raise DataError("only x-vector networks can be exported in 8 bits: convolutions would be slower than they are")
    c = network.config
    graph = OnnxConfig(c.feature_dim, c.embedding_dim, min_frames=c.context + 1, subtract_mean=False)
    with atomic_path(out) as path:
        _trace(network, path)
        if int8:
            _quantize(path)
        exported = OnnxNetwork(path.read_bytes(), str(out), graph)
        least = TRACED_FRAMES // 2 if int8 else 1  # a single frame has no meaningful statistics to compare
        _compare(network, exported, least, INT8_TOLERANCE if int8 else TOLERANCE)
        config = replace(model.config, network=graph)
        write_onnx_settings(out, config)
    return config


class _Traceable(nn.Module):
    """A network without its shortcuts around PyTorch's own operators."""

    def __init__(self, network: TrainableNetwork) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu()
        pooling = getattr(self.network, "pooling", None)
        if isinstance(pooling, StatisticsPooling):
            pooling.kaldi_rounding = False
        self.eval()

    def forward(self, features: Tensor) -> Tensor:
        frames, _ = self.network.frame_level(features)
        return self.network.segment_level(frames, torch.full((frames.shape[0],), frames.shape[1]))


def _trace(network: TrainableNetwork, path: Path) -> None:
    """Writes the graph, by TorchScript's exporter: the newer one needs more packages, and tells where sources lie."""
    with needs_extra("an ONNX model", "onnx"):
        import onnx  # noqa: F401
    example = torch.zeros(2, TRACED_FRAMES + network.config.context, network.config.feature_dim)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of branches on shapes, which are the same for all inputs
        torch.onnx.export(
            _Traceable(network),
            (example,),
            str(path),
            input_names=["features"],
            output_names=["embedding"],
            dynamic_axes={"features": {0: "B", 1: "T"}, "embedding": {0: "B"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _quantize(path: Path) -> None:
    """Rounds the weights of a graph's matrix products to 8 bits, in place."""
    with needs_extra("an ONNX model in 8 bits", "onnx"):
        from onnxruntime.quantization import QuantType, quantize_dynamic
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises to prepare the graph first, which changes nothing in these
    try:
        quantize_dynamic(path, path, per_channel=True, weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)


@torch.inference_mode()
def _compare(network: TrainableNetwork, exported: OnnxNetwork, least: int, tolerance: float) -> None:
    """Runs the graph at other lengths than it was traced with: an operation that was taken for a constant shows."""
    c = network.config
    device = next(network.parameters()).device
    for n_frames in (c.context + least, 2 * TRACED_FRAMES):
        features = torch.randn(1, n_frames, c.feature_dim, generator=torch.Generator().manual_seed(0))
        expected = network(features.to(device)).cpu().numpy()
        difference = np.abs(exported(features).numpy() - expected).max()
        if not difference <= tolerance * np.abs(expected).max():
            raise DataError(
                f"{exported.name}: the graph that PyTorch {torch.__version__} wrote gives other embeddings than the "
                f"network, by {difference:.2g} at {n_frames} frames"
            )
