"""A speaker model on disk and in memory: front-end, network and back-end, from audio to embeddings and scores.

A model directory holds `config.json`, `model.safetensors` (see `network_file`), where it has a back-end
`backend.safetensors`, and a README.md of its data, licence and figures. A network of another toolkit can be a model by
itself: see `onnx_file`.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from pysid.backend.chain import Backend, CosineBackend
from pysid.backend.projection import Projection
from pysid.config import to_plain
from pysid.embedding.extract import extract, pad_batch
from pysid.embedding.onnx_network import OnnxNetwork
from pysid.embedding.resnet import ResNet
from pysid.embedding.speaker_network import SpeakerNetwork
from pysid.errors import DataError
from pysid.frontend import Frontend, check_scale
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.audio.samples import Audio
from pysid.model.config import ModelConfig, read_config
from pysid.model.directory import BACKEND_FILE, DEFAULT_MODEL, find_model, load_backend, save_backend, save_network
from pysid.model.network_file import Network, read_network
from pysid.model.recording import embed_parts, name_of_recording, recording_parts
from pysid.model.toolkits import read_toolkit_model
from pysid.nnet3.network import Nnet3Network

BACKENDS = ("plda", "cosine")


class SpeakerModel:
    """Embeds utterances and scores pairs of them.

    Args:
        network: a trained network; it is put into eval mode.
        backend: what scores embeddings; None allows embeddings only.
        device: where features and embeddings are computed, such as "cpu" or "cuda".

    Attributes:
        path: the directory or ONNX file that it was read from, absolute; None of one that was made otherwise.
        source: what `load` opens again, absolute: `path`, or the place of another toolkit's model.
        diarization: plain settings of the diarization that it is a part of, with another toolkit's pipeline.
    """

    path: Path | None = None
    source: Path | None = None
    diarization: Mapping[str, Any] | None = None

    def __init__(
        self, config: ModelConfig, network: Network, backend: Backend | None = None, device: str = "cpu"
    ) -> None:
        self.config = config
        self.backend = backend
        self.network = network.eval().to(device)
        self.frontend = Frontend(config.frontend, scaled=True).to(device)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(chain(self.network.parameters(), self.network.buffers())).device

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str] = DEFAULT_MODEL, device: str = "cpu") -> Self:
        """Opens a model directory, an `.onnx` file, a model of another toolkit, or one that ships with pysid by name.

        Raises:
            DataError: there is no such model, or its files are damaged or do not fit each other.
        """
        check_device(device)
        directory = find_model(path_or_name)
        if (other := read_toolkit_model(directory)) is not None:
            model = cls(other.config, other.network, other.backend, device)
            model.diarization = other.diarization
            model.source = directory.absolute()
            return model
        config = read_config(directory)
        network = read_network(directory, config.network)
        path = directory / BACKEND_FILE
        backend = load_backend(path, config.network.embedding_dim) if path.exists() else None
        model = cls(config, network, backend, device)
        model.path = model.source = directory.absolute()
        return model

    def save(self, directory: str | os.PathLike[str], half: bool = False) -> None:
        """Writes the model directory, each file whole or not at all.

        Args:
            half: store the network's weights in half precision, and the back-end's matrices in single, for half the
                space.
        """
        save_network(directory, self.config, self.network, half)
        if self.backend is not None:
            save_backend(directory, self.backend, single=half)

    def scorer(self, backend: str | None = None) -> Backend:
        """The back-end "plda" or "cosine" of this model; None takes the one that it came with, or else what suits its
        kind.

        Cosine works with any model: it needs no more than the mean of the training embeddings.

        Raises:
            ValueError: another name.
            DataError: the model has no PLDA.
        """
        if backend not in (None, *BACKENDS):
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
        if backend is None and self.backend is None and isinstance(self.network, OnnxNetwork | SpeakerNetwork | ResNet):
            backend = "cosine"  # such networks are trained for it
        if backend == "cosine" and not isinstance(self.backend, CosineBackend):
            mean = None if self.backend is None else self.backend.projection.mean_
            return CosineBackend.of(Projection.from_parts(mean, length_norm=False))
        if self.backend is None or (backend == "plda" and isinstance(self.backend, CosineBackend)):
            raise DataError("this model has no PLDA back-end: make one with pysid fit-backend, or use cosine")
        return self.backend

    @torch.inference_mode()
    def features(self, waves: list[np.ndarray], *, scaled: bool = False) -> list[np.ndarray]:
        """Network input (T_i, D) of waveforms (S_i,), float32 at int16 scale, at `config.sample_rate`.

        Args:
            scaled: they are known to be at that scale, as what pysid reads; without that, low peaks warn.
        """
        batch, lengths = pad_batch(waves)
        if not scaled:
            check_scale(batch)
        features, n_frames = self.frontend(batch.to(self.device), lengths.to(self.device))
        return [x[:n].cpu().numpy() for x, n in zip(features, n_frames.tolist(), strict=True)]

    def embed_features(
        self,
        utterances: Iterable[tuple[str, np.ndarray]],
        on_skip: Callable[[str, str], None] | None = None,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Embeddings (E,) of named network inputs (T, D), in their order; `on_skip` as in `extract`."""
        fitting = self._readable(utterances, on_skip)
        return extract(self.network, fitting, self.config.extract, on_skip=on_skip)

    def embed_waves(
        self,
        utterances: Iterable[tuple[str, np.ndarray]],
        on_skip: Callable[[str, str], None] | None = None,
        *,
        scaled: bool = False,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Embeddings (E,) of named waveforms (S,), in their order.

        Args:
            on_skip: as in `extract`.
            scaled: as of `features`.
        """
        features = ((key, self.features([wave], scaled=scaled)[0]) for key, wave in utterances)
        return self.embed_features(features, on_skip)

    def embed(self, audio: Audio, *, channel: int | None = None, max_hours: float = MAX_HOURS) -> np.ndarray:
        """The embedding (E,) of a recording, which is read in blocks.

        Args:
            audio: an audio file, its bytes or a file object, (samples, rate): see `Audio`.
            channel: counted from 0; None takes the mean of those that hold sound.
            max_hours: a longer recording is refused.
        Raises:
            DataError: the file cannot be read, an array is of the wrong form, or there is no speech in it.
        """
        parts = recording_parts(self.frontend, audio, channel, max_hours)
        return embed_parts(self.embed_features, name_of_recording(audio), parts)

    def fingerprint(self) -> str:
        """A hash that two models share only if they give the same embeddings."""
        digest = hashlib.sha256(json.dumps(to_plain(self.config)).encode())
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        if isinstance(self.network, Nnet3Network | OnnxNetwork):
            digest.update(self.network.content)  # no tensor says how it is wired up
        return digest.hexdigest()

    def _readable(
        self, utterances: Iterable[tuple[str, np.ndarray]], on_skip: Callable[[str, str], None] | None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """The utterances whose frames the network can read; what has no frames is left to `extract`."""
        width = self.config.network.feature_dim
        for key, features in utterances:
            if len(features) == 0 or features.shape[1:] == (width,):
                yield key, features
                continue
            reason = f"expected frames of {width} features, got the shape {features.shape}"
            if on_skip is None:
                raise DataError(f"{key}: {reason}")
            on_skip(key, reason)


def check_device(name: str) -> None:
    """Raises DataError unless `name` is a device that this machine has: cpu, cuda or cuda:N."""
    device = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if device is None:
        raise DataError(f"expected the device cpu, cuda or cuda:N, got {name!r}")
    available = torch.cuda.device_count()
    if name != "cpu" and int(device[1] or 0) >= available:
        raise DataError(f"expected an available device, got {name!r} where there are {available} CUDA devices")
