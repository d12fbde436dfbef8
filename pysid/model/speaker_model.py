"""A speaker model on disk and in memory: front-end, network and back-end, from audio to embeddings and scores.

A model directory holds `config.json`, `model.safetensors` (see `network_file`), where it has a back-end
`backend.safetensors`, and a README.md of its data, licence and figures. A network of another toolkit can be a model by
itself: see `onnx_file`.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from pysid.backend.chain import Backend, CosineBackend, backend_from_arrays
from pysid.backend.projection import Projection
from pysid.config import from_plain, to_plain
from pysid.embedding.extract import ExtractConfig, extract, pad_batch
from pysid.embedding.onnx_network import OnnxConfig, OnnxNetwork
from pysid.embedding.xvector import XVectorConfig
from pysid.errors import DataError
from pysid.frontend import Frontend, FrontendConfig
from pysid.io.audio.files import read_audio
from pysid.io.audio.samples import as_stream, as_waveform
from pysid.io.files import atomic_path, atomic_text
from pysid.model.network_file import ONNX_FILE, Network, NetworkConfig, read_network, read_safetensors, write_network
from pysid.model.onnx_file import ENDING, read_onnx_settings
from pysid.nnet3.network import Nnet3Network

FORMAT = 1
MODELS = Path(__file__).parent / "shipped"  # what ships with the package
DEFAULT_MODEL = "default"
BACKEND_FILE = "backend.safetensors"
WINDOW_BACKEND_FILE = "diarization.safetensors"  # of windows of speech, shorter than utterances

Audio = str | os.PathLike[str] | tuple[np.ndarray, int] | np.ndarray
"""An audio file; or (samples, rate) as soundfile reads them, floats in [-1, 1] or integers, one channel or more; or a
waveform (S,) at int16 scale and the model's sample rate."""


