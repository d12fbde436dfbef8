r"""Audacity label tracks: `start <tab> end <tab> name`, times in seconds (File > Import > Labels).

Source: https://manual.audacityteam.org/man/importing_and_exporting_labels.html

>>> format_labels([Turn(Segment(0.5, 2.0), "anna")])
'0.500000\t2.000000\tanna\n'
"""

from collections.abc import Sequence

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.text import BYTE_ORDER_MARK, read_lines, shorten
from pysid.io.turns.cues import cues_in_order, seconds_text
from pysid.io.turns.nist import seconds
from pysid.segments import Segment, Turn

N_FIELDS = 3
FREQUENCIES = b"\\"  # begins the second line of a label that was drawn in the spectrogram


def read_labels(path: PathLike) -> list[Turn]:
    """The labels as turns, in the order of the file; those that mark only a point in time are skipped.

    Raises:
        DataError: the file cannot be read, or a line has another form or no name.
    """
    turns = []
    for number, line in read_lines(path):
        text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip() or text.startswith(FREQUENCIES):
            continue
        try:
            turn = _turn(text)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        if turn.segment.duration_s > 0:
            turns.append(turn)
    return turns


def format_labels(turns: Sequence[Turn]) -> str:
    """The turns by their start, times to the millisecond, in Audacity's six decimals.

    Raises:
        DataError: a name is empty.
    """
    return "".join(
        f"{seconds_text(cue.start_ms)}000\t{seconds_text(cue.end_ms)}000\t{cue.speaker}\n"
        for cue in cues_in_order(turns)
    )


def _turn(line: bytes) -> Turn:
    try:
        fields = line.decode().strip("\r\n").split("\t")
    except UnicodeDecodeError:
        raise ValueError(f"expected UTF-8 text, got {shorten(line)}") from None
    if len(fields) != N_FIELDS or not fields[2].strip():
        raise ValueError(f"expected 'start <tab> end <tab> name', got {shorten(line)}")
    return Turn(Segment(seconds(fields[0], "a start"), seconds(fields[1], "an end")), fields[2].strip())
