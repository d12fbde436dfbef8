"""Subtitles of words: cues of at most two lines of 42 characters, which begin and end with what is said.

Source: the lengths are those of Netflix's and the EBU's guidelines; a Chinese or Japanese character takes two columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, chop_cells

from pysid.io.turns.cue_names import LONGEST, has_name, label
from pysid.transcript.punctuation import COMMAS
from pysid.transcript.sentences import ends_sentence
from pysid.transcript.utterances import Utterance
from pysid.transcript.words import Word, is_cjk, joined

COLUMNS = 42
LINES = 2
LONGEST_S = 7.0
PAUSE_S = 0.8  # that ends a cue
SHORTEST_S = 1.0  # that a cue is shown, where the next one leaves it the time
FULL = 2 / 3  # of a cue: from here on it ends at a comma too
LONGEST_LABEL = 24  # columns of a name before the text; a longer one is shortened


@dataclass(frozen=True)
class Caption:
    """What is shown from `start_s` to `end_s`: one or two lines, of one speaker (None: nobody is known)."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None


def captions(utterances: Sequence[Utterance], names: bool = True) -> list[Caption]:
    """The cues of utterances, in order of time.

    Args:
        names: begin with the name where the speaker changes, and where the text could be taken to begin with one; of
            one speaker alone the first two do, see `pysid.io.turns.cue_names`. Without any, where nobody is known, only
            a first text that could be taken so has "(nobody known)" before it.
    """
    result: list[Caption] = []
    is_any_known = any(utterance.speaker is not None for utterance in utterances)
    names = names and bool(utterances) and (is_any_known or _seems_named(utterances[0].words))
    of_one = len({label_of(utterance.speaker) for utterance in utterances}) == 1
    last, n_named = None, 0
    for utterance in utterances:
        name = label_of(utterance.speaker)
        if name != last:
            n_named = 2 if of_one else 1
        for words, before in _cues(utterance.words, name if names else "", n_named):
            result += _captions(words, _lines(words, before), utterance.speaker)
            n_named = max(0, n_named - 1)
        last = name
    return _shown_long_enough(result)


def label_of(speaker: str | None) -> str:
    """What a cue has before the text for a speaker: the name, shortened.

    >>> label_of("anna"), label_of("the honourable lady from the north")
    ('anna: ', 'the honourable lady fro…: ')
    """
    name = " ".join((speaker or "").split())
    return label(name if cell_len(name) <= LONGEST_LABEL else chop_cells(name, LONGEST_LABEL - 1)[0] + "…")


def _seems_named(words: Sequence[Word]) -> bool:
    return has_name(joined(words[:LONGEST]))


def _captions(words: Sequence[Word], lines: Sequence[str], speaker: str | None) -> list[Caption]:
    """One cue, or, of a word that is longer than all its lines, several that share its time."""
    parts = [tuple(lines[i : i + LINES]) for i in range(0, len(lines), LINES)]
    start_s, end_s = words[0].start_s, max(word.end_s for word in words)
    share_s = (end_s - start_s) / len(parts)
    return [Caption(start_s + i * share_s, start_s + (i + 1) * share_s, part, speaker) for i, part in enumerate(parts)]


def _cues(words: Sequence[Word], name: str, n_named: int) -> Iterator[tuple[list[Word], str]]:
    """The words of each cue, and what stands before them: a name, in the first `n_named` at least."""
    cue: list[Word] = []
    before = ""
    for i, word in enumerate(words):
        if cue and _ends(cue, word, before):
            yield cue, before
            cue = []
            n_named -= 1
        if not cue:
            before = name if name and (n_named > 0 or _seems_named(words[i : i + LONGEST])) else ""
        cue.append(word)
    if cue:
        yield cue, before


def _ends(cue: Sequence[Word], word: Word, label: str) -> bool:
    """Whether a cue is to end before this word."""
    if not _can_break(word):
        return False
    if word.start_s - cue[-1].end_s >= PAUSE_S or word.end_s - cue[0].start_s > LONGEST_S:
        return True
    if _fill([*cue, word], label, COLUMNS) is None:
        return True
    length = cell_len(label + joined(cue))
    at_comma = cue[-1].text[-1] in COMMAS
    return (ends_sentence(cue[-1]) and length >= COLUMNS / 2) or (at_comma and length >= FULL * LINES * COLUMNS)


def _lines(words: Sequence[Word], label: str) -> tuple[str, ...]:
    """Lines of about one length: the narrowest that hold the words in as few lines as there can be."""
    widest = _fill(words, label, COLUMNS)
    if widest is None:  # a single word that is too long, such as an address
        return tuple(chop_cells(label + joined(words), COLUMNS))
    for columns in range(COLUMNS // 2, COLUMNS):
        narrower = _fill(words, label, columns)
        if narrower is not None and len(narrower) == len(widest):
            return narrower
    return widest


def _fill(words: Sequence[Word], label: str, columns: int) -> tuple[str, ...] | None:
    """The words in at most `LINES` lines of so many columns, the first begun by the label; None if they do not fit."""
    lines = [label]
    for word in words:
        space = "" if word.glued or not lines[-1] or lines[-1] == label else " "
        if cell_len(lines[-1] + space + word.text) <= columns:
            lines[-1] += space + word.text
        elif not lines[-1] or not _can_break(word) or len(lines) == LINES or cell_len(word.text) > columns:
            return None
        else:
            lines.append(word.text)
    return tuple(line.rstrip() for line in lines)


def _can_break(word: Word) -> bool:
    """Whether a line may begin with it."""
    return not word.glued or is_cjk(word.text[0])


def _shown_long_enough(cues: Sequence[Caption]) -> list[Caption]:
    """Cues that do not overlap, of at least `SHORTEST_S` where there is room."""
    result = []
    for i, cue in enumerate(cues):
        next_s = cues[i + 1].start_s if i + 1 < len(cues) else float("inf")
        end_s = max(cue.end_s, cue.start_s + SHORTEST_S)
        end_s = min(end_s, max(next_s, cue.start_s + 0.001))
        result.append(replace(cue, end_s=end_s))
    return result
