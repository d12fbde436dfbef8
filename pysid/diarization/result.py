"""Who spoke when in a recording: the turns, shown and written."""

import html
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pysid.diarization.clean_turns import JOIN_S, joined_turns
from pysid.diarization.exclusive import exclusive
from pysid.diarization.steps import Clustering
from pysid.diarization.voices import Voice
from pysid.errors import DataError
from pysid.io.audio.reader import AudioFile
from pysid.io.audio.streams import is_path
from pysid.io.files import atomic_text, name_text
from pysid.io.turns.formats import FORMATS
from pysid.io.turns.json import TurnDetails, format_turns_json
from pysid.metrics.diarization import DerCounts, ErrorPiece
from pysid.segments import Turn

if TYPE_CHECKING:
    from pyannote.core import Annotation


HTML = "html"
TO_READ = ("srt", "vtt")  # formats whose turns are read by people, and so not broken at short pauses
ALL_FORMATS = (*FORMATS, HTML)


@dataclass(frozen=True, eq=False, repr=False)
class Diarization:
    """Who spoke when: it prints as a list of turns, and can be written.

    Attributes:
        turns: in order of their start; speakers are named "speaker1", "speaker2" ... as they first speak.
        duration_s: of the recording.
        clustering: who speaks in each window of the analysis, 0 for "speaker1"; None where there was no speech.
        join_s: the longest pause that does not end a speaker's turn where people read it: see `to_read`.
        voices: of the speakers, in the order in which they first talk; None where they were not asked for.
        confidences: of the turns, see `pysid.diarization.confidence`; None where they were not asked for.
        model: fingerprint of the model whose embeddings the voices have.
        recording: what it is called in files.
        audio: the recording, for the page; None leaves out the sound.
        channel: of it, counted from 0, that the turns are of; None is the mean of those that hold sound.
    """

    turns: list[Turn]
    duration_s: float
    clustering: Clustering | None = None
    join_s: float = JOIN_S
    voices: list[Voice] | None = None
    confidences: list[float | None] | None = None
    model: str | None = None
    recording: str = field(default="recording", kw_only=True)
    audio: AudioFile | None = field(default=None, kw_only=True)
    channel: int | None = field(default=None, kw_only=True)

    @property
    def speakers(self) -> list[str]:
        """The names, in order of their first turn."""
        return list(dict.fromkeys(turn.speaker for turn in self.turns))

    @property
    def exclusive(self) -> list[Turn]:
        """The turns with one speaker at a time: overlapping speech goes to the speaker who continues."""
        return exclusive(self.turns)

    @property
    def to_read(self) -> list[Turn]:
        """The turns with short pauses bridged, as subtitles and the page have them."""
        return joined_turns(self.turns, self.join_s)

    def of(self, audio: AudioFile, channel: int | None = None) -> Self:
        """The same with the channel that it is of, and the recording's name and sound where that is a file."""
        if not is_path(audio):
            return replace(self, channel=channel)
        path = os.fspath(audio)  # type: ignore[arg-type]
        return replace(self, recording=name_text(Path(path).stem), audio=path, channel=channel)

    def to_annotation(self, recording: str | None = None) -> "Annotation":
        """The turns as pyannote.core has them, under the name of the recording or another."""
        from pysid.io.turns.annotation import to_annotation

        return to_annotation(self.turns, recording or self.recording)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the turns in the format that the ending names: .rttm, .srt, .vtt, .json, .txt (Audacity), .TextGrid
        (Praat), .eaf (ELAN), .exb (EXMARaLDA), .cha (CLAN), .csv or .html, a page to look at and listen to.

        Raises:
            DataError: another ending.
        """
        kinds = {ending_of(kind).lower(): kind for kind in ALL_FORMATS}
        name = Path(path).name.lower()
        kind = kinds.get(max((ending for ending in kinds if name.endswith(ending)), key=len, default=""))
        if kind is None:
            raise DataError(f"{path}: expected a name that ends in one of {', '.join(map(ending_of, ALL_FORMATS))}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_outcome(kind, Path(path), Outcome(self.recording, self, None, None, None, []), self.audio)

    def __repr__(self) -> str:
        counts = f"{len(self.speakers)} speakers, {len(self.turns)} turns in {self.duration_s:.1f} s"
        return f"<{type(self).__name__} {self.recording!r}: {counts}>"

    def __str__(self) -> str:
        """A line for each turn: start and end in seconds, speaker."""
        lines = [f"{turn.segment.start_s:9.2f} {turn.segment.end_s:9.2f}  {turn.speaker}" for turn in self.turns]
        return "\n".join(lines) or "no speech found"

    def _repr_html_(self) -> str:
        """The page, without sound, for notebooks."""
        from pysid.report.page import render_page

        page = render_page(None, self.turns, duration_s=self.duration_s, title=self.recording)
        return f'<iframe srcdoc="{html.escape(page)}" style="width: 100%; height: 30em; border: 0"></iframe>'


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one recording.

    Attributes:
        diarization: its turns.
        reference: the turns that it should have, with `counts` and `errors` in comparison; None where not known.
        files: what was written.
    """

    recording: str
    diarization: Diarization
    reference: Sequence[Turn] | None
    counts: DerCounts | None
    errors: Sequence[ErrorPiece] | None
    files: list[Path]


