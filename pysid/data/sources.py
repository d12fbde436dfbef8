"""Arrays of utterances by name: audio of a corpus or of files, stored features. They can be cut up and sent elsewhere.

A part of a source holds the table entries of its own utterances and no others, so that a million utterances need not
travel with each of them.
"""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from pysid.data.corpus import Corpus
from pysid.io.ark.archive import load_matrix, load_vector, split_entry
from pysid.io.audio.files import AudioPiece, open_piece
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.files import state
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.table_formats import SegmentLine
from pysid.parallel.work import Source


class ArraySource(Source, Protocol):
    """A source of one array an utterance."""

    @property
    def are_features(self) -> bool:
        """Whether arrays are network input (T, D), else waveforms (S,)."""
        ...

    def load(self, key: str) -> np.ndarray:
        """The array. Raises DataError where it cannot be read."""
        ...


@runtime_checkable
class AudioSource(ArraySource, Protocol):
    """A source of waveforms, which may be too long to be held whole."""

    def open(self, key: str) -> AbstractContextManager[AudioPiece]:
        """A recording, to be read in blocks. Raises DataError as `load`."""
        ...


@dataclass(frozen=True)
class CorpusAudio:
    """Waveforms (S,) of a corpus, at int16 scale; `channel` and `max_hours` as of `Corpus.open_wave`."""

    corpus: Corpus
    sample_rate: int
    allow_pipes: bool = False
    channel: int | None = None
    max_hours: float = MAX_HOURS
    are_features = False

    @property
    def keys(self) -> Sequence[str]:
        return self.corpus.ids

    def load(self, key: str) -> np.ndarray:
        with self.open(key) as piece:
            return piece.read()

    def open(self, key: str) -> AbstractContextManager[AudioPiece]:
        return self.corpus.open_wave(
            self.corpus[key],
            self.sample_rate,
            channel=self.channel,
            max_hours=self.max_hours,
            allow_pipes=self.allow_pipes,
        )

    def part(self, keys: Iterable[str]) -> "CorpusAudio":
        whole = self.corpus
        segments: dict[str, SegmentLine] | None = None
        if whole.segments is None:
            wav_scp = {key: whole.wav_scp[key] for key in keys}
        else:
            segments = {key: whole.segments[key] for key in keys}
            wav_scp = {line.recording: whole.wav_scp[line.recording] for line in segments.values()}
        return replace(self, corpus=Corpus(whole.directory, wav_scp, segments))

    def entry(self, key: str) -> str:
        utterance = self.corpus[key]
        file = state(resolve_path(utterance.source, self.corpus.directory)) if not is_pipe(utterance.source) else ""
        channel = self.channel if utterance.channel is None else utterance.channel
        return f"{utterance.source} {utterance.segment} {channel} {self.sample_rate} {file}"

    def absolute(self) -> "CorpusAudio":
        corpus = self.corpus
        wav_scp = {key: absolute_entry(entry, corpus.directory) for key, entry in corpus.wav_scp.items()}
        return replace(self, corpus=Corpus(corpus.directory.absolute(), wav_scp, corpus.segments))


@dataclass(frozen=True)
class AudioFiles:
    """Waveforms (S,) of files, at int16 scale."""

    paths: Mapping[str, str]
    sample_rate: int
    channel: int | None = None
    max_hours: float = MAX_HOURS
    are_features = False

    @property
    def keys(self) -> Sequence[str]:
        return list(self.paths)

    def load(self, key: str) -> np.ndarray:
        with self.open(key) as piece:
            return piece.read()

    def open(self, key: str) -> AbstractContextManager[AudioPiece]:
        return open_piece(self.paths[key], sample_rate=self.sample_rate, channel=self.channel, max_hours=self.max_hours)

    def part(self, keys: Iterable[str]) -> "AudioFiles":
        return replace(self, paths={key: self.paths[key] for key in keys})

    def entry(self, key: str) -> str:
        return f"{self.paths[key]} {self.sample_rate} {self.channel} {state(self.paths[key])}"

    def absolute(self) -> "AudioFiles":
        return replace(self, paths={key: os.path.abspath(path) for key, path in self.paths.items()})


@dataclass(frozen=True)
class Stored:
    """Entries of an scp file of matrices (T, D), or of vectors (T,)."""

    entries: Mapping[str, str]
    directory: Path
    allow_pipes: bool = False
    are_features = True

    @property
    def keys(self) -> Sequence[str]:
        return list(self.entries)

    def load(self, key: str) -> np.ndarray:
        return load_matrix(self.entries[key], self.directory, allow_pipes=self.allow_pipes)

    def load_vector(self, key: str) -> np.ndarray:
        return load_vector(self.entries[key], self.directory, allow_pipes=self.allow_pipes)

    def part(self, keys: Iterable[str]) -> "Stored":
        """Those of the keys that there are."""
        return replace(self, entries={key: self.entries[key] for key in keys if key in self.entries})

    def entry(self, key: str) -> str:
        return self.entries.get(key, "")

    def absolute(self) -> "Stored":
        entries = {key: absolute_entry(entry, self.directory) for key, entry in self.entries.items()}
        return replace(self, entries=entries, directory=self.directory.absolute())


def absolute_entry(entry: str, scp_directory: str | os.PathLike[str]) -> str:
    """An entry of an scp file for a process with another working folder: a path, `archive:offset[range]`, or a pipe.

    >>> os.chdir("/")
    >>> absolute_entry("exp/a.ark:17", "data"), absolute_entry("sox a.mp3 -t wav - |", "data")
    ('/exp/a.ark:17', 'cd / && sox a.mp3 -t wav - |')
    """
    if is_pipe(entry):
        return f"cd {shlex.quote(os.getcwd())} && {entry}"
    path = entry if os.path.exists(resolve_path(entry, scp_directory)) else split_entry(entry)[0]
    return os.path.abspath(resolve_path(path, scp_directory)) + entry.removeprefix(path)
