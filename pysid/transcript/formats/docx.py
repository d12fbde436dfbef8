"""A transcript as a Word document: one paragraph per utterance, with the speaker in bold and the time in grey."""

import io
import re
from datetime import datetime

from pysid.errors import needs_extra
from pysid.transcript.formats.document import Document, clock, shown

NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLOURS = ("1F4E9E", "B3470F", "1B7340", "8A2A6B", "6B5B00", "005F73", "7A1F1F", "4B3F9E")
GREY = "767676"
NO_DATE = datetime(2000, 1, 1)  # so that the same transcript is the same file


def import_docx() -> None:
    """Looks for python-docx; raises MissingExtra if it is not installed."""
    with needs_extra("a Word document", "docx"):
        import docx  # noqa: F401


def format_docx(document: Document) -> bytes:
    """The file.

    Raises:
        MissingExtra: python-docx, which writes it, is not installed.
    """
    import_docx()
    import docx
    from docx.shared import Pt, RGBColor

    file = docx.Document()
    properties = file.core_properties
    properties.title, properties.author, properties.comments = _clean(document.title), "pysid", ""
    properties.created = properties.modified = NO_DATE
    if document.transcript.language:
        properties.language = _clean(document.transcript.language)
    file.add_heading(_clean(document.title), level=1)
    colour = {speaker: COLOURS[i % len(COLOURS)] for i, speaker in enumerate(document.transcript.speakers)}
    for utterance in document.utterances:
        head = file.add_paragraph()
        head.paragraph_format.keep_with_next = True
        head.paragraph_format.space_before, head.paragraph_format.space_after = Pt(8), Pt(0)
        name = head.add_run(_clean(shown(utterance.speaker)))
        name.bold, name.italic = True, utterance.speaker is None
        name.font.color.rgb = RGBColor.from_string(colour.get(utterance.speaker or "", GREY))
        time = head.add_run(f"  {clock(utterance.start_s)}")
        time.font.size, time.font.color.rgb = Pt(9), RGBColor.from_string(GREY)
        file.add_paragraph(_clean(utterance.text)).paragraph_format.space_after = Pt(4)
    written = io.BytesIO()
    file.save(written)
    return written.getvalue()


def _clean(text: str) -> str:
    """Without characters that XML cannot hold."""
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
