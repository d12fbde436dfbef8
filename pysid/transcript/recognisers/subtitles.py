"""Words of subtitles, SubRip or WebVTT. A cue's words share its time, but where WebVTT has times within the text.

    00:00:01.000 --> 00:00:03.000
    Good<00:00:01.400><c> morning</c>

A name before the text, "anna: ...", is not taken for a word of the text where the file has such names, see
`pysid.io.turns.cue_names`; in a file with <v anna> it is one only where the voice has that name.

YouTube's own captions roll up: a cue shows the last line of the one before above its own, and between them is one of
10 ms that has nothing new. There each line counts once, also after a conversion to SubRip.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pysid.io.files import PathLike
from pysid.io.turns.cue_names import names_before
from pysid.io.turns.subtitles import MARKUP, TAG, SubtitleCue, has_voices, read_cues
from pysid.transcript.captions import label_of
from pysid.transcript.words import Word, in_order, spread

MOMENT_S = 0.02  # longer than the cues between those of captions that roll up
TIME = re.compile(r"<(?:(\d{1,4}):)?(\d{1,2}):(\d{2})\.(\d{3})>")


def read_subtitles(path: PathLike) -> list[Word]:
    """The words of all cues.

    Raises:
        DataError: see `pysid.io.turns.subtitles.read_cues`.
    """
    cues = _once(read_cues(path))
    words: list[Word] = []
    for cue, begins in zip(cues, _begins(cues), strict=True):
        of_cue = _words(cue, begins)
        if of_cue:
            words += [*of_cue[:-1], replace(of_cue[-1], ends_segment=True)]
    return in_order(words)


def _once(cues: Sequence[SubtitleCue]) -> list[SubtitleCue]:
    """The cues of captions that roll up without the lines of the cue before; other cues as they are."""
    shown = [cue.plain.split("\n") for cue in cues]
    if not any(
        cue.end_s - cue.start_s < MOMENT_S and lines == before[-len(lines) :]
        for cue, before, lines in zip(cues[1:], shown, shown[1:], strict=False)
    ):
        return list(cues)
    result = list(cues[:1])
    for cue, before, lines in zip(cues[1:], shown, shown[1:], strict=False):
        repeated = next((n for n in range(len(lines), 0, -1) if lines[:n] == before[-n:]), 0)
        result.append(replace(cue, text="\n".join(cue.text.split("\n")[repeated:])))
    return result


def _begins(cues: Sequence[SubtitleCue]) -> list[int]:
    """At which character of its plain text what is said in each cue begins, after the speaker's name."""
    if has_voices(cues):
        return [_after(cue.plain, label_of(cue.voice)) for cue in cues]
    said = names_before([cue.plain for cue in cues])
    return [0] * len(cues) if said is None else [x.begins for x in said]


def _after(text: str, label: str) -> int:
    name = label.rstrip()
    return len(label) if text.startswith(name) and text[len(name) :][:1].isspace() else 0


def _words(cue: SubtitleCue, begins: int) -> list[Word]:
    """Pieces of text between times within the cue, of which most have none."""
    parts = TIME.split(cue.text) if cue.is_vtt else [cue.text]
    starts_s = [cue.start_s]
    for at in range(1, len(parts), 5):
        hours, minutes, seconds, ms = (int(x or 0) for x in parts[at : at + 4])
        starts_s.append(min(max(starts_s[-1], 3600 * hours + 60 * minutes + seconds + ms / 1000), cue.end_s))
    texts = [TAG.sub("", text) for text in parts[::5]]
    texts = [html.unescape(text) if cue.is_vtt else MARKUP.sub("", text) for text in texts]
    texts[0] = texts[0][begins:]
    words: list[Word] = []
    for text, (start_s, end_s) in zip(texts, pairwise([*starts_s, cue.end_s]), strict=True):
        if text.strip():
            words += spread(text, start_s, end_s)
    return words
