"""A development set: trials that are scored after each epoch."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.backend.chain import CosineBackend
from pysid.backend.trials import enrol, score_trials
from pysid.data.corpus import Corpus
from pysid.data.features import FRONTEND_FILE, read_frontend, read_wave_features
from pysid.errors import DataError
from pysid.frontend import FrontendConfig
from pysid.io.ark.archive import read_matrix
from pysid.io.tables import Trial, read_table, read_trials
from pysid.io.trial_scores import split_scores
from pysid.metrics.detection import equal_error_rate
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import track


@dataclass(frozen=True)
class DevSet:
    """A trial list and the network input of its utterances, held in memory."""

    trials: list[Trial]
    features: dict[str, np.ndarray]
    name: str

    @classmethod
    def read(cls, directory: Path, trials: str | None, frontend: FrontendConfig, allow_pipes: bool = False) -> "DevSet":
        """Reads features, or makes them from audio.

        Args:
            trials: the trial list; None for the file `trials` of the directory.
        Raises:
            DataError: an utterance of the trial list is missing, a trial does not say what it is, or there are only
                target or only nontarget trials.
        """
        path = Path(trials) if trials else directory / "trials"
        pairs = read_trials(path)
        split_scores(pairs, {(t.enrol, t.test): 0.0 for t in pairs}, path, path)  # for its checks, before any training
        wanted = sorted({name for t in pairs for name in (t.enrol, t.test)})
        if (directory / "feats.scp").exists():
            if read_frontend(directory) != frontend:
                raise DataError(f"{directory / FRONTEND_FILE}: another front-end than that of the training data")
            entries = read_table(directory / "feats.scp")
            _require(wanted, entries, path, directory)
            features = {name: read_matrix(entries[name], directory) for name in wanted}
        else:
            corpus = Corpus.read(directory)
            _require(wanted, corpus, path, directory)
            features = read_wave_features(corpus, wanted, frontend, allow_pipes)
        return cls(pairs, features, str(path))

    def equal_error_rate(self, model: SpeakerModel) -> float:
        """EER of cosine scores between embeddings centred on their mean over this set; a fraction in [0, 1]."""
        items = track(list(self.features.items()), f"embedding {self.name}")
        vectors = dict(model.embed_features(items, on_skip=lambda *_: None))
        if not vectors:
            raise DataError(f"{self.name}: no utterance gave an embedding")
        backend = CosineBackend().fit(np.stack(list(vectors.values())))
        values = score_trials(backend, self.trials, enrol(vectors), vectors)
        scored = [(t, float(x)) for t, x in zip(self.trials, values, strict=True) if np.isfinite(x)]
        scores = {(t.enrol, t.test): x for t, x in scored}
        return equal_error_rate(*split_scores([t for t, _ in scored], scores, self.name, "the embeddings"))[0]


def _require(wanted: list[str], present: Collection[str] | Corpus, trials: Path, directory: Path) -> None:
    missing = [name for name in wanted if name not in present]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} utterances in {trials} are not in {directory}; "
            f"the first is {missing[0]!r}"
        )
