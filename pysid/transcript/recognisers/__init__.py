"""What speech recognisers write, each in a module of its own, and `read_transcript`, which tells them apart."""

from pathlib import Path
from typing import Protocol

from pysid.errors import DataError
from pysid.io.files import PathLike, kept, open_binary
from pysid.io.json_values import JsonValue, named_errors, read_json_documents
from pysid.io.text import BYTE_ORDER_MARK
from pysid.transcript.recognisers import (
    amazon,
    assemblyai,
    deepgram,
    elevenlabs,
    hugging_face,
    own,
    vosk,
    whisper,
    whisper_cpp,
)
from pysid.transcript.recognisers.chat import read_chat_words
from pysid.transcript.recognisers.ctm import read_ctm
from pysid.transcript.recognisers.exmaralda import read_exmaralda_words
from pysid.transcript.recognisers.subtitles import read_subtitles
from pysid.transcript.recognisers.textgrid import read_textgrid_words
from pysid.transcript.words import Transcript, Word, in_order, with_punctuation

HEAD_BYTES = 4096


class JsonReader(Protocol):
    """A module for a recogniser's JSON."""

    NAME: str
    EXPECTED: str

    def recognises(self, document: JsonValue) -> bool:
        """Whether the document is of this kind, by what stands at its top."""

    def read(self, document: JsonValue) -> list[Word]:
        """Its words. Raises ValueError, naming the place in the document but not the file."""


JSON_READERS: tuple[JsonReader, ...] = (
    own,
    whisper_cpp,
    amazon,
    deepgram,
    elevenlabs,
    assemblyai,
    whisper,
    hugging_face,
    vosk,
)
JSON_NAMES = ", ".join(reader.NAME for reader in JSON_READERS[1:])
EXPECTED = f"the JSON of {JSON_NAMES}, or SRT, WebVTT, CTM, TextGrid, CHAT, EXMARaLDA"


def read_transcript(path: PathLike, recording: str | None = None) -> Transcript:
    """The words that a recogniser found in a recording; the kind of file is told by its content.

    Args:
        path: of a file or a pipe; "-" is standard input.
        recording: which one, where the file is a CTM of several.
    Raises:
        DataError: the file cannot be read, is of no kind that is known, or a value in it is absent or wrong.
    """
    path = kept(path)
    head = _head(path)
    if not head:
        raise DataError(f"{path}: expected {EXPECTED}, got an empty file")
    language = None
    if head[:1] in ("{", "["):
        words, language = _read_json(path)
    elif "ooTextFile" in head[:200]:
        words = read_textgrid_words(path)
    elif head.startswith("@") and "@Begin" in head:
        words, language = read_chat_words(path)
    elif head.startswith("<") and ("<basic-transcription" in head or Path(path).suffix.lower() == ".exb"):
        words = read_exmaralda_words(path)
    elif head.startswith("WEBVTT") or "-->" in head:
        words = read_subtitles(path)
    elif Path(path).suffix.lower() == ".ctm" or _looks_like_ctm(head):
        words = read_ctm(path, recording)
    else:
        raise DataError(f"{path}: expected {EXPECTED}, got something else")
    return Transcript(with_punctuation(in_order(words)), language)


def _head(path: PathLike) -> str:
    """The first characters of a text file, without white space before them."""
    with open_binary(path) as file:
        data = file.read(HEAD_BYTES)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").lstrip("\ufeff \t\r\n")
    return data.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace").lstrip()


def _looks_like_ctm(head: str) -> bool:
    lines = [line.split() for line in head.splitlines() if line.strip() and not line.startswith(";")]
    if not lines or not 5 <= len(lines[0]) <= 8:
        return False
    return all(field.replace(".", "", 1).isdigit() for field in lines[0][2:4])


def _read_json(path: PathLike) -> tuple[list[Word], str | None]:
    documents = read_json_documents(path)
    # Several documents in a file, or lists of one each, are Vosk's: one an utterance.
    document = documents[0] if len(documents) == 1 else JsonValue([x.value for x in documents])
    reader = next((reader for reader in JSON_READERS if reader.recognises(document)), None)
    if reader is None:
        found = document.value[0] if isinstance(document.value, list) and document.value else document.value
        keys = ", ".join(repr(key) for key in list(found)[:5]) if isinstance(found, dict) and found else "none"
        kinds = "; ".join(f"{reader.EXPECTED} ({reader.NAME})" for reader in JSON_READERS[1:])
        raise DataError(f"{path}: expected a recogniser's JSON: {kinds}; got the keys {keys}")
    with named_errors(path):
        return reader.read(document), _language(document)


def _language(document: JsonValue) -> str | None:
    """The language, where it is named in one of the ways in which these files do."""
    value = document.value
    for keys in (("language",), ("result", "language"), ("language_code",), ("results", "language_code")):
        found = value
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found.strip():
            return found.strip()
    return None
