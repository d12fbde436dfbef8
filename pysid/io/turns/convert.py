"""Files of turns from one format to another: single ones, and folders of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pysid.errors import DataError
from pysid.io.files import STANDARD_STREAM, PathLike, atomic_text, require_apart, safe_name
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.formats import BY_ENDING, FORMATS, check_together, format_turns, kind_of, read_turns
from pysid.io.turns.nist import one_words
from pysid.io.turns.rttm import nobody_of, read_rttm, read_rttm_folder
from pysid.segments import Turn

LATE_S = 1.0  # that a turn may end after its recording: containers round their lengths


def read_all(paths: Sequence[PathLike], kind: str | None = None) -> list[RecordingTurns]:
    """The recordings in files of turns, and in all those in folders.

    Args:
        kind: one of `FORMATS`; None goes by each file's ending. In a folder only files with such endings count.
    Raises:
        DataError: see `read_turns`; or a recording is in two files, or there is no such file in a folder.
    """
    origin: dict[str, Path] = {}
    recordings: list[RecordingTurns] = []
    for given in paths:
        for path in files_of(given, kind):
            for found in read_turns(path, kind):
                if found.recording in origin:
                    raise DataError(
                        f"{path}: the recording {found.recording!r} is in {origin[found.recording]} already"
                    )
                origin[found.recording] = path
                recordings.append(found)
    return recordings


def files_of(given: PathLike, kind: str | None = None) -> list[Path]:
    """The file itself, or those of turns in a folder; `kind` and errors as of `read_all`."""
    path = Path(given)
    if not path.is_dir():
        return [path]
    endings = tuple(ending for ending, name in BY_ENDING.items() if kind in (None, name))
    files = (file for file in path.iterdir() if file.is_file() and file.name.lower().endswith(endings))
    found = sorted(file for file in files if kind in (None, kind_of(file)))  # .pyannote.json ends in .json, too
    if not found:
        raise DataError(f"{path}: expected files of turns ({', '.join(endings)}) in this folder, got none")
    return found


def read_one(path: PathLike, name: str) -> RecordingTurns:
    """The turns of the only recording in a file, or of the one that is called `name`.

    Raises:
        DataError: see `read_turns`; or there are several, and none is called so.
    """
    recordings = read_turns(path)
    if len(recordings) > 1:
        called = {name, one_words([name])[name]}  # RTTM has no white space in names
        recordings = [x for x in recordings if x.recording in called] or recordings
    if len(recordings) > 1:
        listed = ", ".join(x.recording for x in recordings[:5])
        raise DataError(f"{path}: expected the turns of one recording, or of one called {name!r}, got {listed}")
    return recordings[0]


def read_by_recording(path: PathLike) -> dict[str, list[Turn]]:
    """{recording: turns} of a file, which is RTTM unless its ending says otherwise, or of the .rttm files of a folder.

    Recordings are called as RTTM would call them; one in which nobody talks is called after its file.

    Raises:
        DataError: see `read_turns` and `read_rttm_folder`.
    """
    if Path(path).is_dir():
        return read_rttm_folder(path)
    if not Path(path).name.lower().endswith(tuple(BY_ENDING)) or kind_of(path) == "rttm":
        return read_rttm(path, allow_empty=True) or nobody_of(path)
    found = read_turns(path)
    words = one_words(recording for recording, _, _ in found)
    return {words[recording]: turns for recording, turns, _ in found}


def check_within(turns: Sequence[Turn], duration_s: float, path: PathLike, recording: PathLike) -> None:
    """Refuses turns that end later than the recording that they are said to be of.

    Args:
        path: of the turns.
    Raises:
        DataError: as above.
    """
    if max((turn.segment.end_s for turn in turns), default=0.0) > duration_s + LATE_S:
        raise DataError(f"{path}: expected turns within the {duration_s:.1f} s of {recording}, got later ones")


def write_all(
    out: PathLike, recordings: Sequence[RecordingTurns], kind: str | None = None, *, read: Iterable[PathLike] = ()
) -> list[Path]:
    """Writes recordings to one file, or each to a file of its own in a folder.

    Args:
        out: a file, whose ending names the format where `kind` does not; or a folder, made if need be, in which the
            files are called after the recordings.
        read: files that must not be written over: a format holds what others, and this one written anew, do not.
    Returns:
        what was written.
    Raises:
        DataError: several recordings do not go into one file of the format, a name cannot be a file's, a file is one of
            `read`, or `out` names neither a folder nor a format.
    """
    path = Path(out)
    is_file = str(out) == STANDARD_STREAM or (path.exists() and not path.is_dir())  # or a device, such as /dev/stdout
    is_folder = path.is_dir() or str(out).endswith("/") or (kind is not None and not path.suffix and not is_file)
    kind = kind or (None if is_folder else kind_of(path))
    if kind is None:
        raise DataError(f"{out}: expected the format for the files in this folder, got none")
    if not is_folder:
        check_together(out, kind, [x.recording for x in recordings])
        require_apart([path], read)
        _write(path, kind, recordings)
        return [path]
    files = {path / f"{safe_name(x.recording)}{FORMATS[kind].ending}": x for x in recordings}
    require_apart(files, read)
    for file, recording in files.items():
        _write(file, kind, [recording])
    return list(files)


def _write(path: Path, kind: str, recordings: Sequence[RecordingTurns]) -> None:
    text = format_turns(kind, recordings)
    with atomic_text(path) as file:
        file.write(text)
