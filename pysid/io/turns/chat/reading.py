"""What a CHAT file holds: who says what, and when."""

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pysid.errors import DataError, PysidWarning
from pysid.io.files import PathLike
from pysid.io.text import BYTE_ORDER_MARK, read_lines, shorten
from pysid.io.turns.chat.participants import ROLE_OF_NOBODY, parsed_participants, shown_names
from pysid.io.turns.chat.spoken import is_speech
from pysid.io.turns.cues import RecordingTurns
from pysid.segments import LONGEST_S, Segment, Turn

BULLET = "\x15"
OWN = "pysid: "  # begins pysid's comments: of whole names and the recording
UNKNOWN_LANGUAGE = "und"
_BULLET = re.compile(f"{BULLET}([^{BULLET}]*){BULLET}")
_TIMES = re.compile(r'(?:%\w+:".*"_)?(\d{1,15})_(\d{1,15})-?')
_PICTURE = re.compile("%(?:pic|txt|gen)")
_TIER = re.compile(r"([@*%][^:\s]+(?: [^:\t]+)?):?\s*(.*)", re.DOTALL)
_IS = re.compile(r"(\S+) is (.+)")


class Tier(NamedTuple):
    """A line with those that continue it: `*ANN`, `@Media` or `%mor`, and the text after the colon."""

    line: int
    name: str
    text: str


class Times(NamedTuple):
    """Start and end of a bullet, in milliseconds."""

    start_ms: int
    end_ms: int


class Piece(NamedTuple):
    """What stands before a bullet of a main line, or after the last one.

    Attributes:
        speaker: what the speaker is called; None for one who is not identified.
        code: of the speaker.
        text: with the marks of the transcription, without bullets.
        times: None where there is no bullet.
        words: the bullets of the %wor line, which has one for each word.
    """

    speaker: str | None
    code: str
    text: str
    times: Times | None
    words: Sequence[Times] = ()


class Chat(NamedTuple):
    """A file; `recording` and `language` (ISO 639-3) are None where it does not say."""

    recording: str | None
    language: str | None
    pieces: list[Piece]


def read_chat(path: PathLike, recording: str) -> RecordingTurns:
    """Who speaks when: each utterance with a bullet is a turn, in which are as many as the bullets that it has.

    Speakers are called by the name in @Participants, or by their code where there is none. Lines of pauses and noises,
    and dependent tiers, are skipped; so are utterances without times.

    Args:
        recording: what it is called where pysid did not write the file.
    Raises:
        DataError: see `parse_chat`; or no utterance has times.
    Warns:
        PysidWarning: some utterances lack times.
    """
    chat = parse_chat(path)
    pieces = [piece for piece in chat.pieces if is_speech(piece.text)]
    timed = [(piece.speaker or piece.code, piece.times) for piece in pieces if piece.times is not None]
    check_times(path, len(timed), len(pieces))
    if len(timed) < len(pieces):
        message = f"{path}: {len(pieces) - len(timed)} of {len(pieces)} utterances have no times: left out"
        warnings.warn(message, PysidWarning, stacklevel=2)
    turns = (Turn(Segment(t.start_ms / 1000, t.end_ms / 1000), who) for who, t in timed if t.start_ms < t.end_ms)
    return RecordingTurns(chat.recording or recording, sorted(turns), None)


def check_times(path: PathLike, n_timed: int, n: int) -> None:
    """Refuses a file whose utterances all lack times, as many of CHILDES do.

    Args:
        path: of the file.
        n_timed, n: how many utterances have times, and how many there are.
    Raises:
        DataError: as above.
    """
    if n and not n_timed:
        raise DataError(f"{path}: expected utterances with times (bullets), got {n} without")


def parse_chat(path: PathLike) -> Chat:
    """The main lines of a file, in their order.

    Raises:
        DataError: the file cannot be read, is not UTF-8 or not CHAT, or a line or a bullet is malformed.
    """
    tiers = list(_tiers(path))
    if not any(tier.name == "@Begin" for tier in tiers):
        raise DataError(f"{path}: expected CHAT, with a line @Begin, got none")
    own = [tier.text.removeprefix(OWN) for tier in tiers if tier.name == "@Comment" and tier.text.startswith(OWN)]
    told = {found[1]: found[2] for text in own if (found := _IS.fullmatch(text))}
    participants = [x for tier in tiers if tier.name == "@Participants" for x in parsed_participants(tier.text)]
    unknown = {x.code for x in participants if not x.name and x.role == ROLE_OF_NOBODY}
    names = shown_names(participants, told)
    pieces: list[Piece] = []
    try:
        for tier in tiers:
            code = tier.name[1:]
            if tier.name.startswith("*"):
                speaker = None if code in unknown else names.get(code, code)
                pieces += [Piece(speaker, code, text, times) for text, times in _parts(tier.text)]
            elif tier.name == "%wor" and pieces:
                words = [times for _, times in _parts(tier.text) if times is not None]
                pieces[-1] = pieces[-1]._replace(words=words)
    except ValueError as error:
        raise DataError(f"{path}:{tier.line}: {error}") from None
    recordings = (text.removeprefix("recording ") for text in own if text.startswith("recording "))
    languages = (re.split(r"[,\s]+", tier.text.strip())[0] for tier in tiers if tier.name == "@Languages")
    language = next(languages, "")
    return Chat(next(recordings, None), language if language not in ("", UNKNOWN_LANGUAGE) else None, pieces)


def _tiers(path: PathLike) -> Iterator[Tier]:
    tier: Tier | None = None
    parts: list[str] = []
    for number, data in read_lines(path):
        try:
            line = (data.removeprefix(BYTE_ORDER_MARK) if number == 1 else data).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise DataError(f"{path}:{number}: expected UTF-8 text, got {shorten(data)}") from None
        if not line.strip():
            continue
        if line[0] in "\t " and tier is not None:
            parts.append(line.strip("\t "))
            continue
        found = _TIER.fullmatch(line)
        if found is None or (line[0] == "*" and ":" not in line):
            raise DataError(f"{path}:{number}: expected '@header:', '*SPEAKER:' or '%tier:', got {shorten(line)}")
        if tier is not None:
            yield tier._replace(text=" ".join(parts))
        tier, parts = Tier(number, found[1], ""), [found[2].rstrip()]
    if tier is not None:
        yield tier._replace(text=" ".join(parts))


def _parts(text: str) -> Iterator[tuple[str, Times | None]]:
    """The pieces of a line, each with its bullet; the last may have none."""
    begins = 0
    said = ""
    for bullet in _BULLET.finditer(text):
        said += text[begins : bullet.start()]
        begins = bullet.end()
        if not _PICTURE.match(bullet[1]):
            yield said, _times(bullet[1])
            said = ""
    said += text[begins:]
    if BULLET in said:
        raise ValueError(f"expected bullets between two characters U+0015, got {shorten(said)}")
    if begins == 0 or (said.strip() and is_speech(said)):
        yield said, None


def _times(content: str) -> Times:
    found = _TIMES.fullmatch(content.strip())
    if found is None:
        raise ValueError(f"expected a bullet 'start_end' in milliseconds, got {shorten(content)}")
    times = Times(int(found[1]), int(found[2]))
    if not times.start_ms <= times.end_ms <= 1000 * LONGEST_S:
        raise ValueError(f"expected a bullet that ends after its start, within {LONGEST_S:g} s, got {shorten(content)}")
    return times
