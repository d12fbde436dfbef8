"""What a user names to be embedded: audio files, a wav.scp, a data directory, feature archives."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from pysid.data.corpus import UTTERANCE_TABLES, Corpus
from pysid.data.features import FRONTEND_FILE, read_frontend
from pysid.data.sources import ArraySource, AudioFiles, AudioSource, CorpusAudio, Stored
from pysid.diarization.windows import WindowConfig, subsegment_lines, uniform_windows
from pysid.errors import DataError, Skipped
from pysid.frontend.long_recording import read_input
from pysid.io.ark.archive import read_matrices, split_specifier
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.spooled_rows import SpooledRows
from pysid.io.tables import read_table, read_wav_scp
from pysid.model.speaker_model import SpeakerModel
from pysid.runs.names import find_files, name_files
from pysid.segments import Segment

TABLES = ("wav.scp", "segments", "utt2spk", "spk2utt", *UTTERANCE_TABLES)  # of a data directory
OnSkip = Callable[[str, object], None]
Named = Iterator[tuple[str, np.ndarray]]


def files_read(inputs: Sequence[str]) -> list[Path]:
    """The tables and archives behind what a user names, for nothing to be written over them."""
    found: list[Path] = []
    for given in inputs:
        path = Path(split_specifier(given)[1])
        found += [path / name for name in TABLES] if os.path.isdir(path) else [path]
    return found


class Inputs:
    """Utterances to embed.

    Attributes:
        keys: their names; None where an archive has to be read to know them.
        are_features: whether arrays are network input (T, D), else waveforms (S,).
        source: what is read; None where that can only be read from start to end.
        windows: how the utterances are cut; None leaves them whole.
    """

    keys: Sequence[str] | None = None
    are_features: bool = True
    source: ArraySource | None = None
    windows: WindowConfig | None = None

    def read(self, done: Collection[str], on_skip: OnSkip) -> Named:
        """(name, array) of the utterances that are not in `done`; `on_skip` is called with those that cannot be read.

        Raises:
            DataError: an archive breaks off.
        """
        raise NotImplementedError


class SourceInputs(Inputs):
    """The utterances of a source; one that cannot be loaded is skipped, and the others are still read."""

    def __init__(self, source: ArraySource) -> None:
        self.keys: Sequence[str] = source.keys
        self.are_features = source.are_features
        self.source: ArraySource = source

    def read(self, done: Collection[str], on_skip: OnSkip) -> Named:
        """(name, array) of what is not in `done`, in order; `on_skip` gets the name and the reason of what cannot be
        read.
        """
        for key in self.keys:
            if key in done:
                continue
            try:
                array = self.source.read(key)
            except DataError as error:
                on_skip(key, str(error).removeprefix(f"{key}: "))
                continue
            yield key, array


class ArchiveInputs(Inputs):
    """The matrices of an archive, which is read from start to end."""

    def __init__(self, specifier: str, allow_pipes: bool = False) -> None:
        self.specifier = specifier
        self.allow_pipes = allow_pipes

    def read(self, done: Collection[str], on_skip: OnSkip) -> Named:
        """(name, features) of what is not in `done`.

        Raises:
            DataError: the archive breaks off; what stands before has been given.
        """
        for key, array in read_matrices(self.specifier, allow_pipes=self.allow_pipes):
            if key not in done:
                yield key, array


class WindowInputs(Inputs):
    """The windows of the utterances' frames, each an utterance of its own, named as Kaldi names sub-segments.

    They are cut from what the network reads, so from voiced frames joined together where the model has a VAD.
    """

    def __init__(self, inputs: Inputs, model: SpeakerModel, windows: WindowConfig) -> None:
        self.inputs = inputs
        self.model = model
        self.source = inputs.source
        self.windows: WindowConfig = windows

    def read(self, done: Collection[str], on_skip: OnSkip) -> Named:
        """(name, features) of each window that is not in `done`."""
        shift_s = self.model.config.frontend.features.shift_ms / 1000
        for key, features in self._features(on_skip):
            whole = Segment(0.0, len(features) * shift_s)
            windows = uniform_windows([whole] if len(features) else [], self.windows)
            lines = subsegment_lines([(key, whole)], self.windows)
            for line, start_s, end_s in zip(lines, windows.start_s, windows.end_s, strict=False):
                name = line.rsplit(maxsplit=3)[0]
                if name not in done:
                    start, stop = round(start_s / shift_s), round(end_s / shift_s)
                    yield (
                        name,
                        features.read(start, stop) if isinstance(features, SpooledRows) else features[start:stop],
                    )

    def _features(self, on_skip: OnSkip) -> Iterator[tuple[str, np.ndarray | SpooledRows]]:
        """What the network reads of each utterance; of a long recording on disk."""
        source = self.source
        if self.inputs.are_features or not isinstance(source, AudioSource):
            for key, array in self.inputs.read((), on_skip):
                yield key, array if self.inputs.are_features else self.model.features([array], scaled=True)[0]
            return
        skipped = Skipped()
        for key in source.keys:
            features = None
            with skipped.on_error(key):
                features = self._features_of_recording(source, key)
            if features is None:
                on_skip(key, skipped.reasons[key])
            else:
                yield key, features

    @torch.inference_mode()
    def _features_of_recording(self, source: AudioSource, key: str) -> np.ndarray | SpooledRows:
        with source.open(key) as piece:
            return read_input(self.model.frontend, piece)


def open_inputs(
    sources: Sequence[str],
    model: SpeakerModel,
    allow_pipes: bool = False,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
) -> Inputs:
    """What the arguments of `pysid embed` stand for.

    Args:
        channel, max_hours: of audio files, see `read_audio`.
        sources: audio files and folders of them; or one of: a wav.scp (anything that ends in .scp), a data directory
            (its features, if they were made by this model's front-end, else its audio), `scp:` or `ark:` and a file of
            network input.
    Raises:
        DataError: a source does not exist or is malformed, has no utterances, or names two files alike.
    """
    inputs = _open_source(sources[0], model, allow_pipes, channel, max_hours) if len(sources) == 1 else None
    inputs = inputs or _files(sources, model.config.sample_rate, channel, max_hours)
    if inputs.keys is not None and not inputs.keys:
        raise DataError(f"{sources[0]}: expected at least one utterance, got none")
    return inputs


def is_stream(sources: Sequence[str]) -> bool:
    """Whether the arguments of `pysid embed` stand for something that can only be read from start to end."""
    return len(sources) == 1 and split_specifier(sources[0])[0] == "ark"


def _open_source(
    source: str, model: SpeakerModel, allow_pipes: bool, channel: int | None = None, max_hours: float = MAX_HOURS
) -> Inputs | None:
    """The utterances of a source that is not an audio file."""
    specifier, name = split_specifier(source)
    path = Path(name)
    if specifier == "scp":
        return _feature_table(path, allow_pipes)
    if specifier == "ark":
        return ArchiveInputs(source, allow_pipes)
    if path.is_dir() and ((path / "wav.scp").exists() or (path / "feats.scp").exists()):
        stored = channel is None and (path / "feats.scp").exists() and (path / FRONTEND_FILE).exists()
        if stored and read_frontend(path) == model.config.frontend:
            return _feature_table(path / "feats.scp", allow_pipes)
        corpus = Corpus.read(path)
    elif path.suffix == ".scp":
        corpus = Corpus(path.parent, read_wav_scp(path))
    else:
        return None
    return SourceInputs(CorpusAudio(corpus, model.config.sample_rate, allow_pipes, channel, max_hours))


def _feature_table(path: Path, allow_pipes: bool) -> Inputs:
    return SourceInputs(Stored(read_table(path), path.parent, allow_pipes))


def _files(paths: Sequence[str], sample_rate: int, channel: int | None, max_hours: float) -> Inputs:
    """Audio files, and those of folders, as `name_files` names them."""
    return SourceInputs(AudioFiles(name_files(find_files(paths)), sample_rate, channel, max_hours))
