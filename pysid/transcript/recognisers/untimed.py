"""Words that a recogniser could not place in time, as whisperX leaves numbers: they get the time between others."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pysid.transcript.words import Word

TYPICAL_S = 0.2  # of a word at the end of a recording, after which nothing is known


@dataclass(frozen=True)
class MaybeTimed:
    """A word whose start or end may be missing; the other fields are those of `Word`."""

    text: str
    start_s: float | None
    end_s: float | None
    confidence: float | None = None
    glued: bool = False

    @property
    def is_timed(self) -> bool:
        """Whether both start and end are known."""
        return self.start_s is not None and self.end_s is not None


def timed(words: Sequence[MaybeTimed], start_s: float | None, end_s: float | None) -> list[Word]:
    """The words with times: those without share what lies between their neighbours, by their letters.

    Words without text are left out. A word that ends before it starts lasts no time.

    Args:
        start_s, end_s: of the piece that they are of, where known.

    >>> words = [MaybeTimed("in", 0.1, 1.0), MaybeTimed("1999", None, None), MaybeTimed("we", 2.0, 3.0)]
    >>> for word in timed(words, 0.0, 3.0):
    ...     print(word.text, word.start_s, word.end_s, word.estimated)
    in 0.1 1.0 False
    1999 1.0 2.0 True
    we 2.0 3.0 False
    """
    words = [word for word in words if word.text.strip()]
    runs = [list(run) for _, run in groupby(words, key=lambda word: word.is_timed)]
    result: list[Word] = []
    for i, run in enumerate(runs):
        if run[0].is_timed:
            result += [_word(word, word.start_s or 0.0, word.end_s or 0.0, estimated=False) for word in run]
            continue
        first_s = result[-1].end_s if result else start_s or 0.0
        following = runs[i + 1][0].start_s if i + 1 < len(runs) else end_s
        last_s = first_s + TYPICAL_S * len(run) if following is None else max(first_s, following)
        share_s = (last_s - first_s) / sum(len(word.text.strip()) for word in run)
        at_s = first_s
        for word in run:
            until_s = min(last_s, round(at_s + share_s * len(word.text.strip()), 6))
            result.append(_word(word, at_s, until_s, estimated=True))
            at_s = until_s
    return result


def _word(word: MaybeTimed, start_s: float, end_s: float, *, estimated: bool) -> Word:
    return Word(start_s, max(start_s, end_s), word.text.strip(), word.confidence, word.glued, estimated=estimated)
