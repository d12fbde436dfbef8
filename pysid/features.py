"""Network input of whole corpora: computed by several processes, stored as a data directory, resumable."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from pysid.config import from_plain, to_plain
from pysid.data.corpus import Corpus
from pysid.errors import DataError, Skipped
from pysid.frontend import Frontend, FrontendConfig, sliding_cmvn
from pysid.io.ark import load_matrix, load_vector
from pysid.io.ark_writer import PARTIAL, ArkWriter
from pysid.io.atomic import atomic_text
from pysid.io.tables import read_table, write_table
from pysid.processes import map_processes
from pysid.progress import track

FRONTEND_FILE = "frontend.json"  # beside feats.scp: which front-end made it
NO_SPEECH = "no speech found"


def read_frontend(directory: Path) -> FrontendConfig:
    """The front-end that made the features of a directory.

    Raises:
        DataError: there is no `frontend.json`, or it is not one.
    """
    path = directory / FRONTEND_FILE
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; feats.scp must hold network input as `pysid features` writes it "
            "(from Kaldi's features with --stored)"
        )
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got {' '.join(str(error).split())}") from error
    return from_plain(FrontendConfig, plain, str(path))


def write_features(
    corpus: Corpus,
    directory: Path,
    frontend: FrontendConfig,
    *,
    n_jobs: int = 1,
    compress: bool = False,
    allow_pipes: bool = False,
    stored: bool = False,
    stored_vad: bool = False,
) -> Skipped:
    """Writes `feats.ark`, `feats.scp`, `utt2num_frames`, `frontend.json` and the corpus's tables.

    The features are the network's input: normalised, voiced frames only. What an earlier, interrupted run wrote is
    kept if it was made by the same front-end.

    Args:
        stored: start from the corpus's own feats.scp and vad.scp, as Kaldi's make_mfcc.sh and compute_vad_decision.sh
            write them, and not from its audio (kaldi/egs/sre16/v1/local/nnet3/xvector/prepare_feats_for_egs.sh).
        stored_vad: keep the frames that the corpus's own vad.scp says, as of augmented copies, whose vad.scp is that of
            the clean recordings.
    Returns:
        The utterances left out: unreadable audio or features, or no speech.
    Raises:
        DataError: the directory is the corpus's own or holds other features, or every utterance was left out.
    """
    _claim(directory, corpus, frontend)
    skipped = Skipped()
    n_frames: dict[str, int] = {}
    with ArkWriter(directory / "feats", compress=int(compress), resume=True) as writer:
        foreign = [name for name in writer.done if name not in corpus]
        if foreign:
            raise DataError(
                f"{directory} holds features of {len(foreign)} utterances that are not in {corpus.directory}, such as "
                f"{foreign[0]!r}: choose another folder, or remove it"
            )
        todo = [utterance.id for utterance in corpus if utterance.id not in writer.done]
        results = compute_features(corpus, todo, frontend, n_jobs, allow_pipes, stored, stored_vad)
        for name, result in track(results, f"features {directory}", len(corpus), start=len(corpus) - len(todo)):
            if isinstance(result, str):
                skipped.add(name, result)
            else:
                writer.write(name, result)
                n_frames[name] = len(result)
        if not writer.done:
            raise DataError(f"no utterance of {corpus.directory} gave features: {skipped.brief()}")
        # Before the writer's own feats.scp, as the corpus may bring one of other features.
        corpus.subset(writer.done).write(directory)
    write_table(directory / "utt2num_frames", _with_earlier(n_frames, directory))
    return skipped


def _claim(directory: Path, corpus: Corpus, frontend: FrontendConfig) -> None:
    """Writes into `directory` which front-end its features are of, unless it holds others."""
    directory.mkdir(parents=True, exist_ok=True)
    if directory.samefile(corpus.directory):
        raise DataError(f"{directory} is the corpus itself: choose another folder for its features")
    archives = [path for name in ("feats.ark", f"feats.ark{PARTIAL}") if (path := directory / name).exists()]
    if any(path.stat().st_size for path in archives) and read_frontend(directory) != frontend:
        raise DataError(f"{directory} holds features of another front-end: choose another folder, or remove it")
    with atomic_text(directory / FRONTEND_FILE) as file:
        json.dump(to_plain(frontend), file, indent=2)


def compute_features(
    corpus: Corpus,
    names: Sequence[str],
    frontend: FrontendConfig,
    n_jobs: int = 1,
    allow_pipes: bool = False,
    stored: bool = False,
    stored_vad: bool = False,
) -> Iterator[tuple[str, np.ndarray | str]]:
    """Network input (T, D) of utterances, in their order, or one line that says why there is none.

    Arguments as `write_features`.
    """
    worker: Callable[[str], np.ndarray | str]
    if stored:
        worker = _StoredFeatures(corpus, frontend, allow_pipes)
    else:
        worker = _Audio(corpus, frontend, allow_pipes, _StoredVad(corpus, allow_pipes) if stored_vad else None)
    yield from zip(names, map_processes(worker, names, n_jobs), strict=True)


def read_wave_features(
    corpus: Corpus, names: Iterable[str], frontend: FrontendConfig, allow_pipes: bool = False
) -> dict[str, np.ndarray]:
    """Network input of some utterances, in memory. Raises DataError for the first that has none."""
    features: dict[str, np.ndarray] = {}
    for name, result in compute_features(corpus, list(names), frontend, allow_pipes=allow_pipes):
        if isinstance(result, str):
            raise DataError(f"{name}: {result}")
        features[name] = result
    return features


class _StoredVad:
    """Reads which frames are voiced, (T,) bool, from vad.scp. Raises DataError where it does not say."""

    def __init__(self, corpus: Corpus, allow_pipes: bool) -> None:
        self.directory = corpus.directory
        self.allow_pipes = allow_pipes
        self.entries = read_table(self.directory / "vad.scp")

    def __call__(self, name: str) -> np.ndarray:
        if name not in self.entries:
            raise DataError("not in vad.scp")
        voiced: np.ndarray = load_vector(self.entries[name], self.directory, allow_pipes=self.allow_pipes) != 0
        return voiced


class _Audio:
    """From an utterance's name to features of its audio, or to the reason why it has none."""

    def __init__(self, corpus: Corpus, frontend: FrontendConfig, allow_pipes: bool, vad: _StoredVad | None) -> None:
        self.corpus = corpus
        self.allow_pipes = allow_pipes
        self.sample_rate = frontend.sample_rate
        self.frontend = Frontend(frontend)
        self.vad = vad

    @torch.inference_mode()
    def __call__(self, name: str) -> np.ndarray | str:
        try:
            wave = self.corpus.read_wave(self.corpus[name], self.sample_rate, allow_pipes=self.allow_pipes)
            voiced = None if self.vad is None else self.vad(name)
        except DataError as error:
            return str(error).removeprefix(f"{name}: ")
        if voiced is not None and (n := self.frontend.features.n_frames(len(wave))) != len(voiced):
            return f"expected {n} frames in vad.scp as in its audio, got {len(voiced)}"
        mask = None if voiced is None else torch.from_numpy(voiced)[None]
        features, n_frames = self.frontend(torch.from_numpy(wave)[None], voiced=mask)
        return features[0, : int(n_frames)].numpy() if int(n_frames) else NO_SPEECH


