"""Corpora as they are unpacked: trees of audio files. Only names are looked at; no file is opened."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pysid.errors import DataError
from pysid.io.audio.ffmpeg import has_ffmpeg_ending
from pysid.io.text import shorten

AUDIO_ENDINGS = frozenset({".wav", ".flac", ".m4a"})
SHOWN = 5  # entries of a folder in a message

Parts = tuple[str, ...]


def audio_files(folder: str | os.PathLike[str], depth: int, strays: list[str]) -> Iterator[tuple[Parts, str]]:
    """The audio files so many levels below a folder, in the order of names, folder by folder.

    Args:
        depth: 1 for files in the folder itself, 3 for those in `SPEAKER/VIDEO/`.
        strays: gets the paths of audio files of other levels, and of folders that lie too deep, so that a misplaced
            part of a corpus does not go unnoticed. Hidden files are neither.
    Yields:
        the names on the way, the last one without its ending, and the path.
    Raises:
        DataError: a folder cannot be read, or a name in it is not UTF-8.
    """
    yield from _walk(os.fspath(folder), (), depth, strays)


def walk_audio(folder: str | os.PathLike[str]) -> Iterator[tuple[str, str]]:
    """The names, without their endings, and the paths of all audio files below a folder. Errors as `audio_files`."""
    for entry in _entries(os.fspath(folder)):
        stem, ending = os.path.splitext(entry.name)
        if entry.is_dir():
            yield from walk_audio(entry.path)
        elif ending.lower() in AUDIO_ENDINGS:
            yield stem, entry.path


def _walk(folder: str, parts: Parts, depth: int, strays: list[str]) -> Iterator[tuple[Parts, str]]:
    for entry in _entries(folder):
        stem, ending = os.path.splitext(entry.name)
        if entry.is_dir():
            if depth > 1:
                yield from _walk(entry.path, (*parts, entry.name), depth - 1, strays)
            else:
                strays.append(entry.path + "/")
        elif ending.lower() in AUDIO_ENDINGS:
            if depth == 1:
                yield (*parts, stem), entry.path
            else:
                strays.append(entry.path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot read the folder: {error.strerror}") from None
    for entry in found:
        if not entry.name.isascii() and not _is_utf8(entry.name):
            raise DataError(f"{folder}: expected names in UTF-8, got {shorten(os.fsencode(entry.name))}")
    return sorted(found, key=lambda entry: entry.name)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class Recordings(dict[str, str]):
    """{utterance: path}, and the files that repeat a name.

    Of two files of one utterance the first stays, but one that libsndfile reads is preferred to one that ffmpeg has to
    decode: those who convert a corpus often leave both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.duplicates: list[str] = []

    def add(self, utterance: str, path: str) -> None:
        """Adds a file; of two with one name the better one stays, and the other is noted in `duplicates`."""
        kept = self.setdefault(utterance, path)
        if kept == path:
            return
        if has_ffmpeg_ending(kept) and not has_ffmpeg_ending(path):
            self[utterance], path = path, kept
        self.duplicates.append(f"{utterance} {path}")


def existing(folder: Path, names: Sequence[str]) -> list[Path]:
    """Those of some relative paths that are folders below `folder`, as absolute paths.

    Raises:
        DataError: `folder` is no folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected the folder of a corpus, got {'a file' if folder.exists() else 'nothing'}")
    return [Path(os.path.abspath(folder / name)) for name in names if (folder / name).is_dir()]


def wrong_folder(folder: Path, expected: str) -> DataError:
    """The error for a folder in which nothing of a corpus was found, with what there is instead."""
    names = [entry.name + "/" * entry.is_dir() for entry in _entries(os.fspath(folder))]
    more = ", ..." if len(names) > SHOWN else ""
    return DataError(f"{folder}: expected {expected}; got {', '.join(names[:SHOWN]) or 'an empty folder'}{more}")


def check_any_found(folder: Path, n_found: int, expected: str, strays: Sequence[str]) -> None:
    """Raises DataError where a folder has no audio at the level where it should be.

    Args:
        folder: that was searched.
        n_found: audio files where they should be.
        expected: what should be there, for the message.
        strays: audio files elsewhere in it.
    """
    if n_found:
        return
    if strays:
        raise DataError(f"{folder}: expected {expected}; got {strays[0]}")
    raise wrong_folder(folder, expected)
