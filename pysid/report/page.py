"""A diarization as one HTML page: hear it, see who speaks when, rename the speakers, step through the errors.

The page holds all that it needs and loads nothing, so it works offline and can be sent to others. Names and titles
are foreign text: they are escaped wherever they go, and a content security policy lets no other script run than the
page's own.
"""

import base64
import hashlib
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pysid._version import __version__
from pysid.io.audio.files import audio_info
from pysid.io.audio.reader import AudioFile
from pysid.io.files import atomic_text
from pysid.io.turns.cues import by_speaker, cues, milliseconds
from pysid.metrics.diarization import ErrorPiece, speaker_mapping
from pysid.report.colours import HUES, LANE, look
from pysid.report.sound import Embed, EmbeddedSound, LinkedSound, PathLike, sound_for_page
from pysid.report.waveform import waveform_peaks
from pysid.segments import Turn

SCRIPTS = ("model.js", "player.js", "timeline.js", "drawing.js", "lists.js", "words.js", "main.js")
KINDS = ("missed", "false alarm", "confusion")
FAVICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect x='1' y='2' width='9' height='5' rx='1' fill='%230072b2'/%3E"
    "%3Crect x='6' y='9' width='9' height='5' rx='1' fill='%23d55e00'/%3E%3C/svg%3E"
)


@dataclass(frozen=True)
class Speaker:
    """A row of the table of speakers.

    Attributes:
        look: CSS classes, see `pysid.report.colours`.
        seconds: of speech; share: of the speech of all speakers.
        reference: who it is, according to the reference.
        note: what else is known of who it is.
    """

    name: str
    look: str
    seconds: float
    share: float
    n_turns: int
    reference: str | None
    note: str = ""

    @property
    def summary(self) -> str:
        """Number of turns and time, in words."""
        return f"{self.n_turns} turn{'' if self.n_turns == 1 else 's'}, {clock(self.seconds)}"


@dataclass(frozen=True)
class SpokenText:
    """A paragraph of what is said.

    Attributes:
        speaker: as the turns have it; None where nobody is known.
        words: of each the start and the end in seconds, the text, and whether no space stands before it.
    """

    speaker: str | None
    words: Sequence[tuple[float, float, str, bool]]


def render_page(
    audio: AudioFile | None,
    turns: Sequence[Turn],
    *,
    duration_s: float,
    title: str,
    reference: Sequence[Turn] | None = None,
    errors: Sequence[ErrorPiece] | None = None,
    figures: Mapping[str, float | str] | None = None,
    notes: Mapping[str, str] | None = None,
    text: Sequence[SpokenText] | None = None,
    embed_audio: Embed = "auto",
    folder: PathLike | None = None,
    channel: int | None = None,
) -> str:
    """The page of one recording.

    Args:
        audio: the recording, as of `sound_for_page`; None, or a file that is not there, gives a page that cannot be
            played.
        duration_s: of the recording; a turn that ends later makes the time line longer.
        title: what the recording is called.
        reference: who really speaks when.
        errors: what `error_pieces` makes of the two.
        figures: shown at the top, by name, such as the DER; numbers are fractions and shown in percent.
        notes: {speaker: what else is known of who it is}, such as a probability.
        text: what is said, in order of time.
        embed_audio: see `pysid.report.sound.sound_for_page`.
        folder: where the page will be, for a link to the recording.
        channel: the one that the turns are of, which is seen and heard; None is for all.
    Raises:
        ValueError: the duration is not a positive number.
        DataError: the recording cannot be read.
    """
    if not 0 < duration_s < math.inf:
        raise ValueError(f"a page needs a duration above 0 s, got {duration_s}")
    path = audio if isinstance(audio, str | os.PathLike) else None
    found = audio if path is None or os.path.exists(path) else None
    sound = None if found is None else sound_for_page(found, embed_audio, folder=folder, channel=channel)
    mapping = _mapping(reference, turns)
    speakers = [replace(x, note=(notes or {}).get(x.name, "")) for x in _speakers(turns, mapping)]
    data = {
        "recording": title if path is None else Path(path).stem,
        "duration_ms": milliseconds(max([duration_s, *(turn.segment.end_s for turn in [*turns, *(reference or ())])])),
        "speakers": [{"name": speaker.name, "look": speaker.look} for speaker in speakers],
        "turns": _rows(turns, [speaker.name for speaker in speakers]),
        "reference": _reference(reference or (), speakers),
        "kinds": [] if errors is None else _kinds(errors),
        "errors": _errors(errors or (), [speaker.name for speaker in speakers]),
        "words": _words(text or (), [speaker.name for speaker in speakers]),
        "sound": _sound_facts(sound),
        **_waveform(found, channel),
    }
    return _fill_in(
        title=title,
        duration_s=data["duration_ms"] / 1000,
        speakers=speakers,
        n_turns=len(data["turns"]),
        mapped=reference is not None,
        errors=errors,
        figures=[(name, _figure(value)) for name, value in (figures or {}).items()],
        notice="" if sound else _why_silent(audio),
        sound=sound,
        has_text=text is not None,
        data=data,
    )


