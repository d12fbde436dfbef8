"""A transcript as plain text and as Markdown: one paragraph per utterance."""

import re

from pysid.transcript.formats.document import Document, clock, shown

MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
AT_START = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s|$)")  # what would begin a list


def format_txt(document: Document) -> str:
    """One line per utterance: `[0:12] anna: Good morning.`"""
    lines = (f"[{clock(u.start_s)}] {shown(u.speaker)}: {_one_line(u.text)}\n" for u in document.utterances)
    return "".join(lines)


def format_md(document: Document) -> str:
    """Markdown: the title, then paragraphs that begin with the speaker and the time; what would be marks is escaped."""
    parts = [f"# {_escaped(document.title)}\n"]
    for u in document.utterances:
        parts.append(f"**{_escaped(shown(u.speaker))}** ({clock(u.start_s)})  \n{_escaped(_one_line(u.text))}\n")
    return "\n".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return AT_START.sub(r"\1\\\2", MARKS.sub(r"\\\1", _one_line(text)))
