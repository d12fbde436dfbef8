"""Embeddings of whatever a user names: audio files, a wav.scp, a data directory, feature archives."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.data.corpus import Corpus
from pysid.data.features import FRONTEND_FILE, read_frontend
from pysid.data.sources import ArraySource, AudioFiles, CorpusAudio, Stored
from pysid.diarization.windows import WindowConfig, subsegment_lines, uniform_windows
from pysid.errors import DataError
from pysid.io.ark.archive import read_matrices, split_specifier
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.tables import read_table, read_wav_scp
from pysid.model.speaker_model import SpeakerModel
from pysid.runs.names import find_files, name_files
from pysid.segments import Segment

OnSkip = Callable[[str, object], None]
Named = Iterator[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Inputs:
    """Utterances to embed.

    Attributes:
        keys: their names; None where an archive has to be read to know them.
        read: gives (name, array) of those that are not in a set of names; arrays are waveforms (S,), or network
            input (T, D). Utterances that cannot be read are given to its second argument, with the reason.
        are_features: which of the two.
        source: what is read; None where that can only be read from start to end.
        windows: how the utterances are cut; None leaves them whole.
    """

    keys: Sequence[str] | None
    read: Callable[[Collection[str], OnSkip], Named]
    are_features: bool
    source: ArraySource | None = None
    windows: WindowConfig | None = None


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
    inputs = _open_source(sources[0], model, allow_pipes) if len(sources) == 1 else None
    inputs = inputs or _files(sources, model.config.sample_rate, channel, max_hours)
    if inputs.keys is not None and not inputs.keys:
        raise DataError(f"{sources[0]}: expected at least one utterance, got none")
    return inputs


def is_stream(sources: Sequence[str]) -> bool:
    """Whether the arguments of `pysid embed` stand for something that can only be read from start to end."""
    return len(sources) == 1 and split_specifier(sources[0])[0] == "ark"


def cut_into_windows(inputs: Inputs, model: SpeakerModel, config: WindowConfig) -> Inputs:
    """The windows of the utterances' frames, each an utterance of its own, named as Kaldi names sub-segments.

    They are cut from what the network reads, so from voiced frames joined together where the model has a VAD.
    """
    shift_s = model.config.frontend.features.shift_ms / 1000

    def read(done: Collection[str], on_skip: OnSkip) -> Named:
        for key, array in inputs.read((), on_skip):
            features = array if inputs.are_features else model.features([array])[0]
            whole = Segment(0.0, len(features) * shift_s)
            windows = uniform_windows([whole] if len(features) else [], config)
            lines = subsegment_lines([(key, whole)], config)
            for line, start_s, end_s in zip(lines, windows.start_s, windows.end_s, strict=False):
                name = line.rsplit(maxsplit=3)[0]
                if name not in done:
                    yield name, features[round(start_s / shift_s) : round(end_s / shift_s)]

    return Inputs(None, read, True, inputs.source, config)


def inputs_of(source: ArraySource) -> Inputs:
    """The utterances of a source; one that cannot be loaded is skipped, and the others are still read."""
    keys = source.keys

    def read(done: Collection[str], on_skip: OnSkip) -> Named:
        for key in keys:
            if key in done:
                continue
            try:
                array = source.load(key)
            except DataError as error:
                on_skip(key, str(error).removeprefix(f"{key}: "))
                continue
            yield key, array

    return Inputs(keys, read, source.are_features, source)


def _open_source(source: str, model: SpeakerModel, allow_pipes: bool) -> Inputs | None:
    """The utterances of a source that is not an audio file."""
    specifier, name = split_specifier(source)
    path = Path(name)
    if specifier == "scp":
        return _feature_table(path, allow_pipes)
    if specifier == "ark":
        return _archive(source, allow_pipes)
    if path.is_dir() and ((path / "wav.scp").exists() or (path / "feats.scp").exists()):
        stored = (path / "feats.scp").exists() and (path / FRONTEND_FILE).exists()
        if stored and read_frontend(path) == model.config.frontend:
            return _feature_table(path / "feats.scp", allow_pipes)
        return _corpus(Corpus.read(path), model.config.sample_rate, allow_pipes)
    if path.suffix == ".scp":
        return _corpus(Corpus(path.parent, read_wav_scp(path)), model.config.sample_rate, allow_pipes)
    return None


def _archive(source: str, allow_pipes: bool) -> Inputs:
    def read(done: Collection[str], _: OnSkip) -> Named:
        return ((key, x) for key, x in read_matrices(source, allow_pipes=allow_pipes) if key not in done)

    return Inputs(None, read, are_features=True)


def _feature_table(path: Path, allow_pipes: bool) -> Inputs:
    return inputs_of(Stored(read_table(path), path.parent, allow_pipes))


def _corpus(corpus: Corpus, sample_rate: int, allow_pipes: bool) -> Inputs:
    return inputs_of(CorpusAudio(corpus, sample_rate, allow_pipes))


def _files(paths: Sequence[str], sample_rate: int, channel: int | None, max_hours: float) -> Inputs:
    """Audio files, and those of folders, as `name_files` names them."""
    return inputs_of(AudioFiles(name_files(find_files(paths)), sample_rate, channel, max_hours))
