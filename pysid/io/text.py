"""Lines of a text file as fields, with the file and the line in every error.

Text is UTF-8. White space is that of the C locale, as in Kaldi, so an ideographic space inside a path stays
part of it. A byte-order mark, line ends of Windows, tabs and blank lines are skipped.
"""

import io
import sys
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from pysid.errors import DataError
from pysid.io.files import PathLike, atomic_text, open_binary

LONGEST_LINE = 1 << 26  # bytes: a speaker with a million utterances
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ANY_NUMBER = range(1, sys.maxsize)


@dataclass(frozen=True)
class RowFormat:
    """The form of a line: what error messages call it, its allowed numbers of fields, and the most splits to make."""

    expected: str
    n_fields: Container[int] = (2,)
    max_splits: int = -1

    def split(self, line: bytes) -> list[str]:
        """The fields of a line, none for a blank one. Raises ValueError, which names no place, for any other number."""
        fields = line.rstrip().split(None, self.max_splits)
        try:
            texts = [field.decode() for field in fields]
        except UnicodeDecodeError:
            raise ValueError(f"expected UTF-8 text, got {shorten(line)}") from None
        if texts and len(texts) not in self.n_fields:
            raise ValueError(f"expected '{self.expected}', got {shorten(line)}")
        return texts


def read_lines(path: PathLike) -> Iterator[tuple[int, bytes]]:
    """The lines of a file: (number from 1, bytes with their end). Raises DataError if it cannot be read."""
    try:
        with io.BufferedReader(open_binary(path)) as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise DataError(f"{path}:{number}: expected a line of text, got more than {LONGEST_LINE} bytes")
                yield number, line
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot read the file: {getattr(error, 'strerror', None) or error}") from None


def read_rows(path: PathLike, row_format: RowFormat) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, split: (line number from 1, fields).

    Raises:
        DataError: the file cannot be read, or a line is not UTF-8 or has another number of fields.
    """
    for number, line in read_lines(path):
        try:
            fields = row_format.split(line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        if fields:
            yield number, fields


def write_lines(path: PathLike, lines: Iterable[str]) -> None:
    """Writes the lines, each without its end, as one file that appears when it is complete."""
    with atomic_text(path) as file:
        file.writelines(f"{line}\n" for line in lines)


def shorten(line: bytes | str, limit: int = 80) -> str:
    """A line from a file, fit for an error message: quoted, on one line, not much longer than `limit`.

    >>> shorten(b"utt1 caf\\xe9\\r")
    "'utt1 caf\\\\\\\\xe9'"
    """
    text = line.decode(errors="backslashreplace") if isinstance(line, bytes) else line
    text = text.rstrip()
    return repr(text if len(text) <= limit else text[:limit] + "...")
