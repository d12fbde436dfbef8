"""What is heard in a recording of one speaker: the embedding, how much speech there is, and how good the sound is."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pysid.activity.segmented import SpeechDetector, find_detector
from pysid.errors import DataError, PysidWarning
from pysid.frontend import RecordingFeatures
from pysid.frontend.quality import QualityMeter
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.audio.samples import Audio
from pysid.model.recording import embed_parts, name_of_recording, recording_parts
from pysid.model.speaker_model import SpeakerModel

NONE_S = 0.25  # less speech than that is none
ENOUGH_S = 3.0  # a decision on less of it is seldom sure


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording.

    Attributes:
        embedding: (E,).
        duration_s: of the recording.
        speech_s: of the speech in it.
        faults: what makes a decision on it less sure, in words.
    """

    embedding: np.ndarray
    duration_s: float
    speech_s: float
    faults: list[str] = field(default_factory=list)


class SpeechListener:
    """Listens to recordings with a model, and with the network that finds speech if one came with it.

    Args:
        channel: counted from 0; None takes the mean, see `pysid.io.audio.channels`.
        max_hours: longer recordings are refused.
    """

    def __init__(self, model: SpeakerModel, channel: int | None = None, max_hours: float = MAX_HOURS) -> None:
        self.model = model
        self.channel = channel
        self.max_hours = max_hours

    @cached_property
    def _detector(self) -> SpeechDetector | None:
        """The model's, if it reads what the embedding network reads."""
        path = self.model.path
        detector = None if path is None or not path.is_dir() else find_detector(path, self.model.device)
        fits = detector is not None and detector.features == self.model.config.frontend.features
        return detector if fits else None

    def __call__(self, audio: Audio) -> Heard:
        """What is heard in a recording.

        Raises:
            DataError: it cannot be read, or there is no speech in it.
        Warns:
            PysidWarning: there is little speech, or something is wrong with the sound.
        """
        name = name_of_recording(audio)
        meter = QualityMeter(self.model.config.sample_rate)
        duration_s, speech_s = 0.0, 0.0

        def counted() -> Iterator[RecordingFeatures]:
            nonlocal duration_s, speech_s
            for part in recording_parts(self.model.frontend, audio, self.channel, self.max_hours, meter):
                duration_s += part.duration_s
                speech_s += self.speech_s(part)
                yield part

        embedding = embed_parts(self.model.embed_features, name, counted())
        if speech_s < NONE_S:
            found = f"{speech_s:.2f} s of it" if speech_s else "none"
            raise DataError(f"{name}: expected speech, found {found} in {duration_s:.1f} s")
        faults = meter.finish().faults()
        if speech_s < ENOUGH_S:
            faults.insert(0, f"little speech: {speech_s:.1f} s, where a decision needs {ENOUGH_S:g} s or more")
        if faults:
            message = f"{name}: {'; '.join(faults)}: decisions are less sure"
            warnings.warn(message, PysidWarning, stacklevel=2)
        return Heard(embedding, duration_s, speech_s, faults)

    def speech_s(self, part: RecordingFeatures) -> float:
        """Seconds of speech, by the network that finds it, or by the model's VAD where there is none."""
        if self._detector is None:
            return float(part.voiced.sum()) * part.shift_s
        return float((self._detector(part.features).speech > 0.5).sum()) * part.shift_s
