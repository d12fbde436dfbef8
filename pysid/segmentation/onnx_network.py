"""ONNX exports of pyannote's segmentation networks, as sherpa-onnx and others publish them: waveform in, powerset out.

Source of the names in a file's metadata: sherpa-onnx's scripts/pyannote/segmentation/export-onnx.py. What they leave
out is found by running the graph on silence.
"""

import os
from collections.abc import Mapping
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pysid.embedding.onnx_network import TYPES, open_session
from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.io.files import read_bytes
from pysid.segmentation.powerset import MOST_SPEAKERS, Powerset
from pysid.segmentation.protocol import FrameGrid

FULL_SCALE = 32768.0
SAMPLE_RATE, WINDOW_S = 16000, 10.0  # where a file says nothing


class OnnxSegmentation:
    """A `SegmentationNetwork` in a graph that takes samples (B, 1, S) or (B, S), and gives (B, F, K).

    Args:
        content: the file.
        name: what to call it in a message.

    Raises:
        DataError: onnxruntime is missing or cannot run the graph, or it is not such a network.
    """

    features: FbankConfig | None = None

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        self._session = open_session(content, name)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) not in (2, 3):
            found = ", ".join(f"{x.name} {x.shape}" for x in inputs)
            raise DataError(f"{name}: expected one input of samples, (batch, 1, samples), got {found}")
        self._input, self._output = inputs[0], outputs[0].name
        said = _Metadata(self._session.get_modelmeta().custom_metadata_map, name)
        self.sample_rate = said.number("sample_rate") or SAMPLE_RATE
        fixed = self._input.shape[-1] if isinstance(self._input.shape[-1], int) else None
        self._fixed = fixed
        window = fixed or said.number("window_size") or round(WINDOW_S * self.sample_rate)
        n_frames, n_classes = self._run(np.zeros((1, window), np.float32)).shape[1:]
        self.powerset = _powerset(n_classes, said)
        # Where the file does not say, frames are spread evenly.
        shift = said.number("receptive_field_shift") or window / n_frames
        field = said.number("receptive_field_size") or window - (n_frames - 1) * shift
        first = max(field - shift, 0.0) / 2
        self.grid = FrameGrid(shift / self.sample_rate, first / self.sample_rate, window / self.sample_rate)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "OnnxSegmentation":
        """Opens a file. Raises DataError."""
        return cls(read_bytes(Path(path)), str(path))

    def __call__(self, windows: Tensor) -> Tensor:
        samples = windows.cpu().numpy()
        size = samples.shape[1]
        if self._fixed is not None and size < self._fixed:
            samples = np.pad(samples, ((0, 0), (0, self._fixed - size)))
        found = torch.from_numpy(self._run(samples / FULL_SCALE)).float()
        if self._fixed is not None and size < self._fixed:
            found = found[:, : max(1, round(found.shape[1] * size / self._fixed))]
        return found.log_softmax(-1)  # some exports end before it; of log-probabilities it changes nothing

    def _run(self, samples: np.ndarray) -> np.ndarray:
        """(B, S) within [-1, 1] -> (B, F, K)."""
        x = samples.astype(TYPES[self._input.type])
        x = x[:, None] if len(self._input.shape) == 3 else x
        single = isinstance(self._input.shape[0], int)
        try:
            rows = [
                self._session.run([self._output], {self._input.name: part})[0]
                for part in (_one_by_one(x) if single else [x])
            ]
        except Exception as error:  # onnxruntime's exceptions have no base of their own
            reason = " ".join(str(error).split())
            raise DataError(f"{self.name}: cannot run on samples of the shape {x.shape}: {reason}") from None
        found = np.concatenate(rows)
        if found.ndim != 3 or len(found) != len(samples):
            raise DataError(f"{self.name}: expected an output (batch, frames, classes), got the shape {found.shape}")
        return np.asarray(found)


def _one_by_one(x: np.ndarray) -> list[np.ndarray]:
    return [x[i : i + 1] for i in range(len(x))]


class _Metadata:
    """Whole numbers in a file's metadata."""

    def __init__(self, values: Mapping[str, str], name: str) -> None:
        self._values = values
        self._name = name

    def number(self, key: str) -> int | None:
        """The positive number under a key; None where there is none."""
        text = self._values.get(key)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 9 or int(text) < 1:
            raise DataError(f"{self._name}: expected a positive whole number as {key} in its metadata, got {text!r}")
        return int(text)


def _powerset(n_classes: int, said: Any) -> Powerset:
    """The powerset with this many classes: that of the metadata, or the most likely one."""
    speakers, together = said.number("num_speakers"), said.number("powerset_max_classes")
    for n in (n for n in range(1, MOST_SPEAKERS + 1) if speakers in (None, n)):
        for m in [together] if together else range(2 if n > 1 else 1, n + 1):
            if m <= n and sum(comb(n, i) for i in range(m + 1)) == n_classes:
                return Powerset(n, m)
    raise DataError(
        f"{said._name}: expected classes for the sets of some speakers, got {n_classes} of "
        f"{speakers or 'unknown'} speakers, {together or 'unknown'} at once"
    )
