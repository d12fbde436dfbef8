"""What a reader sees of a transcript: utterances, each of one speaker, as paragraphs are."""

from collections.abc import Sequence
from dataclasses import dataclass

from pysid.transcript.sentences import ends_sentence
from pysid.transcript.words import Transcript, Word, joined

PAUSE_S = 2.0
LONGEST_S = 60.0


@dataclass(frozen=True)
class Utterance:
    """Words of one speaker (None: nobody is known) in a row, at least one."""

    speaker: str | None
    words: Sequence[Word]

    @property
    def start_s(self) -> float:
        """When its first word begins."""
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        """When its last word ends."""
        return max(word.end_s for word in self.words)

    @property
    def text(self) -> str:
        """Its words with the spaces that belong between them."""
        return joined(self.words)


def utterances(transcript: Transcript, pause_s: float = PAUSE_S, longest_s: float = LONGEST_S) -> list[Utterance]:
    """The transcript in pieces to read.

    A new one begins where the speaker changes; at the end of a sentence that a pause of `pause_s` follows, or that
    comes after `longest_s` of speech; and at a pause of twice `pause_s` anywhere.

    Args:
        transcript: words in order.
        pause_s: what counts as a pause.
        longest_s: from here on the end of any sentence will do.
    """
    groups: list[list[Word]] = []
    for word in transcript.words:
        if not groups or _begins(groups[-1], word, pause_s, longest_s):
            groups.append([])
        groups[-1].append(word)
    return [Utterance(group[0].speaker, group) for group in groups]


def _begins(group: Sequence[Word], word: Word, pause_s: float, longest_s: float) -> bool:
    last = group[-1]
    if word.speaker != last.speaker:
        return True
    pause = word.start_s - last.end_s
    is_end = ends_sentence(last) or last.ends_segment
    return pause >= 2 * pause_s or (is_end and (pause >= pause_s or last.end_s - group[0].start_s >= longest_s))
