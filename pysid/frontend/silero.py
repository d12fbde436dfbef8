"""Silero's voice activity detector, a recurrent network, as an alternative to those of pysid.

Source: https://github.com/snakers4/silero-vad (MIT), through the Python package silero-vad, which brings its weights
along. pysid does not install it.
"""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pysid.errors import MissingExtra

_free: list[tuple[tuple[int, int], Any]] = []  # (process and package, network) that no detector uses

BLOCK = {16000: 512, 8000: 256}  # {Hz: samples that one probability is about}


@dataclass(frozen=True, kw_only=True)
class SileroVadConfig:
    """Silero's detector, of the package silero-vad; settings and defaults are those of its `get_speech_timestamps`.

    Attributes:
        threshold: speech begins where its probability, in [0, 1], reaches this.
        neg_threshold: and ends where it falls below this; None is 0.15 less than `threshold`.
        min_speech_duration_ms: shorter speech is dropped.
        min_silence_duration_ms: shorter pauses do not end speech.
        speech_pad_ms: added at either side of speech.
    """

    kind: Literal["silero"] = "silero"
    threshold: float = 0.5
    neg_threshold: float | None = None
    min_speech_duration_ms: int = 250
    min_silence_duration_ms: int = 100
    speech_pad_ms: int = 30

    def __post_init__(self) -> None:
        for name in ("threshold", "neg_threshold"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {value}")
        for name in ("min_speech_duration_ms", "min_silence_duration_ms", "speech_pad_ms"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


class SileroDetector:
    """The detector at work on one recording, which may come in pieces of any length; it holds no samples.

    The network, which has a state, goes on to the next detector after `finish`: loading it takes longer than a short
    recording.

    Args:
        sample_rate: Hz.
    Raises:
        ValueError: a sampling rate that is not one of `BLOCK`.
        MissingExtra: silero-vad is not installed.
    """

    def __init__(self, sample_rate: int, config: SileroVadConfig | None = None) -> None:
        if sample_rate not in BLOCK:
            raise ValueError(f"Silero's detector takes {' or '.join(map(str, sorted(BLOCK)))} Hz, got {sample_rate}")
        self.sample_rate = sample_rate
        self.config = config or SileroVadConfig()
        self._network: Any = _take()
        self._network.reset_states()
        self._size = BLOCK[sample_rate]
        self._rest = np.zeros(0, np.float32)  # less than a block
        self._probabilities: list[float] = []  # one a block
        self._n_samples = 0

    @torch.no_grad()
    def feed(self, wave: np.ndarray) -> None:
        """The next piece (S,) of the recording, at int16 scale."""
        if wave.ndim != 1:
            raise ValueError(f"wave must be (samples,), got {wave.shape}")
        self._n_samples += len(wave)
        samples = np.concatenate([self._rest, wave.astype(np.float32) / np.float32(32768)])
        whole = len(samples) - len(samples) % self._size
        with _quiet():
            for block in torch.from_numpy(samples[:whole]).reshape(-1, self._size):
                self._probabilities.append(float(self._network(block, self.sample_rate)))
        self._rest = samples[whole:]

    def finish(self, n_frames: int, *, shift_ms: float = 10.0, first_centre_ms: float = 5.0) -> Tensor:
        """Which frames are voiced, once all of the recording was fed.

        Args:
            n_frames: frames of the features that the result goes with.
            shift_ms: time from one frame to the next.
            first_centre_ms: centre of frame 0; see `WebrtcDetector.finish`.
        Returns:
            (n_frames,) bool, on the CPU.
        """
        n_samples, rest = self._n_samples, len(self._rest)
        if rest:
            self.feed(np.zeros(self._size - rest, np.float32))
        if self._network is not None:
            _give_back(self._network)
            self._network = None
        centres = (first_centre_ms + shift_ms * torch.arange(n_frames, dtype=torch.float64)) / 1000 * self.sample_rate
        edges = torch.tensor(self._speech(n_samples), dtype=centres.dtype).reshape(-1)
        return torch.searchsorted(edges, centres, right=True) % 2 == 1

    def _speech(self, n_samples: int) -> list[tuple[int, int]]:
        """Starts and ends of speech in samples, by the package's own rules on the probabilities found before."""
        if not self._probabilities:
            return []
        settings = {name: value for name, value in asdict(self.config).items() if name != "kind"}
        with _quiet():
            found = _package().get_speech_timestamps(
                torch.zeros(1).expand(n_samples),  # only its length is looked at; it takes no memory
                _Played(self._probabilities),
                sampling_rate=self.sample_rate,
                **settings,
            )
        return [(part["start"], part["end"]) for part in found]


def silero_vad(
    wave: Tensor,
    sample_rate: int,
    n_frames: int,
    config: SileroVadConfig | None = None,
    *,
    shift_ms: float = 10.0,
    first_centre_ms: float = 5.0,
) -> Tensor:
    """Which frames of one utterance, wave (S,) at int16 scale, are voiced, by `SileroDetector`: (n_frames,) bool.

    Arguments, errors and the rest are those of the detector.

    Args:
        wave: (S,) at int16 scale.
        sample_rate: Hz.
        n_frames: how many decisions are wanted.
        config: of the detector.
        shift_ms: from one frame to the next.
        first_centre_ms: middle of the first frame.
    """
    detector = SileroDetector(sample_rate, config)
    detector.feed(wave.detach().cpu().numpy())
    return detector.finish(n_frames, shift_ms=shift_ms, first_centre_ms=first_centre_ms)


class _Played:
    """In place of the network, the probabilities that it gave before, one a call."""

    def __init__(self, probabilities: Iterable[float]) -> None:
        self._left = iter(probabilities)

    def reset_states(self) -> None:
        pass

    def __call__(self, block: Tensor, sample_rate: int) -> Tensor:
        return torch.tensor(next(self._left))


def _take() -> Any:
    """A network that nobody uses; as ONNX where onnxruntime is installed, which takes half the time."""
    package = _package()
    with suppress(IndexError):
        while True:
            origin, network = _free.pop()
            if origin == (os.getpid(), id(package)):
                return network
    with _quiet():
        return package.load_silero_vad(onnx=find_spec("onnxruntime") is not None)


def _give_back(network: Any) -> None:
    _free.append(((os.getpid(), id(_package())), network))


def _package() -> Any:
    try:
        with _quiet():
            import silero_vad as package
    except ImportError as error:
        raise MissingExtra(f"--vad silero needs the package silero-vad: pip install silero-vad ({error})") from None
    return package


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the package's warnings to its authors; and it sets torch to one thread when it is imported."""
    n_threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    if torch.get_num_threads() != n_threads:
        torch.set_num_threads(n_threads)
