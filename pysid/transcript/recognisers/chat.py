"""Words of a CHAT transcript, with their speakers.

The words of an utterance share its time, if no %wor line says more; those of utterances without times have what lies
between the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from pysid.io.files import PathLike
from pysid.io.turns.chat.reading import Piece, Times, check_times, parse_chat
from pysid.io.turns.chat.spoken import UNTRANSCRIBED, spoken
from pysid.transcript.languages import two_letters
from pysid.transcript.recognisers.untimed import MaybeTimed, timed
from pysid.transcript.words import Word, closed_up, in_order, pieces_of, spread, with_punctuation


def read_chat_words(path: PathLike) -> tuple[list[Word], str | None]:
    """The words and the language of a file.

    Raises:
        DataError: see `pysid.io.turns.chat.reading.parse_chat`; or no utterance has times.
    """
    chat = parse_chat(path)
    pieces = [piece for piece in chat.pieces if any(x.isalnum() for x in spoken(piece.text))]
    check_times(path, sum(piece.times is not None for piece in pieces), len(pieces))
    words: list[Word] = []
    until_s = 0.0
    runs = [list(run) for _, run in groupby(pieces, key=lambda piece: piece.times is None)]
    for i, run in enumerate(runs):
        if run[0].times is None:
            after = runs[i + 1][0].times if i + 1 < len(runs) else None
            found = list(_between(run, until_s, None if after is None else after.start_ms / 1000))
        else:
            found = [word for piece in run for word in _utterance(piece, _timed(piece))]
        until_s = max([until_s, *(word.end_s for word in found)])
        words += found
    return in_order(words), two_letters(chat.language)


def _timed(piece: Piece) -> list[Word]:
    tokens = spoken(piece.text).split()
    if piece.words and len([token for token in tokens if _has_time(token)]) == len(piece.words):
        return list(_by_word(tokens, piece.words))
    start_ms, end_ms = piece.times or (0, 0)
    return spread(" ".join(tokens), start_ms / 1000, end_ms / 1000)


def _has_time(token: str) -> bool:
    return _bare(token) not in UNTRANSCRIBED and any(x.isalnum() for x in token)


def _by_word(tokens: Sequence[str], times: Sequence[Times]) -> Iterator[Word]:
    """The tokens at their own times; what has none, such as "xxx", at the end of the one before."""
    left = iter(times)
    end_ms = times[0].start_ms
    for token in tokens:
        start_ms, end_ms = next(left) if _has_time(token) else (end_ms, end_ms)
        yield from spread(token, start_ms / 1000, end_ms / 1000)


def _between(run: Sequence[Piece], start_s: float, end_s: float | None) -> Iterator[Word]:
    """The words of utterances without times, which lie after the last ones and before the next, where there are any."""
    split = [(piece, pieces_of(spoken(piece.text))) for piece in run]
    texts = [MaybeTimed(text, None, None, glued=glued) for _, found in split for text, glued in found]
    words = iter(timed(texts, start_s, end_s))
    for piece, found in split:
        yield from _utterance(piece, [next(words) for _ in found])


def _utterance(piece: Piece, words: Sequence[Word]) -> Iterator[Word]:
    """The words as of the speaker of an utterance, which they end, without those that nobody wrote down."""
    said = [replace(word, speaker=piece.speaker) for word in words if _bare(word.text) not in UNTRANSCRIBED]
    said = with_punctuation(said)  # before those of others come between
    if said:
        yield from closed_up([*said[:-1], replace(said[-1], ends_segment=True)])


def _bare(text: str) -> str:
    return text.strip(',.;:?!…–“”"')  # noqa: RUF001