class _StoredFeatures:
    """As `_Audio`, from feats.scp and vad.scp: normalises all frames and keeps the voiced ones."""

    def __init__(self, corpus: Corpus, frontend: FrontendConfig, allow_pipes: bool) -> None:
        self.directory = corpus.directory
        self.allow_pipes = allow_pipes
        self.frontend = frontend
        self.feats = read_table(self.directory / "feats.scp")
        self.vad = _StoredVad(corpus, allow_pipes)

    @torch.inference_mode()
    def __call__(self, name: str) -> np.ndarray | str:
        if name not in self.feats:
            return "not in feats.scp"
        try:
            features = load_matrix(self.feats[name], self.directory, allow_pipes=self.allow_pipes)
            voiced = self.vad(name)
        except DataError as error:
            return str(error)
        if features.shape != (len(voiced), self.frontend.dim):
            return f"expected {len(voiced)} frames (as in vad.scp) of {self.frontend.dim}, got {features.shape}"
        if not voiced.any():
            return NO_SPEECH
        if self.frontend.cmvn is not None:
            features = sliding_cmvn(torch.tensor(features)[None], None, self.frontend.cmvn)[0].numpy()
        return features[voiced]


def _with_earlier(n_frames: dict[str, int], directory: Path) -> dict[str, int]:
    """Frame counts of all features: known for this run's, read from the archive for those of earlier runs."""
    entries = read_table(directory / "feats.scp")
    return {
        name: n_frames[name] if name in n_frames else len(load_matrix(entry, directory))
        for name, entry in entries.items()
    }
