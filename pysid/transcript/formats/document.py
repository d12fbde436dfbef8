"""What is written of a transcript: its title and its utterances."""

from dataclasses import dataclass
from functools import cached_property

from pysid.io.turns.cue_names import NOBODY
from pysid.transcript.utterances import Utterance, utterances
from pysid.transcript.words import Transcript


@dataclass(frozen=True)
class Document:
    """A transcript and what it is called."""

    title: str
    transcript: Transcript

    @cached_property
    def utterances(self) -> list[Utterance]:
        """The transcript in pieces to read, each of one speaker."""
        return utterances(self.transcript)


def shown(speaker: str | None) -> str:
    """A speaker's name on one line; words that belong to nobody are marked as such."""
    return NOBODY if speaker is None else " ".join(speaker.split())


def clock(seconds: float) -> str:
    """Whole seconds as people read them.

    >>> clock(3723.9)
    '1:02:03'
    """
    whole = int(seconds + 1e-6)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
