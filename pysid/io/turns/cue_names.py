"""Names of speakers before the text of subtitles, which have no other place for them but WebVTT's <v name>.

    anna: Good morning      as people write it, and Zoom
    [anna]: Good morning    as WhisperX does
    [anna] Good morning

A colon stands after other words too: "Note: we begin". A file has names if its first cue begins with one, and another
does, if there are others, or the first is as WhisperX's; then a cue without is of the speaker of the cue before. So
that what pysid writes is read back, it writes the name where the speaker changes, nobody's too, before each text that
begins as if with a name, and before the first two where one speaker says it all.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

NOBODY = "(nobody known)"
LONGEST = 60  # characters of a name
_NAME = re.compile(rf"(?:\[([^\]]{{1,{LONGEST}}})\]:?|([^:]{{1,{LONGEST}}}):)\s+(?=\S)")
_SURE = re.compile(rf"\s*(?:\[[^\]]{{1,{LONGEST}}}\]|{re.escape(NOBODY)}):\s")
_MARKS = str.maketrans({"[": "(", "]": ")", "{": "(", "}": ")", "<": "‹", ">": "›"})  # noqa: RUF001  not in a name


class Said(NamedTuple):
    """Of a cue's text: who says it, None where nobody is known, and at which character it begins after the name."""

    speaker: str | None
    begins: int


def label(speaker: str | None) -> str:
    """What is written before the text for a speaker.

    Brackets and tags in the name become other signs, as they would end it, and of a long name the end is left out.

    >>> label("anna"), label("Dr: Who"), label(None)
    ('anna: ', '[Dr: Who] ', '(nobody known): ')
    """
    name = " ".join((speaker or "").translate(_MARKS).split())[:LONGEST].rstrip() or NOBODY
    return f"[{name}] " if ":" in name else f"{name}: "


def has_name(text: str) -> bool:
    """Whether a text begins with a name, or looks so.

    >>> has_name("Note: we begin"), has_name("at 10:30 we begin")
    (True, False)
    """
    return _named(text) is not None


def names_before(texts: Sequence[str]) -> list[Said] | None:
    """Who says the texts of a file's cues; None where the file has no names: see above.

    >>> names_before(["anna: Good morning", "everybody", "[SPEAKER_00]: Hello"])
    [Said(speaker='anna', begins=6), Said(speaker='anna', begins=0), Said(speaker='SPEAKER_00', begins=14)]
    """
    named = list(map(_named, texts))
    first = named[0] if named else None
    if first is None or not (len(named) == 1 or any(named[1:]) or _SURE.match(texts[0])):
        return None
    result = [first]
    for said in named[1:]:
        result.append(said or Said(result[-1].speaker, 0))
    return result


def _named(text: str) -> Said | None:
    found = _NAME.match(text)
    name = " ".join((found[1] or found[2]).split()) if found else ""
    return Said(None if name == NOBODY else name, found.end()) if found and name else None
