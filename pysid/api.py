"""All of pysid in one object: what `pysid.load` returns.

It is above the parts that it calls, and imports them when they are needed, as importing takes a while.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

from pysid.io.audio.samples import Audio, as_list
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import Hook, reporting

if TYPE_CHECKING:
    from pysid.diarization import Diarizer
    from pysid.diarization.result import Diarization
    from pysid.diarization.steps import Steps
    from pysid.speakers.database import SpeakerDatabase
    from pysid.speakers.decision import Decision


class Model(SpeakerModel):
    """A speaker model that embeds, verifies and diarizes.

    >>> import pysid
    >>> model = pysid.load()
    >>> bool(model.verify("examples/dev/audio/alicia-0.ogg", "examples/dev/audio/denis-1.ogg"))
    False
    """

    def verify(
        self,
        enrol: Audio | Sequence[Audio],
        test: Audio,
        *,
        prior: float = 0.5,
        c_miss: float = 1.0,
        c_fa: float = 1.0,
        threshold: float | None = None,
        backend: str | None = None,
    ) -> "Decision":
        """Whether `test` is spoken by the speaker of `enrol`, which is one recording or a list of them.

        For many tests of one speaker, `pysid.speakers.verify.Verifier` embeds the enrolment once.

        Args:
            prior: probability of the same speaker before anything is heard.
            c_miss, c_fa: cost of a miss and of a false alarm.
            threshold: accept scores of at least this, instead of the threshold that follows from prior and costs.
            backend: "plda" or "cosine"; None is the model's own.
        Raises:
            DataError: a recording is given twice, cannot be read or has no speech; the model has no such back-end, or
                no calibration where there is no `threshold`.
            ValueError: no recording in `enrol`, or a prior or a cost that is out of range.
        """
        from pysid.speakers.verify import OperatingPoint, Verifier

        point = OperatingPoint(p_target=prior, c_miss=c_miss, c_fa=c_fa, threshold=threshold)
        return Verifier(self, as_list(enrol), point, backend)(test)

    def diarize(
        self,
        audio: Audio,
        *,
        num_speakers: int | None = None,
        min_speakers: int = 1,
        max_speakers: int | None = None,
        channel: int | None = None,
        settings: Mapping[str, Any] | None = None,
        database: "str | os.PathLike[str] | SpeakerDatabase | None" = None,
        prior: float = 0.5,
        c_miss: float = 1.0,
        c_fa: float = 1.0,
        threshold: float | None = None,
        voices: bool = False,
        progress: Hook | None = None,
        **steps: "Unpack[Steps]",
    ) -> "Diarization":
        """Who spoke when, in a file or (samples, rate).

        Args:
            num_speakers: how many there are, if that is known; otherwise it is estimated, within the bounds.
            channel: counted from 0; None takes the mean of those that hold sound.
            settings: plain values that override those of the model, such as {"clustering.threshold": 3}.
            database: of enrolled speakers; those who are found get their names, and `voices` tells how sure that is.
            prior: probability that a speaker is enrolled.
            c_miss, c_fa, threshold: as of `verify`.
            voices: give `voices`, an embedding of each speaker, and `confidences` of the turns; with a database always.
            progress: is called with what is being done, how much is done, and of how much; see `progress.reporting`.
            steps: `speech`, `windows`, `affinity`, `clusterer`, `resegmenter`, `overlap`: objects that do a step in
                place of what the settings name, see `pysid.diarization.steps`.
        Raises:
            TypeError: there is no such step, or it cannot be called; a number of speakers is no whole number.
            DataError: the recording cannot be read, a setting is wrong, or the database is empty or of another model.
            ValueError: numbers of speakers that contradict each other, or a prior or a cost that is out of range.
        """
        from pysid.diarization import SpeakerCount
        from pysid.runs.diarize import diarize_recording
        from pysid.speakers.decision import OperatingPoint

        if num_speakers is not None and (min_speakers != 1 or max_speakers is not None):
            raise ValueError("expected num_speakers, or min_speakers and max_speakers, got both")
        found = SpeakerCount(min_speakers, max_speakers)
        count = found if num_speakers is None else SpeakerCount.exactly(num_speakers)
        point = OperatingPoint(p_target=prior, c_miss=c_miss, c_fa=c_fa, threshold=threshold)
        diarizer = self._make_diarizer(settings or {}, **steps) if settings or steps else self._diarizer
        if database is None:
            with reporting(progress):
                return diarize_recording(diarizer, audio, count, channel, voices=voices)
        from pysid.speakers.database import SpeakerDatabase
        from pysid.speakers.identify import Identifier

        opening: AbstractContextManager[SpeakerDatabase]
        opening = nullcontext(database) if isinstance(database, SpeakerDatabase) else SpeakerDatabase(database)
        with reporting(progress), opening as opened:
            return diarize_recording(diarizer, audio, count, channel, identifier=Identifier(opened, self, point))

    @cached_property
    def _diarizer(self) -> "Diarizer":
        """With the settings of the model."""
        return self._make_diarizer({})

    def _make_diarizer(self, settings: Mapping[str, Any], **steps: "Unpack[Steps]") -> "Diarizer":
        from pysid.diarization import Diarizer

        return Diarizer.of(self, settings, **steps)
