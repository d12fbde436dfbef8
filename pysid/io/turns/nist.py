"""What NIST's text files, RTTM and UEM, have in common: comments, times, and names of one word.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A, and what
md-eval.pl (https://github.com/usnistgov/SCTK) reads.
"""

import re
from collections.abc import Iterable, Iterator

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.table_formats import finite
from pysid.io.text import BYTE_ORDER_MARK, RowFormat, read_lines
from pysid.segments import LONGEST_S

COMMENTS = (";", "#")
CHANNEL = "1"  # that of all lines written; md-eval scores only lines whose channels are equal


def read_nist_rows(path: PathLike, row_format: RowFormat) -> Iterator[tuple[int, list[str]]]:
    """The lines that are neither blank nor a comment, split: (line number from 1, fields).

    Raises:
        DataError: the file cannot be read, or a line is not UTF-8 or has another number of fields.
    """
    comments = tuple(mark.encode() for mark in COMMENTS)
    for number, line in read_lines(path):
        text = line.removeprefix(BYTE_ORDER_MARK).strip() if number == 1 else line.strip()
        if not text or text.startswith(comments):
            continue
        try:
            fields = row_format.split(text)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        yield number, fields


def seconds(text: str, what: str) -> float:
    """A time of 0 or more. Raises ValueError that calls it `what`."""
    value = finite(text, f"{what} in seconds, 0 or more")
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"expected {what} in seconds, 0 or more, got {text!r}")
    return value


def one_words(names: Iterable[str]) -> dict[str, str]:
    """Each name as one word: white space, which ends a field, becomes "_".

    Recordings are often named after files, "my meeting.wav", so refusing such names would help nobody.

    Raises:
        DataError: a name is empty, or two different names become the same word.

    >>> one_words(["my meeting", "b"])
    {'my meeting': 'my_meeting', 'b': 'b'}
    """
    words = {name: re.sub(r"\s", "_", name) for name in names}
    seen: dict[str, str] = {}
    for name, word in words.items():
        if not word:
            raise DataError("expected a name of a recording or a speaker, got an empty one")
        first = seen.setdefault(word, name)
        if first != name:
            raise DataError(f"the names {first!r} and {name!r} would both be written as {word!r}")
    return words
