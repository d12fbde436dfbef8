"""The reference vectors, models and scores of Kaldi, commit f4007661 (tests/golden/kaldi/commands.tsv)."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from pysid.backend import (
    Plda,
    apply_affine,
    length_normalize,
)
from pysid.exchange.kaldi_backend import read_matrix, read_plda, read_vector

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


class KaldiBackend:
    """The files of golden/kaldi/backend and clustering as arrays."""

    def vectors(self, name: str) -> tuple[list[str], np.ndarray]:
        vectors = dict(kaldiio.load_ark(str(GOLDEN / f"{name}.ark")))
        return list(vectors), np.stack(list(vectors.values()))

    def matrices(self, name: str) -> dict[str, np.ndarray]:
        return dict(kaldiio.load_ark(str(GOLDEN / f"{name}.ark")))

    def rows(self, name: str) -> list[list[str]]:
        return [line.split() for line in (GOLDEN / name).read_text().splitlines()]

    def labels(self, name: str, keys: list[str]) -> np.ndarray:
        utt2spk = {row[0]: row[1] for row in self.rows(name)}
        return np.array([utt2spk[key] for key in keys])

    def scores(self, name: str, enrol_keys: list[str], test_keys: list[str]) -> tuple[np.ndarray, ...]:
        """The enrolment index, test index and score of each trial."""
        enrol_row = {key: row for row, key in enumerate(enrol_keys)}
        test_row = {key: row for row, key in enumerate(test_keys)}
        rows = self.rows(f"backend/{name}")
        return (
            np.array([enrol_row[row[0]] for row in rows]),
            np.array([test_row[row[1]] for row in rows]),
            np.array([float(row[2]) for row in rows]),
        )

    def plda(self, name: str) -> Plda:
        return read_plda(GOLDEN / "backend" / name)

    def transform(self, name: str = "transform.mat") -> np.ndarray:
        return read_matrix(GOLDEN / "backend" / name)

    @cached_property
    def mean(self) -> np.ndarray:
        return read_vector(GOLDEN / "backend" / "mean.vec")

    @cached_property
    def train(self) -> tuple[np.ndarray, np.ndarray]:
        """Training vectors, less their mean, and speakers."""
        keys, X = self.vectors("backend/train")
        return X - X.mean(axis=0, dtype=np.float64), self.labels("backend/train_utt2spk", keys)

    def project(self, X: np.ndarray) -> np.ndarray:
        """What Kaldi's pipes do to a vector before PLDA, with its own mean and LDA."""
        return length_normalize(apply_affine(self.transform(), X - self.mean))


@pytest.fixture(scope="session")
def kaldi() -> KaldiBackend:
    return KaldiBackend()


@pytest.fixture(scope="session")
def speakers() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Draws embeddings of known covariances: speakers(seed, n_speakers, counts, between, within) -> X, y."""

    def draw(
        seed: int, n_speakers: int, counts: tuple[int, int], between: np.ndarray, within: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        y = np.repeat(np.arange(n_speakers), rng.integers(counts[0], counts[1] + 1, size=n_speakers))
        dim = len(between)
        centres = rng.multivariate_normal(np.zeros(dim), between, size=n_speakers)
        X = centres[y] + rng.multivariate_normal(np.zeros(dim), within, size=len(y))
        order = rng.permutation(len(y))
        return X[order], y[order]

    return draw


BETWEEN = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
WITHIN = np.array([[1.0, -0.3, 0.0], [-0.3, 0.5, 0.1], [0.0, 0.1, 2.0]])


@pytest.fixture(scope="module")
def labelled(speakers):
    return speakers(0, 40, (1, 7), BETWEEN, WITHIN)


@pytest.fixture(scope="module")
def plda(labelled):
    return Plda().fit(*labelled)


@pytest.fixture(scope="module")
def drawn(speakers):
    scale = np.diag([5.0, 4.0, 3.0, 0.5, 0.1, 0.1])
    X, y = speakers(0, 30, (4, 8), scale, np.eye(6)[::-1] @ scale @ np.eye(6)[::-1])
    return (X + 10).astype(np.float32), y
