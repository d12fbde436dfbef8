"""An ONNX graph as the embedding network of a model, run by onnxruntime: networks of other toolkits.

A graph is data: onnxruntime runs its operators and nothing else. Libraries of custom operators are never loaded, and
weights outside the file are never read.
"""

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from pysid.embedding.extract import ExtractConfig
from pysid.embedding.frame_input import WaveScale, check_input, network_input
from pysid.errors import DataError, needs_extra, one_line
from pysid.frontend.frontend import FrontendConfig

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


@dataclass(frozen=True)
class OnnxConfig:
    """What must be known of an ONNX network before its file is read.

    Attributes:
        feature_dim: width of an input frame.
        embedding_dim: width of its output.
        min_frames: the fewest frames that it accepts.
        fixed_frames: the number of frames it takes, where that was fixed when it was made.
        layout: axes of its input, batch, time and feature dimension: "BTD" or "BDT".
        input, output: their names in the graph; None where there is one only.
        skip_energy: leave out the first number of a frame, the log energy, which is only there for the VAD.
        subtract_mean: subtract the mean of the frames before they go in.
        unit_variance: divide the rest, with `subtract_mean`, by the standard deviation of each number.
        wave_scale: "int16", or "unit" where it was trained on log filter banks of waveforms scaled to [-1, 1].
    """

    feature_dim: int
    embedding_dim: int
    min_frames: int = 1
    fixed_frames: int | None = None
    layout: Literal["BTD", "BDT"] = "BTD"
    input: str | None = None
    output: str | None = None
    skip_energy: bool = False
    subtract_mean: bool = True
    wave_scale: WaveScale = "int16"
    unit_variance: bool = False
    kind: Literal["onnx"] = "onnx"

    def __post_init__(self) -> None:
        for name in ("feature_dim", "embedding_dim", "min_frames", "fixed_frames"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be positive, got {value}")
        if self.unit_variance and not self.subtract_mean:
            raise ValueError("unit_variance needs subtract_mean")

    @property
    def context(self) -> int:
        """The most frames that are too few for an embedding."""
        return (self.fixed_frames or self.min_frames) - 1

    def check(self, frontend: FrontendConfig, extract: ExtractConfig) -> None:
        """Raises DataError where the other parts of a model do not fit; `ModelConfig` has checked the widths."""
        if self.fixed_frames and extract != ExtractConfig(self.fixed_frames, self.fixed_frames):
            raise DataError(
                f"the network takes {self.fixed_frames} frames, so extract.chunk_size and extract.min_chunk_size must "
                f"be {self.fixed_frames}, with pad_input"
            )
        check_input(self, frontend)


class OnnxNetwork(nn.Module):
    """Embeddings by an ONNX graph, one utterance at a time, on the CPU.

    Args:
        content: the file.
        name: what to call it in a message.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim).

    Raises:
        DataError: onnxruntime is missing or cannot run the graph, or the graph is not as `config` says.
    """

    def __init__(self, content: bytes, name: str, config: OnnxConfig) -> None:
        super().__init__()
        self.content = content
        self.name = name
        self.config = config
        self.session = open_session(content, name)
        self.input = _pick(self.session.get_inputs(), config.input, f"{name}: network.input")
        self.output = _pick(self.session.get_outputs(), config.output, f"{name}: network.output")
        if self.input.type not in TYPES:
            raise DataError(f"{name}: expected an input of floating-point numbers, got {self.input.type}")
        _check_shape(self.input.shape, name, config)
        self.register_buffer("home", torch.zeros(0), persistent=False)  # says on which device features are wanted

    def forward(self, features: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) on the device of the features; each row goes through the graph without its
        padding.
        """
        # Graphs know nothing about padding, and few of them were made for more than one utterance.
        counts = [features.shape[1]] * len(features) if n_frames is None else n_frames.tolist()
        rows = [self._embed(x[:n]) for x, n in zip(features, counts, strict=True)]
        return torch.stack(rows).to(features.device) if rows else features.new_zeros(0, self.config.embedding_dim)

    def _embed(self, frames: Tensor) -> Tensor:
        """(T, feature_dim) -> (embedding_dim,)."""
        x = self._prepare(frames).cpu().numpy().astype(TYPES[self.input.type])[None]
        try:
            (embedding,) = self.session.run([self.output.name], {self.input.name: x})
        except Exception as error:  # onnxruntime's exceptions have no base of their own
            raise DataError(f"{self.name}: cannot embed {len(frames)} frames: {_reason(error)}") from None
        if np.size(embedding) != self.config.embedding_dim:
            raise DataError(
                f"{self.name}: expected embeddings of {self.config.embedding_dim} dimensions, got an output of the "
                f"shape {np.shape(embedding)}"
            )
        return torch.from_numpy(np.asarray(embedding, np.float32).reshape(-1))

    def _prepare(self, x: Tensor) -> Tensor:
        """(T, feature_dim) as the graph wants it, in its layout."""
        x = network_input(x, self.config)
        return x if self.config.layout == "BTD" else x.T


def open_session(content: bytes, name: str) -> Any:
    """An onnxruntime session of a graph.

    Args:
        name: what to call it in a message.
    Raises:
        DataError: onnxruntime is not installed, or cannot run it: not ONNX, unknown operators, weights in other files.
    """
    with needs_extra(f"{name}: an ONNX model", "onnx"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is raised too
    # Weights in other files would be looked for in the working directory; here there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no base of their own
        reason = _reason(error)
        if "external data" in reason.lower():
            reason = "its weights are in another file; in Python, onnx.save(onnx.load(OLD), NEW) puts them into one"
        raise DataError(f"{name}: expected an ONNX model, got: {reason}") from None


def fixed_frames(shape: list[Any], layout: Any) -> int | None:
    """The number of frames that an input of this shape takes, where only one number is possible.

    >>> fixed_frames(["B", 200, 80], "BTD"), fixed_frames(["B", "T", 80], "BTD")
    (200, None)
    """
    n_frames, width = shape[1:][:: -1 if layout == "BDT" else 1] if len(shape) == 3 else (None, None)
    # Where the width of a frame is free, the layout is more likely the other one.
    return n_frames if isinstance(n_frames, int) and isinstance(width, int) else None


def _pick(values: list[Any], name: str | None, where: str) -> Any:
    """The input or output of that name, or the only one."""
    names = [value.name for value in values]
    if name is None and len(values) == 1:
        return values[0]
    if name not in names:
        given = "is not set" if name is None else f"is {name!r}"
        raise DataError(f"{where} {given}; the graph has {', '.join(names)}")
    return values[names.index(name)]


def _check_shape(shape: list[Any], name: str, config: OnnxConfig) -> None:
    """Raises DataError unless an input of this shape, in which axes of any size are text or None, fits."""
    expected = {"B": 1, "T": config.fixed_frames, "D": config.feature_dim - config.skip_energy}
    wrong = [a for a, size in zip(config.layout, shape, strict=False) if isinstance(size, int) and size != expected[a]]
    if wrong == ["T"] and (n_frames := fixed_frames(shape, config.layout)):
        raise DataError(f"{name}: the graph takes {n_frames} frames: set network.fixed_frames to that")
    if wrong or len(shape) != 3:
        wanted = _shape_text([a if a == "B" else expected[a] or a for a in config.layout])
        raise DataError(
            f"{name}: expected an input of the shape {wanted}, layout {config.layout}, got {_shape_text(shape)}"
        )


def _shape_text(shape: list[Any]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


def _reason(error: Exception) -> str:
    """The message of an onnxruntime exception in one line, without its codes."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", one_line(error))
