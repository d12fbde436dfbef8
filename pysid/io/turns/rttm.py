"""RTTM (Rich Transcription Time Marked): who speaks when, one line per turn, any number of recordings in a file.

    SPEAKER recording 1 start duration <NA> <NA> speaker <NA> <NA>

Times are in seconds. Source: NIST's RT-09 evaluation plan, appendix A; written as Kaldi's diarization/make_rttm.py
and pyannote do, so that md-eval.pl, dscore and pyannote.metrics read it.

>>> print(format_rttm("my meeting", [Turn(Segment(0.5, 2.0), "anna"), Turn(Segment(2.0, 3.25), "b")]), end="")
SPEAKER my_meeting 1 0.500 1.500 <NA> <NA> anna <NA> <NA>
SPEAKER my_meeting 1 2.000 1.250 <NA> <NA> b <NA> <NA>
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pysid.errors import DataError
from pysid.io.files import PathLike, atomic_text, name_text
from pysid.io.text import RowFormat
from pysid.io.turns.cues import cues, seconds_text
from pysid.io.turns.nist import CHANNEL, one_words, read_nist_rows, seconds
from pysid.segments import Segment, Turn

LINE = RowFormat("SPEAKER recording channel start duration <NA> <NA> speaker <NA> [<NA>]", (9, 10))
OTHER_TYPES = frozenset(
    {
        "SEGMENT",
        "NOSCORE",
        "NO_RT_METADATA",
        "LEXEME",
        "NON-LEX",
        "NON-SPEECH",
        "FILLER",
        "EDIT",
        "IP",
        "SU",
        "CB",
        "A/P",
        "SPKR-INFO",
    }
)


def read_rttm(path: PathLike, *, allow_empty: bool = False) -> dict[str, list[Turn]]:
    """{recording: turns}, both in the order of the file.

    Of NIST's types of lines only SPEAKER says who talks when; the others (words, noises, the sex of a speaker) are
    skipped, and so are comments. The channel is ignored: Kaldi writes 0, most others 1. A turn of duration 0
    adds nothing but the name of its recording.

    Raises:
        DataError: the file cannot be read, a line is not RTTM, or (except with `allow_empty`) no line is a turn.
    """
    turns: dict[str, list[Turn]] = {}
    for number, fields in read_nist_rows(path, LINE):
        kind = fields[0].upper()
        if kind in OTHER_TYPES:
            continue
        try:
            if kind != "SPEAKER":
                raise ValueError(f"expected 'SPEAKER' or another of RTTM's types of lines, got {fields[0]!r}")
            segment = _segment(fields[3], fields[4])
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        of_recording = turns.setdefault(fields[1], [])
        if segment.duration_s > 0:
            of_recording.append(Turn(segment, fields[7]))
    if not turns and not allow_empty:
        raise DataError(f"{path}: expected lines 'SPEAKER recording 1 start duration ...', got none")
    return turns


def read_rttm_folder(folder: PathLike) -> dict[str, list[Turn]]:
    """The turns in all `.rttm` files of a folder.

    A file without lines is a recording in which nobody talks; it is named after the file as `format_rttm` names it.

    Raises:
        DataError: as in `read_rttm`; or there is no such file, or a recording is in two of them.
    """
    turns: dict[str, list[Turn]] = {}
    origin: dict[str, Path] = {}
    for path in sorted(Path(folder).glob("*.rttm")):
        for recording, of_recording in (read_rttm(path, allow_empty=True) or nobody_of(path)).items():
            if recording in turns:
                raise DataError(f"{path}: the recording {recording!r} is in {origin[recording]} already")
            turns[recording], origin[recording] = of_recording, path
    if not turns:
        raise DataError(f"{folder}: expected .rttm files, got none")
    return turns


def nobody_of(path: PathLike) -> dict[str, list[Turn]]:
    """The recording of a file without lines, which pysid writes where nobody talks: it is named after the file."""
    stem = name_text(Path(path).stem)
    return {one_words([stem])[stem]: []}


def format_rttm(recording: str, turns: Sequence[Turn]) -> str:
    """The lines of one recording, in the order given, times to the millisecond.

    White space in names becomes "_". A turn that is shorter than a millisecond after rounding is left out.

    Raises:
        DataError: a name is empty, or two speakers' names would be written the same.
    """
    recording = one_words([recording])[recording]
    names = one_words(turn.speaker for turn in turns)
    return "".join(
        f"SPEAKER {recording} {CHANNEL} {seconds_text(cue.start_ms)} {seconds_text(cue.end_ms - cue.start_ms)} "
        f"<NA> <NA> {names[cue.speaker]} <NA> <NA>\n"
        for cue in cues(turns)
    )


def write_rttm(path: PathLike, turns: Mapping[str, Sequence[Turn]]) -> None:
    """Writes {recording: turns}; see `format_rttm`. `read_rttm` gives them back, to the millisecond."""
    one_words(turns)
    text = "".join(format_rttm(recording, of_recording) for recording, of_recording in turns.items())
    with atomic_text(path) as file:
        file.write(text)


def _segment(start: str, duration: str) -> Segment:
    start_s = seconds(start, "a start")
    # To the microsecond: 5.463 + 0.640 is to be the 6.103 at which the next line starts.
    return Segment(start_s, max(start_s, round(start_s + seconds(duration, "a duration"), 6)))
