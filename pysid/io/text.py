"""Lines of a text file as fields, with the file and the line in every error.

Text is UTF-8. White space is that of the C locale, as in Kaldi, so an ideographic space inside a path stays part
of it. A byte-order mark, line ends of Windows, tabs and blank lines are read over.
"""

import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from pysid.errors import DataError
from pysid.io.atomic import atomic_text

PathLike = str | os.PathLike[str]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_bytes(path: PathLike) -> bytes:
    """The file's content. Raises DataError where there is none to be had."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None


def read_rows(
    path: PathLike, expected: str, n_fields: Container[int], max_splits: int = -1
) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, split: (line number from 1, fields).

    Args:
        path: the file.
        expected: the form of a line in words, for the error message.
        n_fields: the numbers of fields a line may have.
        max_splits: after so many splits the rest of the line is one field, inner white space and all.
    Raises:
        DataError: the file cannot be read, a line has another number of fields or is not UTF-8.
    """
    data = read_bytes(path).removeprefix(BYTE_ORDER_MARK)
    for number, line in enumerate(data.split(b"\n"), start=1):
        fields = line.rstrip().split(None, max_splits)
        if not fields:
            continue
        try:
            texts = [field.decode() for field in fields]
        except UnicodeDecodeError:
            raise DataError(f"{path}:{number}: expected UTF-8 text, got {shorten(line)}") from None
        if len(texts) not in n_fields:
            raise DataError(f"{path}:{number}: expected '{expected}', got {shorten(line)}")
        yield number, texts


def write_lines(path: PathLike, lines: Iterable[str]) -> None:
    """Writes the lines, each without its end, as one file that appears when it is complete."""
    with atomic_text(path) as file:
        file.writelines(f"{line}\n" for line in lines)


def shorten(line: bytes | str, limit: int = 80) -> str:
    """A line from a file, fit for an error message: quoted, on one line, not longer than `limit`.

    >>> shorten(b"utt1\\tspk1\\r")
    "'utt1\\\\tspk1'"
    """
    text = line.decode(errors="backslashreplace") if isinstance(line, bytes) else line
    text = text.rstrip()
    return repr(text if len(text) <= limit else text[:limit] + "...")
