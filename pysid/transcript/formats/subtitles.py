"""A transcript as subtitles; see `pysid.transcript.captions` for how long the cues are.

Where the speaker changes, the cue begins with the name: "anna: Good morning." So do the first two of one speaker alone.
In WebVTT each cue is marked with its voice too, so that a style sheet can colour it. How names are told from what is
said is in `pysid.io.turns.cue_names`.
"""

from pysid.io.turns.cues import milliseconds
from pysid.io.turns.subtitles import VTT_ESCAPES, srt, vtt
from pysid.transcript.captions import Caption, captions
from pysid.transcript.formats.document import Document, shown


def format_srt(document: Document) -> str:
    """SubRip."""
    return srt((*_times(cue), "\n".join(cue.lines)) for cue in captions(document.utterances))


def format_vtt(document: Document) -> str:
    """WebVTT."""
    return vtt((*_times(cue), _marked(cue)) for cue in captions(document.utterances))


def _times(cue: Caption) -> tuple[int, int]:
    start_ms = milliseconds(cue.start_s)
    return start_ms, max(start_ms + 1, milliseconds(cue.end_s))


def _marked(cue: Caption) -> str:
    text = "\n".join(cue.lines).translate(VTT_ESCAPES)
    return text if cue.speaker is None else f"<v {shown(cue.speaker).translate(VTT_ESCAPES)}>{text}"
