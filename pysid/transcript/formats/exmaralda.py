"""A transcript as EXMARaLDA's basic transcription: an event for each sentence."""

from pysid.io.turns.cues import Cue
from pysid.io.turns.exmaralda import exmaralda_text
from pysid.transcript.formats.document import Document, shown
from pysid.transcript.words import joined


def format_exmaralda(document: Document) -> str:
    """The file; words without a known speaker are of one called "(nobody known)"."""
    said = [(Cue(x.start_ms, x.end_ms, shown(x.speaker)), joined(x.words)) for x in document.sentences]
    return exmaralda_text(document.title, said)
