"""CHAT files as CLAN's CHECK accepts them."""

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import category

from pysid.io.turns.chat.participants import (
    NOBODY,
    ROLE_OF_NOBODY,
    Participant,
    name_word,
    participants_of,
)
from pysid.io.turns.chat.reading import BULLET, OWN, UNKNOWN_LANGUAGE, Times
from pysid.io.turns.cues import by_speaker, cues_in_order, one_line
from pysid.segments import Turn

NO_WORDS = "xxx ."  # somebody speaks, and it is not written down what
CORPUS = "pysid"  # CHECK wants one


class Utterance(NamedTuple):
    """A main line, with the words of the %wor line below it, where their times are known.

    Attributes:
        speaker: None where nobody is known to speak.
        text: in CHAT, with its terminator.
        words: each as it is in `text`, with its times.
        terminator: the last word of `text`, which ends the line of words, too.
    """

    speaker: str | None
    times: Times
    text: str
    words: Sequence[tuple[str, Times]] = ()
    terminator: str = "."


def format_chat(recording: str, turns: Sequence[Turn]) -> str:
    """The file of a recording, in which each turn is an utterance without words, to be filled.

    Overlapping turns of one speaker become one, as CLAN lets nobody speak twice at a time.

    Raises:
        DataError: a name is empty.

    >>> from pysid.segments import Segment
    >>> print(format_chat("meeting", [Turn(Segment(0.5, 2.0), "anna")]).replace(BULLET, "|"), end="")
    @UTF8
    @Begin
    @Languages:	und
    @Participants:	ANN anna Participant
    @ID:	und|pysid|ANN|||||Participant|||
    @Media:	meeting, audio
    @Comment:	pysid: recording meeting
    *ANN:	xxx . |500_2000|
    @End
    """
    talks = by_speaker(Turn(turn.segment, one_line(turn.speaker)) for turn in turns)
    merged = [Turn(segment, speaker) for speaker, segments in talks.items() for segment in segments]
    found = [Utterance(cue.speaker, Times(cue.start_ms, cue.end_ms), NO_WORDS) for cue in cues_in_order(merged)]
    return chat_text(recording, found, UNKNOWN_LANGUAGE)


def chat_text(recording: str, utterances: Sequence[Utterance], language: str) -> str:
    """The file of utterances in order of their starts.

    Args:
        recording: its name.
        utterances: those of a speaker must not overlap, if CHECK is to accept them.
        language: ISO 639-3, or "und".
    """
    participants = participants_of(_clean(x.speaker) for x in utterances if x.speaker is not None)
    whole = {found.code: name for name, found in participants.items() if found.name != name}
    listed = list(participants.values())
    if not listed or any(x.speaker is None for x in utterances):
        listed.append(Participant(NOBODY, "", ROLE_OF_NOBODY))
    lines = [
        "@UTF8",
        "@Begin",
        f"@Languages:\t{language}",
        f"@Participants:\t{', '.join(' '.join(part for part in found if part) for found in listed)}",
        *(f"@ID:\t{language}|{CORPUS}|{found.code}|||||{found.role}|||" for found in listed),
        f"@Media:\t{name_word(recording) or 'recording'}, audio",
        f"@Comment:\t{OWN}recording {_clean(recording)}",
        *(f"@Comment:\t{OWN}{code} is {name}" for code, name in whole.items()),
    ]
    for found in utterances:
        code = NOBODY if found.speaker is None else participants[_clean(found.speaker)].code
        lines.append(f"*{code}:\t{found.text} {_bullet(found.times)}")
        if found.words:
            words = " ".join(f"{word} {_bullet(times)}" for word, times in found.words)
            lines.append(f"%wor:\t{words} {found.terminator}")
    return "".join(f"{line}\n" for line in [*lines, "@End"])


def _bullet(times: Times) -> str:
    return f"{BULLET}{times.start_ms}_{times.end_ms}{BULLET}"


def _clean(name: str) -> str:
    """On one line, and without what would begin a bullet."""
    return "".join("\N{REPLACEMENT CHARACTER}" if category(x) == "Cc" else x for x in one_line(name))
