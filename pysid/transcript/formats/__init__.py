"""The formats in which a transcript can be written, by the names that `pysid transcript --format` takes."""

from collections.abc import Callable
from typing import NamedTuple

from pysid.io.files import PathLike, atomic_path
from pysid.transcript.formats.chat import format_chat
from pysid.transcript.formats.document import Document
from pysid.transcript.formats.docx import format_docx, import_docx
from pysid.transcript.formats.exmaralda import format_exmaralda
from pysid.transcript.formats.json import format_json
from pysid.transcript.formats.subtitles import format_srt, format_vtt
from pysid.transcript.formats.table import format_csv
from pysid.transcript.formats.text import format_md, format_txt


class TranscriptFormat(NamedTuple):
    """The ending of such a file, and what makes its content, text as UTF-8."""

    ending: str
    format: Callable[[Document], str | bytes]


TRANSCRIPT_FORMATS: dict[str, TranscriptFormat] = {
    "txt": TranscriptFormat(".txt", format_txt),
    "srt": TranscriptFormat(".srt", format_srt),
    "vtt": TranscriptFormat(".vtt", format_vtt),
    "md": TranscriptFormat(".md", format_md),
    "json": TranscriptFormat(".json", format_json),
    "docx": TranscriptFormat(".docx", format_docx),
    "csv": TranscriptFormat(".csv", format_csv),
    "exmaralda": TranscriptFormat(".exb", format_exmaralda),
    "chat": TranscriptFormat(".cha", format_chat),
}


def check_format(kind: str) -> None:
    """Looks for what writes the format, before the work of which it is the end.

    Args:
        kind: one of `TRANSCRIPT_FORMATS`.
    Raises:
        MissingExtra: it is not installed.
    """
    if kind == "docx":
        import_docx()


def write_transcript(path: PathLike, document: Document, kind: str) -> None:
    """Writes a transcript; the file appears when it is complete.

    Args:
        path: where to.
        document: the transcript and its title.
        kind: one of `TRANSCRIPT_FORMATS`.
    Raises:
        DataError: what writes the format is not installed.
    """
    content = TRANSCRIPT_FORMATS[kind].format(document)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
