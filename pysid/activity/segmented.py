"""Speech and overlap of whole recordings by a network of local segmentation, alone or beside a detector of speech."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pysid.activity.detector import Activity
from pysid.activity.files import read_detector
from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.segmentation.files import read_segmenter
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segmentation.network import STRIDE, MelSegmentation

BATCH = 16  # windows at a time
WINDOWS_AT_ONCE = 5  # that hear an instant
VOICE_SHARE = 0.8  # of local segmentation in speech, beside a detector
RAMP_S = 2.5  # from its edges inwards, over which a window counts more and more


class SpeechDetector(Protocol):
    """Finds speech, and speech of several at once, in features before CMVN (T, D).

    Attributes:
        features: what it reads.
    """

    features: FbankConfig

    def __call__(self, features: Tensor) -> Activity: ...


class SegmentedActivity:
    """A `SpeechDetector` of windows that overlap, each of which counts most in its middle.

    Every instant is heard in several surroundings. On AMI's clips five windows make a fifth fewer false overlaps than
    two do, and cost little more where they share a trunk.

    Args:
        segmenter: reads features; its sets of two speakers or more are overlap.
    """

    def __init__(self, segmenter: MelSegmentation) -> None:
        assert segmenter.features is not None
        self.features = segmenter.features
        self.segmenter = segmenter

    def __call__(self, features: Tensor) -> Activity:
        """What is heard in all frames (T, D) of a recording."""
        n, shift_s = len(features), self.features.shift_ms / 1000
        powerset = self.segmenter.powerset
        ramp = max(round(RAMP_S / shift_s), 1)
        speech, overlap, weight = np.zeros(n), np.zeros(n), np.zeros(n)
        together = np.array([len(group) > 1 for group in powerset.sets])
        n_local = -(-min(n, self._size) // STRIDE)  # frames of a window
        places: list[int] = []
        active: list[np.ndarray] = []
        for starts, said in self._heard(features):
            places += starts
            active.append(powerset.active(said[:, :n_local].argmax(-1)))
            posteriors = np.exp(said).repeat(STRIDE, axis=1)[:, : n - starts[-1]]
            length = posteriors.shape[1]
            place = np.arange(length)
            share = np.minimum(np.minimum(place + 1, length - place), ramp) / ramp
            for start, own in zip(starts, posteriors, strict=True):
                here = slice(start, start + length)
                speech[here] += share * (1 - own[:, 0])
                overlap[here] += share * own[:, together].sum(1)
                weight[here] += share
        weight = np.maximum(weight, np.finfo(float).tiny)
        local = LocalSpeech(
            self.segmenter.grid,
            np.array(places, np.int64) // STRIDE,
            np.concatenate(active) if active else np.zeros((0, 0, powerset.n_speakers), bool),
            n * shift_s,
        )
        voice = (speech / weight).astype(np.float32)
        return Activity(voice, (overlap / weight).astype(np.float32), voice, local=local)

    @property
    def _size(self) -> int:
        """Feature frames of a window."""
        return round(1000 * self.segmenter.grid.window_s / self.features.shift_ms)

    def _heard(self, features: Tensor) -> Iterator[tuple[list[int], np.ndarray]]:
        """Where windows start, ever later, and what is said of them (B, F, K); the last one ends with the recording."""
        n, size = len(features), self._size
        if not n:
            return
        step = STRIDE * self.segmenter.alignment
        starts = list(range(0, max(n - size, 0), max(size // WINDOWS_AT_ONCE // step, 1) * step))
        last = max(n - size, 0) // STRIDE * STRIDE
        for first in range(0, len(starts), BATCH):
            some = starts[first : first + BATCH]
            stretch = features[some[0] : some[-1] + size]
            yield some, self.segmenter.over(stretch, [start - some[0] for start in some], size).numpy()
        yield [last], self.segmenter(features[None, last:]).numpy()  # the odd frame of an odd number, too


class JointActivity:
    """Speech by what two detectors say together, overlap by the second alone.

    Local segmentation knows voices from noise and takes a breath for speech, as it should between the words of a turn;
    the detector hears short pauses, takes noise for speech, and misses who is 30 dB below the loudest. So the first
    counts four times as much (`VOICE_SHARE`).
    """

    def __init__(self, detector: SpeechDetector, segmentation: SpeechDetector) -> None:
        self.features = segmentation.features
        self.detector = detector
        self.segmentation = segmentation

    def __call__(self, features: Tensor) -> Activity:
        """What is heard in all frames (T, D) of a recording."""
        a, b = self.detector(features), self.segmentation(features)
        speech = (1 - VOICE_SHARE) * a.speech + VOICE_SHARE * b.speech
        return Activity(speech, b.overlap, b.voice, a.speech, b.local)


def find_detector(directory: Path, device: str | torch.device = "cpu") -> SpeechDetector | None:
    """What finds speech in a model directory: its detector, its local segmentation, or both together; None for neither.

    Raises:
        DataError: a file is damaged, or the two read different features.
    """
    segmenter, detector = read_segmenter(directory, device), read_detector(directory, device)
    if segmenter is None:
        return detector
    if detector is None:
        return SegmentedActivity(segmenter)
    if detector.features != segmenter.features:
        raise DataError(f"{directory}: expected segmentation and activity of the same features, got two kinds")
    return JointActivity(detector, SegmentedActivity(segmenter))
