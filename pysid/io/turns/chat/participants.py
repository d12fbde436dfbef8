"""Speakers in CHAT: a code of three letters on each line, and the name and role behind it in @Participants.

Such a name is one word. What it cannot hold stands in a comment, which counts as long as it goes with the name:

    @Participants:	ANN Ana_María Participant
    @Comment:	pysid: ANN is Ana María
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from pysid.io.turns.cues import told_apart

NOBODY = "UNK"
ROLE = "Participant"
ROLE_OF_NOBODY = "Unidentified"
_TAKEN = frozenset({NOBODY, "CHI"})  # the latter is the child that a corpus is about, in all of CLAN
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Participant(NamedTuple):
    """What @Participants has of a speaker; the name is empty where there is none."""

    code: str
    name: str
    role: str


def participants_of(speakers: Iterable[str]) -> dict[str, Participant]:
    """Who the speakers are in a file: codes from their names, no two the same.

    >>> [" ".join(found) for found in participants_of(["Ana María", "Anatol", "speaker1"]).values()]
    ['ANA Ana_María Participant', 'A01 Anatol Participant', 'SP1 speaker1 Participant']
    """
    found: dict[str, Participant] = {}
    taken = set(_TAKEN)
    for speaker in dict.fromkeys(speakers):
        code = next(code for code in _codes(speaker) if code not in taken)
        taken.add(code)
        found[speaker] = Participant(code, name_word(speaker) or code, ROLE)
    return found


def name_word(name: str) -> str:
    """A name as the one word that CLAN allows in @Participants and @Media; it may be empty.

    >>> name_word('Dr. Zoë "Z" O'), name_word("李雷")
    ('Dr_Zoë_Z_O', '李雷')
    """
    kept = (x if x.isalnum() or unicodedata.category(x).startswith("M") or x in "-'" else "_" for x in name)
    return re.sub("_+", "_", "".join(kept)).strip("_-'")


def parsed_participants(text: str) -> list[Participant]:
    """Those of an @Participants line: code, name, role; the name may be absent, or have several words.

    >>> parsed_participants("CHI Target_Child , MOT Mary Mother,")
    [Participant(code='CHI', name='', role='Target_Child'), Participant(code='MOT', name='Mary', role='Mother')]
    """
    found = []
    for entry in text.split(","):
        if words := entry.split():
            found.append(Participant(words[0], " ".join(words[1:-1]), words[-1] if len(words) > 1 else ""))
    return found


def shown_names(participants: Sequence[Participant], told: Mapping[str, str]) -> dict[str, str]:
    """What the speakers are called, by their codes, see `told_apart`.

    Args:
        told: {code: whole name}, of comments.
    """
    names: dict[str, str] = {}
    for code, name, _ in participants:
        whole = told.get(code, "")
        names.setdefault(code, whole if whole and (name_word(whole) or code) == name else name)
    return told_apart(names)


def _codes(name: str) -> Iterator[str]:
    """Codes to choose from, the best first: of the letters, with the number that a name ends in; then numbered ones."""
    plain = "".join(x for x in unicodedata.normalize("NFKD", name).upper() if x.isascii() and x.isalnum())
    letters, digits = re.fullmatch(r"(.*?)(\d*)", plain).groups()  # type: ignore[union-attr]  # matches anything
    if letters[:1] in _LETTERS and len(letters) > 2 - len(digits) and len(digits) < 3:
        yield letters[: 3 - len(digits)] + digits
    first = letters[:1] if letters[:1] and letters[:1] in _LETTERS else "S"
    for n in count(1):
        yield f"{first}{n:02d}"