def write_page(
    path: PathLike,
    audio: AudioFile | None,
    turns: Sequence[Turn],
    *,
    duration_s: float,
    title: str,
    reference: Sequence[Turn] | None = None,
    errors: Sequence[ErrorPiece] | None = None,
    figures: Mapping[str, float | str] | None = None,
    notes: Mapping[str, str] | None = None,
    text: Sequence[SpokenText] | None = None,
    embed_audio: Embed = "auto",
    channel: int | None = None,
) -> None:
    """Writes what `render_page` gives to `path`, where it appears when it is complete.

    Args:
        path: where to.
        audio: the recording, or None for a page without sound.
        turns: what was found.
        duration_s: length of the recording.
        title: above all.
        reference: the truth, drawn below.
        errors: where the two differ, as `pysid.metrics.error_pieces`.
        figures: shown beside the title.
        notes: {speaker: a word on who it is}.
        text: what is said, and when.
        embed_audio: whether the sound is in the page or linked; "auto" goes by its size.
        channel: the one that the turns are of; None is for all.
    """
    page = render_page(
        audio,
        turns,
        duration_s=duration_s,
        title=title,
        reference=reference,
        errors=errors,
        figures=figures,
        notes=notes,
        text=text,
        embed_audio=embed_audio,
        folder=os.path.dirname(os.path.abspath(path)),
        channel=channel,
    )
    with atomic_text(path) as file:
        file.write(page)


def clock(seconds: float) -> str:
    """Times as people read them.

    >>> clock(3723.44)
    '1:02:03.4'
    """
    tenths = int(10 * seconds + 1e-5)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _speakers(turns: Sequence[Turn], mapping: Mapping[str, str], first_look: int = 0) -> list[Speaker]:
    """In the order in which they first speak."""
    seconds = {name: sum(piece.duration_s for piece in pieces) for name, pieces in by_speaker(turns).items()}
    whole = sum(seconds.values())
    n_turns = Counter(cue.speaker for cue in cues(turns))
    return [
        Speaker(name, look(first_look + i), seconds[name], seconds[name] / whole, n_turns[name], mapping.get(name))
        for i, name in enumerate(seconds)
    ]


def _rows(turns: Sequence[Turn], names: Sequence[str]) -> list[tuple[int, int, int]]:
    """Start and end in milliseconds and the number of the speaker, in order of time."""
    number = {name: i for i, name in enumerate(names)}
    return sorted((cue.start_ms, cue.end_ms, number[cue.speaker]) for cue in cues(turns))


def _words(text: Iterable[SpokenText], names: Sequence[str]) -> list[tuple[int, list[tuple[int, int, str, bool]]]]:
    """The paragraphs, with the number of the speaker, -1 of one who has no turn."""
    number = {name: i for i, name in enumerate(names)}
    return [
        (
            number.get(said.speaker or "", -1),
            [(milliseconds(start_s), milliseconds(end_s), word, glued) for start_s, end_s, word, glued in said.words],
        )
        for said in text
        if said.words
    ]