@dataclass(frozen=True)
class ModelConfig:
    """What `config.json` of a model directory says.

    Attributes:
        frontend: from waveform to network input.
        network: the embedding network.
        extract: how long utterances are cut.
    Raises:
        DataError: the parts do not fit each other.
    """

    frontend: FrontendConfig
    network: NetworkConfig = field(default_factory=XVectorConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        if self.frontend.dim != self.network.feature_dim:
            raise DataError(
                f"network.feature_dim is {self.network.feature_dim}, but the frontend gives {self.frontend.dim}"
            )
        if isinstance(self.network, OnnxConfig):
            self.network.check(self.frontend, self.extract)
        if self.extract.min_chunk_size <= self.network.context:
            raise DataError(
                f"extract.min_chunk_size is {self.extract.min_chunk_size}, but the network needs chunks of more than "
                f"{self.network.context} frames"
            )

    @property
    def sample_rate(self) -> int:
        """Hz that the front-end wants."""
        return int(self.frontend.features.sample_rate)


class SpeakerModel:
    """Embeds utterances and scores pairs of them.

    Args:
        network: a trained network; it is put into eval mode.
        backend: what scores embeddings; None allows embeddings only.
        device: where features and embeddings are computed, such as "cpu" or "cuda".
    """

    def __init__(
        self, config: ModelConfig, network: Network, backend: Backend | None = None, device: str = "cpu"
    ) -> None:
        self.config = config
        self.backend = backend
        self.network = network.eval().to(device)
        self.frontend = Frontend(config.frontend).to(device)

    @property
    def device(self) -> torch.device:
        return next(chain(self.network.parameters(), self.network.buffers())).device

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str] = DEFAULT_MODEL, device: str = "cpu") -> "SpeakerModel":
        """Opens a model directory, an `.onnx` file, or a model that ships with pysid by its name.

        Raises:
            DataError: there is no such model, or its files are damaged or do not fit each other.
        """
        check_device(device)
        directory = find_model(path_or_name)
        config = read_config(directory)
        network = read_network(directory, config.network)
        path = directory / BACKEND_FILE
        backend = read_backend(path, config.network.embedding_dim) if path.exists() else None
        return cls(config, network, backend, device)

    def save(self, directory: str | os.PathLike[str], half: bool = False) -> None:
        """Writes the model directory, each file whole or not at all.

        Args:
            half: store the network's weights in half precision, for half the space.
        """
        save_network(directory, self.config, self.network, half)
        if self.backend is not None:
            save_backend(directory, self.backend)

    def scorer(self, kind: str | None = None) -> Backend:
        """The back-end "plda" or "cosine" of this model; None takes the one that it was made with, or fits its kind.

        Cosine works with any model: it needs no more than the mean of the training embeddings.

        Raises:
            DataError: the model has no PLDA.
        """
        if kind is None and self.backend is None and isinstance(self.network, OnnxNetwork):
            kind = "cosine"  # such networks are trained for it
        if kind == "cosine" and not isinstance(self.backend, CosineBackend):
            cosine = CosineBackend()
            mean = None if self.backend is None else self.backend.projection.mean_
            cosine.projection = Projection.from_parts(mean, length_norm=False)
            return cosine
        if self.backend is None or (kind == "plda" and isinstance(self.backend, CosineBackend)):
            raise DataError("this model has no PLDA back-end: make one with pysid fit-backend, or use cosine")
        return self.backend

    @torch.inference_mode()
    def features(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        """Network input (T_i, D) of waveforms (S_i,), float32 at int16 scale, at `config.sample_rate`."""
        batch, lengths = pad_batch(waves)
        features, n_frames = self.frontend(batch.to(self.device), lengths.to(self.device))
        return [x[:n].cpu().numpy() for x, n in zip(features, n_frames.tolist(), strict=True)]

    def embed_features(
        self,
        utterances: Iterable[tuple[str, np.ndarray]],
        on_skip: Callable[[str, str], None] | None = None,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Embeddings (E,) of named network inputs (T, D), in their order; `on_skip` as in `extract`."""
        fitting = self._of_width(utterances, on_skip)
        return extract(self.network, fitting, self.config.extract, on_skip=on_skip)

    def embed_waves(
        self,
        utterances: Iterable[tuple[str, np.ndarray]],
        on_skip: Callable[[str, str], None] | None = None,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Embeddings (E,) of named waveforms (S,), in their order; `on_skip` as in `extract`."""
        features = ((key, self.features([wave])[0]) for key, wave in utterances)
        return self.embed_features(features, on_skip)

    def embed(self, audio: Audio) -> np.ndarray:
        """The embedding (E,) of an audio file, of (samples, rate), or of a waveform; of several channels the first.

        Raises:
            DataError: the file cannot be read, an array is of the wrong form, or there is no speech in it.
        """
        if isinstance(audio, np.ndarray):
            name, wave = "waveform", as_waveform(audio)
        else:
            source = as_stream(*audio) if isinstance(audio, tuple) else audio
            name = "samples" if isinstance(audio, tuple) else os.fspath(audio)
            wave, _ = read_audio(source, sample_rate=self.config.sample_rate)
        ((_, embedding),) = self.embed_waves([(name, wave)])
        return embedding

    def fingerprint(self) -> str:
        """A hash that two models share only if they give the same embeddings."""
        digest = hashlib.sha256(json.dumps(to_plain(self.config)).encode())
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        if isinstance(self.network, Nnet3Network | OnnxNetwork):
            digest.update(self.network.content)  # how it is wired up is in no tensor
        return digest.hexdigest()

    def _of_width(
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


def find_model(path_or_name: str | os.PathLike[str]) -> Path:
    """The directory or the `.onnx` file of a model given by path, or the one that ships with pysid under this name.

    Raises:
        DataError: there is neither.
    """
    given = Path(path_or_name)
    if given.suffix == ENDING and given.is_file():
        in_directory = given.name == ONNX_FILE and (given.parent / "config.json").is_file()
        return given.parent if in_directory else given
    if (given / "config.json").is_file():
        return given
    shipped = {path.parent.name: path.parent for path in sorted(MODELS.glob("*/config.json"))}
    if os.fspath(path_or_name) in shipped:
        return shipped[os.fspath(path_or_name)]
    names = f", or a shipped model ({', '.join(shipped)})" if shipped else ""
    what = "an ONNX file" if given.suffix == ENDING else "a model directory with config.json"
    raise DataError(f"{path_or_name}: expected {what}{names}")


def find_model_directory(path_or_name: str | os.PathLike[str]) -> Path:
    """Like `find_model`, for what is to get more files.

    Raises:
        DataError: there is no such model, or it is a single file.
    """
    directory = find_model(path_or_name)
    if not directory.is_dir():
        raise DataError(f"{directory}: expected a model directory; pysid export --directory makes one of an ONNX file")
    return directory


def check_device(name: str) -> None:
    """Raises DataError unless `name` is a device that this machine has: cpu, cuda or cuda:N."""
    device = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if device is None:
        raise DataError(f"expected the device cpu, cuda or cuda:N, got {name!r}")
    available = torch.cuda.device_count()
    if name != "cpu" and int(device[1] or 0) >= available:
        raise DataError(f"expected an available device, got {name!r} where there are {available} CUDA devices")


def read_config(directory: Path) -> ModelConfig:
    """Reads `config.json` of a model directory, or the settings of an `.onnx` file."""
    if directory.is_file():
        return from_plain(ModelConfig, *read_onnx_settings(directory))
    path = directory / "config.json"
    return from_plain(ModelConfig, read_formatted(path), str(path))


def read_formatted(path: Path) -> dict[str, Any]:
    """The plain values of a JSON file of a model, without the number of its format.

    Raises:
        DataError: the file cannot be read, is not JSON, or has another format.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got: {_one_line(error)}") from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        found = plain.get("format") if isinstance(plain, dict) else type(plain).__name__
        raise DataError(f"{path}: expected a model of format {FORMAT}, got {found!r}")
    return {key: value for key, value in plain.items() if key != "format"}


def write_formatted(path: Path, config: Any) -> None:
    """Writes a configuration as `read_formatted` reads it."""
    with atomic_text(path) as file:
        json.dump({"format": FORMAT, **to_plain(config)}, file, indent=2)
        file.write("\n")


def save_network(directory: str | os.PathLike[str], config: ModelConfig, network: Network, half: bool = False) -> None:
    """Writes `config.json` and the network's file of a model directory."""
    directory = Path(directory)
    write_network(directory, network, half)
    write_formatted(directory / "config.json", config)


def save_backend(directory: str | os.PathLike[str], backend: Backend, name: str = BACKEND_FILE) -> None:
    """Writes a back-end into a model directory."""
    with atomic_path(Path(directory) / name) as path:
        path.write_bytes(safetensors.numpy.save(backend.to_arrays()))


def read_backend(path: Path, embedding_dim: int) -> Backend:
    """Reads a back-end for embeddings of so many dimensions.

    Raises:
        DataError: the file is missing, damaged, or for other embeddings.
    """
    try:
        backend = backend_from_arrays(read_safetensors(path))
        mean = backend.projection.mean_
        if mean is not None and len(mean) != embedding_dim:
            raise DataError(f"is for embeddings of {len(mean)} dimensions, those of the model have {embedding_dim}")
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    return backend


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
