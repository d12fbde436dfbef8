"""x-vector networks of x-vector-kaldi-tf: TensorFlow's checkpoints in packages that are Kaldi's otherwise.

Read are its classes `Model`, `ModelWithoutDropout`, `ModelWithoutDropoutTdnn` and
`ModelL2LossWithoutDropoutReluHeInit`, which differ in training and in their dilations.

Source: x-vector-kaldi-tf, local/tf/{models,tf_block}.py.
"""

import re
from pathlib import Path

import numpy as np
import torch

from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.errors import DataError
from pysid.io.tensorflow import GRAPH, read_nodes, read_tensors
from pysid.io.text import shorten
from pysid.model.toolkits.read import build

DILATIONS = {(5, 5, 7, 1, 1): (1, 1, 1, 1, 1), (5, 3, 3, 1, 1): (1, 2, 3, 1, 1)}  # of widths of layers
N_EMBEDDINGS = 2
VARIANCE_OFFSET = 1e-5
NORM_EPS = 1e-3
LARGEST = 100_000  # channels
OF_TRAINING = r"output/.*|beta[12]_power|.*/Adam(_1)?"
PLACES = {
    "w": "affine.weight",
    "b": "affine.bias",
    "gamma": "norm.weight",
    "beta": "norm.bias",
    "mean": "norm.running_mean",
    "variance": "norm.running_var",
}


def read_network(index: Path) -> XVector:
    """The network of a checkpoint, whose embedding is the first affine layer after pooling.

    Args:
        index: `model.index`, with the numbers and the graph beside it.
    Raises:
        DataError: a file is missing or damaged, or it is a network of another kind.
    """
    tensors = {k: x for k, x in read_tensors(index).items() if not re.fullmatch(OF_TRAINING, k)}
    config = _config(tensors, index)
    layers = {f"frame_level_info_layer-{i}": f"frame_layers.{i}" for i in range(len(config.frame_layers))}
    layers |= {f"embed_layer-{i}": f"segment_layers.{i}" for i in range(N_EMBEDDINGS)}
    _check_activations(index.with_suffix(GRAPH), layers)
    weights = {}
    for name, x in tensors.items():
        layer, _, part = name.rpartition("/")
        if layer not in layers or part not in PLACES:
            raise DataError(f"{index}: expected a network of x-vector-kaldi-tf without {shorten(name)}")
        # A convolution is (time, in, out), an affine layer (in, out): ours are (out, time * in).
        values = np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T) if part == "w" and x.ndim > 1 else x.copy()
        weights[f"{layers[layer]}.{PLACES[part]}"] = torch.from_numpy(values)
    network = build(config, weights, index, "XVector")
    assert isinstance(network, XVector)
    return network.eval()


def _config(tensors: dict[str, np.ndarray], index: Path) -> XVectorConfig:
    """What the shapes of the weights say."""
    frames = [_shape(tensors, f"frame_level_info_layer-{i}/w", 3, index) for i in range(5)]
    segments = [_shape(tensors, f"embed_layer-{i}/w", 2, index) for i in range(N_EMBEDDINGS)]
    kernels = tuple(shape[0] for shape in frames)
    if kernels not in DILATIONS:
        known = " or ".join(map(str, DILATIONS))
        raise DataError(
            f"{index}: expected layers that see {known} frames, as x-vector-kaldi-tf has them, got {kernels}"
        )
    layers = []
    for (kernel, _, dim), dilation in zip(frames, DILATIONS[kernels], strict=True):
        reach = dilation * (kernel // 2)
        layers.append(FrameLayerConfig(dim, tuple(range(-reach, reach + 1, dilation)), padding=reach))
    return XVectorConfig(
        feature_dim=frames[0][1],
        frame_layers=tuple(layers),
        segment_dims=tuple(shape[1] for shape in segments),
        norm_affine=True,
        norm_eps=NORM_EPS,
        variance_offset=VARIANCE_OFFSET,
    )


def _shape(tensors: dict[str, np.ndarray], name: str, n_axes: int, index: Path) -> tuple[int, ...]:
    found = tensors.get(name)
    if found is None or found.ndim != n_axes or not 0 < max(found.shape) <= LARGEST or not found.size:
        got = "none" if found is None else f"the shape {found.shape}"
        raise DataError(f"{index}: expected a network of x-vector-kaldi-tf with {name!r} of {n_axes} axes, got {got}")
    return found.shape


def _check_activations(graph: Path, layers: dict[str, str]) -> None:
    """Raises DataError unless each layer has a ReLU, which no weight tells."""
    nodes = read_nodes(graph)
    for layer in layers:
        if (found := nodes.get(f"{layer}/relu")) != "Relu":
            raise DataError(f"{graph}: expected a ReLU in {layer}, as in ModelWithoutDropout, got {found or 'none'}")