def _reference(reference: Sequence[Turn], speakers: Sequence[Speaker]) -> dict[str, Any]:
    """Its speakers look like those of the diarization that they are, and stand in their order."""
    looks = {speaker.reference: speaker.look for speaker in speakers}
    order = {name: i for i, name in enumerate(looks)}
    rows = _speakers(reference, {}, first_look=len(speakers))
    rows.sort(key=lambda row: order.get(row.name, len(order)))
    return {
        "speakers": [{"name": row.name, "look": looks.get(row.name, row.look), "summary": row.summary} for row in rows],
        "turns": _rows(reference, [row.name for row in rows]),
    }


def _mapping(reference: Sequence[Turn] | None, turns: Sequence[Turn]) -> Mapping[str, str]:
    return speaker_mapping(reference, turns) if reference and turns else {}


def _counts(piece: ErrorPiece) -> tuple[int, int, int]:
    """As `KINDS`."""
    return piece.missed, piece.false_alarm, piece.confusion


def _kinds(errors: Iterable[ErrorPiece]) -> list[dict[str, str]]:
    seconds = [0.0] * len(KINDS)
    for piece in errors:
        for kind, count in enumerate(_counts(piece)):
            seconds[kind] += count * piece.segment.duration_s
    return [
        {"name": name, "look": name.replace(" ", "-"), "total": clock(whole)}
        for name, whole in zip(KINDS, seconds, strict=True)
    ]


def _errors(errors: Iterable[ErrorPiece], names: Sequence[str]) -> list[tuple[int, int, int, str, list[int]]]:
    """Start, end, kind, who speaks, and the numbers of those who do according to the diarization."""
    number = {name: i for i, name in enumerate(names)}
    rows = []
    for piece in errors:
        start, end = milliseconds(piece.segment.start_s), milliseconds(piece.segment.end_s)
        said = [number[name] for name in piece.hypothesis if name in number]
        rows += [
            (start, end, kind, ", ".join(piece.reference), said)
            for kind, count in enumerate(_counts(piece))
            if count and end > start
        ]
    return sorted(rows)


def _waveform(audio: AudioFile | None, channel: int | None) -> dict[str, Any]:
    if audio is None:
        return {"peaks": "", "sound_ms": 0}
    peaks = base64.b64encode(waveform_peaks(audio, channel=channel).tobytes()).decode("ascii")
    return {"peaks": peaks, "sound_ms": milliseconds(audio_info(audio, math.inf).duration_s)}


def _sound_facts(sound: EmbeddedSound | LinkedSound | None) -> dict[str, str] | None:
    if isinstance(sound, EmbeddedSound):
        return {"media_type": sound.media_type}
    return None if sound is None else {"url": sound.url}


def _why_silent(audio: AudioFile | None) -> str:
    if audio is None:
        return "This page was made without the recording, so it cannot be played."
    if not isinstance(audio, str | os.PathLike):
        return "The recording came through a pipe and is too long to be in this page, so it cannot be played."
    return f"The recording {Path(audio).name} was not there when this page was made, so it cannot be played."


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{100 * value:.2f}%"


def _fill_in(sound: EmbeddedSound | LinkedSound | None, **values: Any) -> str:
    loader = jinja2.PackageLoader("pysid", "report/templates")
    templates = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = templates.get_template("page.css.j2").render(hues=HUES, lane=LANE)
    script = "\n".join(loader.get_source(templates, name)[0] for name in SCRIPTS)
    page = templates.get_template("page.html.j2").render(
        version=__version__,
        favicon=FAVICON,
        clock=clock,
        policy=_policy(style, script, sound),
        style=Markup(style),
        script=Markup(script),
        base64=Markup(sound.base64) if isinstance(sound, EmbeddedSound) else None,
        **values,
    )
    return page.encode("utf-8", "replace").decode("utf-8")  # names of files need not be valid text


def _policy(style: str, script: str, sound: EmbeddedSound | LinkedSound | None) -> str:
    """Nothing but this style and this script, and the recording from where it is."""
    media = {EmbeddedSound: "; media-src blob:", LinkedSound: "; media-src 'self' file:"}.get(type(sound), "")
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:{media}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
