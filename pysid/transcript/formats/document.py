"""What is written of a transcript: its title and its utterances, or their sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pysid.io.turns.cue_names import NOBODY
from pysid.io.turns.cues import milliseconds
from pysid.transcript.sentences import sentences
from pysid.transcript.utterances import Utterance, utterances
from pysid.transcript.words import Transcript, Word


class Sentence(NamedTuple):
    """Words of one speaker, None where nobody is known; `end_ms` is exclusive and above `start_ms`."""

    start_ms: int
    end_ms: int
    speaker: str | None
    words: Sequence[Word]


@dataclass(frozen=True)
class Document:
    """A transcript and what it is called."""

    title: str
    transcript: Transcript

    @cached_property
    def utterances(self) -> list[Utterance]:
        """The transcript in pieces to read, each of one speaker."""
        return utterances(self.transcript)

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The utterances cut at the ends of sentences, by their starts; those of one speaker do not overlap."""
        found = []
        until_ms: dict[str | None, int] = {}
        for utterance in self.utterances:
            for words in sentences(utterance.words):
                start_ms = max(milliseconds(words[0].start_s), until_ms.get(utterance.speaker, 0))
                end_ms = max(milliseconds(max(word.end_s for word in words)), start_ms + 1)
                until_ms[utterance.speaker] = end_ms
                found.append(Sentence(start_ms, end_ms, utterance.speaker, words))
        return sorted(found, key=lambda sentence: sentence.start_ms)


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
