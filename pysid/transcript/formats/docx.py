"""A transcript as a Word document: one paragraph per utterance, with the speaker in bold and the time in grey."""

import io
from datetime import datetime

from pysid.errors import needs_extra
from pysid.io.xml_file import in_xml
from pysid.transcript.formats.document import Document, clock, shown

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
    properties.title, properties.author, properties.comments = in_xml(document.title), "pysid", ""
    properties.created = properties.modified = NO_DATE
    if document.transcript.language:
        properties.language = in_xml(document.transcript.language)
    file.add_heading(in_xml(document.title), level=1)
    colour = {speaker: COLOURS[i % len(COLOURS)] for i, speaker in enumerate(document.transcript.speakers)}
    for utterance in document.utterances:
        head = file.add_paragraph()
        head.paragraph_format.keep_with_next = True
        head.paragraph_format.space_before, head.paragraph_format.space_after = Pt(8), Pt(0)
        name = head.add_run(in_xml(shown(utterance.speaker)))
        name.bold, name.italic = True, utterance.speaker is None
        name.font.color.rgb = RGBColor.from_string(colour.get(utterance.speaker or "", GREY))
        time = head.add_run(f"  {clock(utterance.start_s)}")
        time.font.size, time.font.color.rgb = Pt(9), RGBColor.from_string(GREY)
        file.add_paragraph(in_xml(utterance.text)).paragraph_format.space_after = Pt(4)
    written = io.BytesIO()
    file.save(written)
    return written.getvalue()
