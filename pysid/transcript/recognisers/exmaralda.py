"""Words of EXMARaLDA's basic transcriptions, with their speakers; those of an event share its time.

Events end within words where somebody else begins to speak; such a word is put together, unless the events of the tier
are words themselves, without spaces.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pysid.errors import PysidWarning
from pysid.io.files import PathLike
from pysid.io.turns.cue_names import NOBODY
from pysid.io.turns.exmaralda import UNKNOWN, Event, Tier, read_contributions, spoken_in
from pysid.transcript.words import Word, closed_up, in_order, spread, with_punctuation


def read_exmaralda_words(path: PathLike) -> list[Word]:
    """The words of all tiers of speakers; events without times are left out.

    Raises:
        DataError: see `pysid.io.turns.exmaralda.read_contributions`.
    Warns:
        PysidWarning: events lack times.
    """
    _, tiers = read_contributions(path)
    events = [event for tier in tiers for contribution in tier.contributions for event in contribution]
    n_lost = sum(event.start_s is None or event.end_s is None for event in events)
    if n_lost:
        message = f"{path}: {n_lost} of {len(events)} events have no start or end: left out"
        warnings.warn(message, PysidWarning, stacklevel=2)
    return in_order(word for tier in tiers for word in _tier(tier))


def _tier(tier: Tier) -> Iterator[Word]:
    texts = [event.text for events in tier.contributions for event in events]
    is_spaced = any(text != text.strip() for text in texts)
    speaker = None if tier.speaker == NOBODY else tier.speaker
    for events in tier.contributions:
        said = [replace(word, speaker=speaker) for word in _words(events, is_spaced) if _bare(word.text) != UNKNOWN]
        words = with_punctuation(said)  # before those of others come between
        if words:
            yield from closed_up([*words[:-1], replace(words[-1], ends_segment=True)])


def _words(events: Sequence[Event], is_spaced: bool) -> list[Word]:
    words: list[Word] = []
    last = " "
    for start_s, end_s, text in events:
        if start_s is None or end_s is None:
            continue
        found = spread(spoken_in(text), start_s, end_s)
        goes_on = is_spaced and not last[-1:].isspace() and not text[:1].isspace()
        if goes_on and words and found:
            first = found.pop(0)
            words[-1] = replace(words[-1], end_s=first.end_s, text=words[-1].text + first.text, estimated=True)
        words += found
        last = text
    return words


def _bare(text: str) -> str:
    return text.strip(",.;:?!…")
