"""Recordings that a user names, files and folders of them, and what their results are called."""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.streams import STDIN
from pysid.io.files import name_text

# What lies beside recordings, such as results of pysid; anything else in a folder is taken for one.
_RESULTS = "ark csv ctm db docx eaf html json lab npz rttm scp srt stm textgrid tsv txt uem vtt"
_OTHERS = "bak cfg conf doc gif ini jpeg jpg lnk log m3u md odt pdf png py rst rtf sh xls xlsx xml yaml yml"
_EDITORS = "asd aup aup3 cha coma etf exb exs flextext gpk otr pfsx pk pkf reapeaks rpp sfk"  # ELAN, Audacity ...
OTHER_ENDINGS = frozenset(map(".{}".format, f"{_RESULTS} {_OTHERS} {_EDITORS}".split()))
_COPY = re.compile(r"\.\d{3}$")  # ELAN's: meeting.eaf.001


def find_files(sources: Sequence[str]) -> list[str]:
    """The files that are named; in place of a folder those in it and below, unless hidden, in order of their paths.

    Raises:
        DataError: a file is named twice, or a folder has none.
    Warns:
        PysidWarning: a folder below cannot be read.
    """
    found: list[str] = []
    for source in sources:
        if source == STDIN or not os.path.isdir(source):
            found.append(source)
            continue
        inside = list(_files_below(source))
        if not inside:
            raise DataError(f"{source}: expected a folder with audio files, or with a wav.scp, got neither")
        found += sorted(inside)
    if len(set(found)) < len(found):
        raise DataError(f"expected each file once, got {max(found, key=found.count)} again")
    return found


def _files_below(source: str) -> Iterator[str]:
    """The files in a folder and below that may be recordings; links are followed, but not twice."""
    seen = set()

    def tell(error: OSError) -> None:
        message = f"{error.filename}: its recordings are left out: cannot read the folder: {error.strerror}"
        warnings.warn(message, PysidWarning, stacklevel=2)

    for folder, folders, names in os.walk(source, onerror=tell, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in names if _may_be_recording(name))


def _may_be_recording(name: str) -> bool:
    return not name.startswith(".") and Path(_COPY.sub("", name)).suffix.lower() not in OTHER_ENDINGS


def name_files(paths: Sequence[str]) -> dict[str, str]:
    """{name: path}: names without folder and ending, with as much of either as it takes to tell them apart.

    Bytes of a name that are not UTF-8 are read as Windows' Western code page.

    >>> name_files(["mon/a.wav", "tue/a.wav", "tue/b.wav", "tue/b.mp3"])
    {'mon_a': 'mon/a.wav', 'tue_a': 'tue/a.wav', 'b_wav': 'tue/b.wav', 'b_mp3': 'tue/b.mp3'}
    """
    named = {path: _words(path, 0, False) for path in paths}
    for depth in range(1, 1 + max((len(Path(path).parts) for path in paths), default=0)):
        for group in _same_named(named):
            # Another ending tells files of one folder apart; other folders need more of the path.
            same_folder = len({os.path.dirname(path) for path in group}) == 1
            named |= {path: _words(path, 0 if same_folder else depth, same_folder) for path in group}
    taken = set(named.values())
    for group in _same_named(named):
        stem, numbers = named[group[0]], count(1)
        for path in group:
            named[path] = next(name for number in numbers if (name := f"{stem}-{number}") not in taken)
    return {name: path for path, name in named.items()}


def _same_named(named: dict[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for path, name in named.items():
        groups.setdefault(name, []).append(path)
    return [group for group in groups.values() if len(group) > 1]


def _words(path: str, depth: int, with_ending: bool) -> str:
    if path == STDIN:
        return "stdin"
    whole = Path(path)
    folders = [part for part in whole.parts[:-1] if part not in (os.sep, ".", "..")]
    words = [*folders[max(0, len(folders) - depth) :], whole.stem]
    return name_text("_".join(words) + (f"_{whole.suffix[1:]}" if with_ending and whole.suffix else ""))
