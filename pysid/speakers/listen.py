"""What is heard in a recording of one speaker: the embedding, how much speech there is, and how good the sound is."""

import hashlib
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
# How sure the network that knows voices from music is of what was found, on average. 120 clips of read speech had 0.83
# and more, 24 under music as loud as themselves 0.70 and more; 37 clips of music had 0.61 at most.
DOUBTFUL, NO_VOICE = 0.7, 0.5
VOICE = 0.8  # of a frame in which it hears one


@dataclass
class Speech:
    """How much speech was found.

    Attributes:
        found_s: seconds.
        believed_s: of these, as far as the network that knows voices believes in them; None where there is none.
        sure_s: in which it hears a voice.
    """

    found_s: float = 0.0
    believed_s: float | None = None
    sure_s: float = 0.0

    def __add__(self, other: "Speech") -> "Speech":
        known = [x for x in (self.believed_s, other.believed_s) if x is not None]
        return Speech(self.found_s + other.found_s, sum(known) if known else None, self.sure_s + other.sure_s)

    @property
    def belief(self) -> float:
        """The mean over what was found, in [0, 1]; 1 where nobody can tell."""
        return 1.0 if self.believed_s is None or not self.found_s else self.believed_s / self.found_s

    @property
    def is_other_sound(self) -> bool:
        """Whether it must be music or noise."""
        return self.belief < NO_VOICE and self.sure_s < NONE_S


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording.

    Attributes:
        embedding: (E,).
        duration_s: of the recording.
        speech_s: of the speech in it.
        digest: of its samples, for the same recording to be known under any name.
        faults: what makes a decision on it less sure, in words.
    """

    embedding: np.ndarray
    duration_s: float
    speech_s: float
    digest: str
    faults: list[str] = field(default_factory=list)


class RecordingMeter(QualityMeter):
    """Measures a recording, and makes a digest of its samples, in 16 bits."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self._sha256 = hashlib.sha256(f"{sample_rate} ".encode())

    def feed(self, wave: np.ndarray) -> None:
        """The next samples (S,), at int16 scale."""
        super().feed(wave)
        self._sha256.update(np.clip(np.round(wave), -32768, 32767).astype("<i2").tobytes())

    def digest(self) -> str:
        """Of all that was fed, in whatever blocks: 64 hexadecimal digits."""
        return self._sha256.hexdigest()


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
        meter = RecordingMeter(self.model.config.sample_rate)
        duration_s, speech = 0.0, Speech()

        def counted() -> Iterator[RecordingFeatures]:
            nonlocal duration_s, speech
            for part in recording_parts(self.model.frontend, audio, self.channel, self.max_hours, meter):
                duration_s += part.duration_s
                speech += self.speech(part)
                yield part

        embedding = embed_parts(self.model.embed_features, name, counted())
        speech_s = speech.found_s
        if speech_s < NONE_S:
            found = f"{speech_s:.2f} s of it" if speech_s else "none"
            raise DataError(f"{name}: expected speech, found {found} in {duration_s:.1f} s")
        if speech.is_other_sound:
            raise DataError(f"{name}: expected speech, found what sounds like music or noise in {duration_s:.1f} s")
        faults = meter.finish().faults()
        if speech.belief < DOUBTFUL:
            faults.insert(0, "sounds like music or noise more than like speech")
        if speech_s < ENOUGH_S:
            faults.insert(0, f"little speech: {speech_s:.1f} s, where a decision needs {ENOUGH_S:g} s or more")
        if faults:
            message = f"{name}: {'; '.join(faults)}: decisions are less sure"
            warnings.warn(message, PysidWarning, stacklevel=2)
        return Heard(embedding, duration_s, speech_s, meter.digest(), faults)

    def speech(self, part: RecordingFeatures) -> Speech:
        """The speech in a part, by the networks that find it, or by the model's VAD where there are none."""
        if self._detector is None:
            return Speech(float(part.voiced.sum()) * part.shift_s)
        heard = self._detector(part.features)
        # Music is found for its level, and then believed or not: both networks count alike.
        speech = heard.speech
        if heard.voice is not None and heard.sound is not None:
            speech = (heard.voice + heard.sound) / 2
        found = speech > 0.5
        found_s = float(found.sum()) * part.shift_s
        if heard.voice is None:
            return Speech(found_s)
        believed_s = float(heard.voice[found].sum()) * part.shift_s
        return Speech(found_s, believed_s, float((heard.voice > VOICE).sum()) * part.shift_s)
