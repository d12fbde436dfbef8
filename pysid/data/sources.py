"""Arrays of utterances by name: audio of a corpus or of files, stored features. They can be cut up and sent elsewhere.

A part of a source holds the table entries of its own utterances only, so that a million others need not travel with
them.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from pysid.data.corpus import Corpus
from pysid.io.ark.archive import read_matrix, read_vector, split_entry
from pysid.io.audio.files import AudioPiece
from pysid.io.audio.reader import MAX_HOURS, AudioReader
from pysid.io.files import state
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.table_formats import SegmentLine
from pysid.parallel.work import Source


class ArraySource(Source, Protocol):
    """A source of one array per utterance."""

    @property
    def are_features(self) -> bool:
        """Whether arrays are network input (T, D), else waveforms (S,)."""
        ...

    def read(self, key: str) -> np.ndarray:
        """The array. Raises DataError where it cannot be read."""
        ...


@runtime_checkable
class AudioSource(ArraySource, Protocol):
    """A source of waveforms, which may be too long to be held whole."""

    def open(self, key: str) -> AbstractContextManager[AudioPiece]:
        """A recording, to be read in blocks. Raises DataError as `read`."""
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
        """Ids of the utterances, in the order of the corpus."""
        return self.corpus.ids

    def read(self, key: str) -> np.ndarray:
        """The waveform (S,) of an utterance, float32 at int16 scale and `sample_rate`.

        Raises:
            DataError: it cannot be read.
        """
        with self.open(key) as piece:
            return piece.read()

    def open(self, key: str) -> AbstractContextManager[AudioPiece]:
        """An utterance to be read in blocks; it is closed at the end of the `with` block.

        Raises:
            DataError: it cannot be read.
        """
        return self.corpus.open_wave(
            self.corpus[key],
            self.sample_rate,
            channel=self.channel,
            max_hours=self.max_hours,
            allow_pipes=self.allow_pipes,
        )

    def part(self, keys: Iterable[str]) -> "CorpusAudio":
        """The same for some utterances alone, small enough to be sent to a worker."""
        whole = self.corpus
        segments: dict[str, SegmentLine] | None = None
        if whole.segments is None:
            wav_scp = {key: whole.wav_scp[key] for key in keys}
        else:
            segments = {key: whole.segments[key] for key in keys}
            wav_scp = {line.recording: whole.wav_scp[line.recording] for line in segments.values()}
        return replace(self, corpus=Corpus(whole.directory, wav_scp, segments))

    def entry(self, key: str) -> str:
        """What an utterance is made of, as text that changes when its file does; runs that go on compare it."""
        utterance = self.corpus[key]
        file = state(resolve_path(utterance.source, self.corpus.directory)) if not is_pipe(utterance.source) else ""
        channel = self.channel if utterance.channel is None else utterance.channel
        heard = "mean" if channel is None else channel  # not None, which has meant the first channel
        return f"{utterance.source} {utterance.segment} {heard} {self.sample_rate} {file}"

    def absolute(self) -> "CorpusAudio":
        """The same with absolute paths, for workers that have another current folder."""
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
        """Names of the files, in the order given."""
        return list(self.paths)

    def read(self, key: str) -> np.ndarray:
        """The waveform (S,) of a file, float32 at int16 scale and `sample_rate`.

        Raises:
            DataError: it cannot be read, or is longer than `max_hours`.
        """
        with self.open(key) as piece:
            return piece.read()

    @contextmanager
    def open(self, key: str) -> Iterator[AudioPiece]:
        """A file to be read in blocks; it is closed at the end of the `with` block.

        Raises:
            DataError: it cannot be read, or is longer than `max_hours`.
        """
        with AudioReader(self.paths[key], self.sample_rate, self.channel, self.max_hours) as reader:
            yield AudioPiece.cut(reader)

    def part(self, keys: Iterable[str]) -> "AudioFiles":
        """The same for some files alone."""
        return replace(self, paths={key: self.paths[key] for key in keys})

    def entry(self, key: str) -> str:
        """Path, rate, channel and state of a file, as text that changes when it does; runs that go on compare it."""
        return f"{self.paths[key]} {self.sample_rate} {self.channel} {state(self.paths[key])}"

    def absolute(self) -> "AudioFiles":
        """The same with absolute paths, for workers that have another current folder."""
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
        """Names of the entries, in the order of the file."""
        return list(self.entries)

    def read(self, key: str) -> np.ndarray:
        """A matrix (T, D).

        Raises:
            DataError: it cannot be read.
        """
        return read_matrix(self.entries[key], self.directory, allow_pipes=self.allow_pipes)

    def read_vector(self, key: str) -> np.ndarray:
        """A vector (T,).

        Raises:
            DataError: it cannot be read.
        """
        return read_vector(self.entries[key], self.directory, allow_pipes=self.allow_pipes)

    def part(self, keys: Iterable[str]) -> "Stored":
        """Those of the keys that exist."""
        return replace(self, entries={key: self.entries[key] for key in keys if key in self.entries})

    def entry(self, key: str) -> str:
        """Where an entry is; "" where there is none."""
        return self.entries.get(key, "")

    def absolute(self) -> "Stored":
        """The same with absolute paths, for workers that have another current folder."""
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
