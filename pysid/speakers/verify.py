"""Speaker verification from audio: is this the voice of the enrolled speaker?

decisions = verify(pysid.load(), ["ann-1.wav", "ann-2.wav"], ["caller.wav"])
"""

import os
from collections.abc import Sequence

import numpy as np

from pysid.errors import DataError
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.audio.samples import Audio
from pysid.model.speaker_model import SpeakerModel
from pysid.speakers.decision import Decision, OperatingPoint
from pysid.speakers.listen import Heard, SpeechListener

__all__ = ["Audio", "Decision", "OperatingPoint", "Verifier", "verify"]


class Verifier:
    """One enrolled speaker, ready to be compared.

    Args:
        enrol: recordings of the speaker. As in Kaldi their embeddings are averaged, and PLDA knows how many there were.
        point: where acceptance begins; None is the Bayes threshold at even odds and equal costs.
        backend: "plda" or "cosine"; None takes the back-end that the model was made with.
        channel, max_hours: see `SpeechListener`.
    Attributes:
        enrolled: what was heard in each of the speaker's recordings.
    Raises:
        DataError: a recording is given twice, cannot be read or has no speech; the model has no such back-end, or no
            calibration where `point` has no threshold.
    """

    def __init__(
        self,
        model: SpeakerModel,
        enrol: Sequence[Audio],
        point: OperatingPoint | None = None,
        backend: str | None = None,
        *,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
    ) -> None:
        if not len(enrol):
            raise ValueError("verification needs a recording of the speaker, got none")
        self.model = model
        self.point = point or OperatingPoint()
        self.backend = model.scorer(backend)
        self.point.require(self.backend.calibration_)
        require_distinct([audio for audio in enrol if isinstance(audio, str | os.PathLike)])
        self.n_enrol = len(enrol)
        self.listen = SpeechListener(model, channel, max_hours)
        self.enrolled = [self.listen(audio) for audio in enrol]
        self.mean = np.stack([heard.embedding for heard in self.enrolled]).mean(axis=0, dtype=np.float64)  # (E,)

    def __call__(self, test: Audio) -> Decision:
        """The decision on one recording. Raises DataError where it cannot be read or has no speech."""
        return self.decide(self.listen(test))

    def decide(self, heard: Heard) -> Decision:
        """The decision on what was heard in a recording."""
        score = self.backend.score(self.mean[None], heard.embedding[None], self.n_enrol)[0, 0]
        return self.point.decide(score, self.backend.calibration_)


def verify(
    model: SpeakerModel,
    enrol: Sequence[Audio],
    tests: Sequence[Audio],
    *,
    point: OperatingPoint | None = None,
    backend: str | None = None,
) -> list[Decision]:
    """Whether each of `tests` is of the speaker of `enrol`, in their order; arguments and errors as `Verifier`.

    Args:
        model: what embeds and scores.
        enrol: recordings of one speaker.
        tests: recordings to check.
        point: prior and costs, or a threshold.
        backend: "plda" or "cosine"; None is the model's own.
    """
    verifier = Verifier(model, enrol, point, backend)
    return [verifier(test) for test in tests]


def require_distinct(paths: Sequence[str | os.PathLike[str]]) -> None:
    """Raises DataError if a file is given twice: it would count as two utterances of the speaker."""
    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen:
            raise DataError(f"expected each recording of a speaker once, got {os.fspath(path)} again")
        seen.add(real)
