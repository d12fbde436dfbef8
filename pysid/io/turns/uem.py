"""UEM (un-partitioned evaluation map): which pieces of which recordings are scored.

    recording 1 start end

Times are in seconds; NIST's RT-09 evaluation plan, appendix A.

>>> print(format_uem("meeting", [Segment(0.0, 30.0)]), end="")
meeting 1 0.000 30.000
"""

from collections.abc import Mapping, Sequence

from pysid.errors import DataError
from pysid.io.files import PathLike, atomic_text
from pysid.io.text import RowFormat
from pysid.io.turns.cues import milliseconds, seconds_text
from pysid.io.turns.nist import CHANNEL, COMMENTS, one_words, read_nist_rows, seconds
from pysid.segments import Segment

LINE = RowFormat("recording channel start end", (4,))


def read_uem(path: PathLike) -> dict[str, list[Segment]]:
    """{recording: pieces to score}, both in the order of the file; the channel is ignored.

    Raises:
        DataError: the file cannot be read, a line has another form, a piece ends before it starts, or there is none.
    """
    pieces: dict[str, list[Segment]] = {}
    for number, (recording, _, start, end) in read_nist_rows(path, LINE):
        try:
            segment = _segment(start, end)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        pieces.setdefault(recording, []).append(segment)
    if not pieces:
        raise DataError(f"{path}: expected lines 'recording 1 start end', got none")
    return pieces


def format_uem(recording: str, pieces: Sequence[Segment]) -> str:
    """The lines of one recording, times to the millisecond; white space in its name becomes "_".

    Raises:
        DataError: the name is empty, or would make the line a comment.
    """
    word = one_words([recording])[recording]
    if word.startswith((*COMMENTS, "\ufeff")):
        raise DataError(f"expected the name of a recording that does not start a comment, got {recording!r}")
    times = ((milliseconds(piece.start_s), milliseconds(piece.end_s)) for piece in pieces)
    return "".join(
        f"{word} {CHANNEL} {seconds_text(start_ms)} {seconds_text(end_ms)}\n"
        for start_ms, end_ms in times
        if end_ms > start_ms
    )


def write_uem(path: PathLike, pieces: Mapping[str, Sequence[Segment]]) -> None:
    """Writes {recording: pieces to score}; `read_uem` gives them back, to the millisecond."""
    one_words(pieces)
    text = "".join(format_uem(recording, of_recording) for recording, of_recording in pieces.items())
    with atomic_text(path) as file:
        file.write(text)


def _segment(start: str, end: str) -> Segment:
    segment = seconds(start, "a start"), seconds(end, "an end")
    if segment[0] >= segment[1]:
        raise ValueError(f"expected a start before the end, got {start} and {end}")
    return Segment(*segment)