def ending_of(kind: str) -> str:
    """The ending of files of a format, with its dot."""
    return ".html" if kind == HTML else FORMATS[kind].ending


def write_outcome(kind: str, path: Path, outcome: Outcome, audio: AudioFile | None, follows: bool = False) -> None:
    """Writes what came of a recording, in a format of `ALL_FORMATS`; the page plays `audio`, if that is given.

    Args:
        kind: a key of `ALL_FORMATS`.
        path: where to.
        outcome: diarization, reference and errors.
        audio: the recording.
        follows: standard output has other recordings of the format already.
    Raises:
        DataError: the format has no place for a name.
    """
    found = outcome.diarization
    if kind != HTML:
        turns = found.to_read if kind in TO_READ else found.turns
        try:
            text = FORMATS[kind].text(outcome.recording, turns, found.duration_s, follows)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        if kind == "json":
            text = format_turns_json(outcome.recording, turns, found.duration_s, details(found))
        with atomic_text(path) as file:
            file.write(text)
        return
    from pysid.report.page import write_page

    write_page(
        path,
        audio,
        found.to_read if outcome.errors is None else found.turns,  # errors are those of the turns as they are
        duration_s=found.duration_s,
        title=outcome.recording,
        reference=outcome.reference,
        errors=outcome.errors,
        figures=None if outcome.counts is None else outcome.counts.rates(),
        channel=found.channel,
        notes={voice.speaker: note for voice in found.voices or [] if (note := describe_identity(voice))},
    )


def details(found: Diarization) -> TurnDetails:
    """What JSON says of a diarization beside its turns."""
    speakers = {}
    for voice in found.voices or []:
        known = {
            "share": round(voice.share, 4),
            "clean_s": round(voice.clean_s, 2),
            "snr_db": None if voice.snr_db is None else round(voice.snr_db, 1),
            "embedding": None if voice.embedding is None else [float(f"{x:.7g}") for x in voice.embedding.tolist()],
        }
        speakers[voice.speaker] = known | ({} if voice.identity is None else {"identity": asdict(voice.identity)})
    sure = None if found.confidences is None else [None if x is None else round(x, 3) for x in found.confidences]
    return TurnDetails(exclusive=found.exclusive, speakers=speakers, confidences=sure, model=found.model)


def describe_identity(voice: Voice) -> str:
    """Who the speaker may be of those enrolled, in a few words; nothing where that was not asked."""
    found = voice.identity
    if found is None:
        return ""
    figure = f"score {found.score:.2f}" if found.probability is None else f"{100 * found.probability:.1f} %"
    first = figure if found.accepted else f"not enrolled; nearest {found.name}, {figure}"
    if found.runner_up is None or not found.accepted:
        return first
    second = "" if found.runner_up_probability is None else f", {100 * found.runner_up_probability:.1f} %"
    return f"{first}; then {found.runner_up}{second}"
