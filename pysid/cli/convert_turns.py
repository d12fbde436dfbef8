"""`pysid convert`: turns of speakers from one format to another."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import Names, renamed

FORMATS = ("rttm", "srt", "vtt", "json", "audacity", "textgrid", "elan", "csv", "pyannote")


def _check_format(name: str | None) -> str | None:
    if name is not None and name not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}, got {name!r}")
    return name


def convert(
    turns: Annotated[list[Path], typer.Argument(metavar="IN...", help="Files of turns, or folders of them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File, whose ending names the format; or folder.")],
    to: Annotated[
        str | None,
        typer.Option(
            callback=_check_format, help=f"Format to write: {', '.join(FORMATS)}.", show_default="by OUT's ending"
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", callback=_check_format, help="Format to read.", show_default="by each IN's ending"),
    ] = None,
    names: Names = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="One speaker at a time: overlap goes to the one who goes on.")
    ] = False,
    join: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Join a speaker's turns with so short a pause between.")
    ] = 0.0,
) -> None:
    """Write turns of speakers in another format: RTTM, subtitles, Praat, ELAN, Audacity, tables, JSON; both ways.

    A recording that its file does not name takes the name of the file. RTTM and CSV hold many recordings; of the other
    formats a folder OUT gets a file for each. Times are kept to the millisecond.

    Example: pysid convert meeting.rttm meeting.eaf

    Example: pysid convert annotations/ all.rttm --from textgrid

    Example: pysid convert all.rttm subtitles/ --to srt --name speaker1=Anna
    """
    from pysid.diarization.exclusive import exclusive as one_at_a_time
    from pysid.diarization.turns import bridge_gaps
    from pysid.io.turns.convert import read_all, write_all

    recordings = []
    for recording in read_all(turns, source):
        found = renamed(recording.turns, names)
        found = one_at_a_time(found) if exclusive else found
        recordings.append(recording._replace(turns=bridge_gaps(found, join) if join else found))
    for path in write_all(out, recordings, to):
        print(f"wrote {path}")
