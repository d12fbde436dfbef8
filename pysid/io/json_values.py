"""Values from JSON files of other programs, with the file and the place in it in every error.

document = read_json("words.json")
for i, word in enumerate(document["words"].items()):
    word["start"].seconds()      # "words.json: expected 'start' of words[3] to be seconds, 0 or more, got 'a'"
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes
from pysid.io.text import shorten
from pysid.segments import LONGEST_S

MAX_BYTES = 1 << 29  # of a JSON file: a day of words with all their tokens is a quarter of it
DOCUMENT = "the document"


def read_json(path: PathLike) -> "JsonValue":
    """The document in a JSON file, UTF-8 with or without a byte-order mark.

    Bytes that are not UTF-8 become surrogates (`surrogateescape`), which `whole_text` puts together again. Tokens of
    whisper.cpp that are parts of a character have such bytes.

    Raises:
        DataError: the file cannot be read, is larger than `MAX_BYTES`, or is not JSON.
    """
    documents = read_json_documents(path)
    if len(documents) != 1:
        raise DataError(f"{path}: expected one JSON document, got {len(documents)} of them")
    return documents[0]


def read_json_documents(path: PathLike) -> list["JsonValue"]:
    """The JSON documents of a file, one after the other, as JSON lines or simply joined.

    Raises:
        DataError: as in `read_json`, or there is none.
    """
    text = _read_text(path)
    decoder = json.JSONDecoder(parse_int=_parse_int)
    documents: list[JsonValue] = []
    at = _skip_space(text, 0)
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            documents.append(JsonValue(value))
            at = _skip_space(text, at)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: expected JSON: {error.msg}") from None
    except RecursionError:
        raise DataError(f"{path}: expected JSON, got lists nested too deeply") from None
    if not documents:
        raise DataError(f"{path}: expected JSON, got an empty file")
    return documents


@contextmanager
def named_errors(path: PathLike) -> Iterator[None]:
    """A ValueError in the block becomes a `DataError` that names the file."""
    try:
        yield
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


@dataclass(frozen=True)
class JsonValue:
    """A value and its place in the document, such as "results.items[3]". Methods raise ValueError."""

    value: Any
    where: str = ""

    @property
    def place(self) -> str:
        """Where it stands, for messages; "the document" at the top."""
        return self.where or DOCUMENT

    def __contains__(self, key: str) -> bool:
        """Whether it is an object that has a value other than null under this key."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> "JsonValue":
        if not isinstance(self.value, dict) or key not in self.value:
            raise ValueError(f"expected {self.place} to be an object with {key!r}{self._what_came()}")
        return JsonValue(self.value[key], f"{self.where}.{key}" if self.where else key)

    def get(self, key: str) -> "JsonValue | None":
        """The value under this key; None where it is absent or null."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return None if value is None else self[key]

    def items(self) -> list["JsonValue"]:
        """The values of a list."""
        if not isinstance(self.value, list):
            raise ValueError(f"expected {self.place} to be a list, got {self._shown()}")
        return [JsonValue(value, f"{self.where}[{i}]") for i, value in enumerate(self.value)]

    def list_of(self, key: str) -> list["JsonValue"]:
        """The values of the list under this key; none where it is absent or null."""
        return self[key].items() if key in self else []

    def text(self) -> str:
        """The value as a string.

        Raises:
            ValueError: it is not text, or has characters that UTF-8 cannot hold.
        """
        if not isinstance(self.value, str):
            raise ValueError(f"expected {self.place} to be text, got {self._shown()}")
        if not self.value.isascii() and any("\ud800" <= character <= "\udfff" for character in self.value):
            raise ValueError(f"expected {self.place} to be UTF-8 text, got {self._shown()}")
        return self.value

    def bytes_text(self) -> str:
        """A text that need not be UTF-8; other bytes are in it as surrogates, see `whole_text`."""
        return self.value if isinstance(self.value, str) else self.text()

    def number(self) -> float:
        """A finite number; text of a number is accepted too, as some services write it."""
        value = self.value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                value = None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"expected {self.place} to be a number, got {self._shown()}")
        return float(value)

    def seconds(self, units_per_s: float = 1.0) -> float:
        """A time of 0 or more, given in seconds or, with 1000 `units_per_s`, in milliseconds."""
        value = self.number()
        if not 0 <= value <= LONGEST_S * units_per_s:
            unit = "seconds" if units_per_s == 1 else "milliseconds"
            bounds = "0 or more" if value < 0 else f"at most {LONGEST_S * units_per_s:g}"
            raise ValueError(f"expected {self.place} to be {unit}, {bounds}, got {self._shown()}")
        return value / units_per_s

    def _shown(self) -> str:
        kinds: dict[type, str] = {dict: "an object", list: "a list", type(None): "null"}
        return kinds.get(type(self.value)) or shorten(json.dumps(self.value, ensure_ascii=True))

    def _what_came(self) -> str:
        if not isinstance(self.value, dict):
            return f", got {self._shown()}"
        keys = ", ".join(repr(key) for key in list(self.value)[:5])
        more = ", ..." if len(self.value) > 5 else ""
        return f", got one with {keys}{more}" if keys else ", got an empty one"


def whole_text(text: str) -> str:
    """A text with the bytes that `read_json` could not decode put together again; U+FFFD for what is still not UTF-8.

    >>> whole_text("caf" + chr(0xdcc3) + chr(0xdca9))
    'café'
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_text(path: PathLike) -> str:
    return read_bytes(path, MAX_BYTES).decode("utf-8-sig", "surrogateescape")


def _parse_int(digits: str) -> float:
    """Of numbers that no file needs, without Python's limit on digits, and their cost."""
    return int(digits) if len(digits) < 20 else float(digits)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
