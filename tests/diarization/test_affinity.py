"""Affinities of windows, and Kaldi's scores of golden/kaldi/clustering."""

from pathlib import Path

import kaldiio
import numpy as np
import pytest

from pysid.backend import CosineBackend, Plda, PldaBackend, Projection, cosine_scores, gram
from pysid.config import from_plain
from pysid.diarization.affinity import (
    CosineAffinity,
    CosineAffinityConfig,
    PldaAffinity,
    PldaAffinityConfig,
    make_affinity,
)
from pysid.errors import DataError
from pysid.exchange.kaldi_backend import read_matrix, read_plda, read_vector

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


@pytest.fixture(scope="module")
def backend():
    """LDA from 6 to 4 dimensions, then PLDA."""
    rng = np.random.default_rng(0)
    plda = Plda.from_parameters(np.zeros(4), rng.normal(size=(4, 4)), np.array([9.0, 4.0, 1.0, 0.1]))
    return PldaBackend.from_parts(plda, rng.normal(size=6), rng.normal(size=(4, 6)))


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(1).normal(size=(21, 6)).astype(np.float32)


def test_cosine_by_hand():
    affinity = CosineAffinity(Projection.from_parts([1.0, 1.0], length_norm=False))
    scores = affinity(np.array([[2.0, 1.0], [1.0, 4.0], [0.0, 1.0], [1.0, 1.0]]))
    expected = np.array([[1, 0, -1, 0], [0, 1, 0, 0], [-1, 0, 1, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(scores, expected, atol=1e-7)


def test_cosine_is_centred_and_with_lda_unless_told_not_to(backend, windows):
    projected = backend.projection.transform(windows)
    centred = windows - backend.projection.mean_
    for config, expected in (
        (CosineAffinityConfig(), cosine_scores(projected, projected)),
        (CosineAffinityConfig(lda=False), cosine_scores(centred, centred)),
    ):
        np.testing.assert_allclose(make_affinity(config, backend)(windows), expected, atol=1e-6)


def test_cosine_serves_with_any_back_end_or_none(windows):
    cosine = CosineBackend().fit(windows)
    expected = cosine.score(windows, windows)
    np.testing.assert_allclose(make_affinity(CosineAffinityConfig(), cosine)(windows), expected, atol=1e-6)
    raw = make_affinity(CosineAffinityConfig(), None)(windows)
    np.testing.assert_allclose(raw, cosine_scores(windows, windows), atol=1e-6)


@pytest.mark.parametrize(("name", "target_energy"), [("scores", 0.1), ("scores_te05", 0.5), ("scores_te1", 1.0)])
def test_plda_gives_kaldis_scores_of_raw_windows(name, target_energy):
    folder = GOLDEN / "backend"
    kaldis = PldaBackend.from_parts(
        read_plda(folder / "plda"), read_vector(folder / "mean.vec"), read_matrix(folder / "transform.mat")
    )
    affinity = PldaAffinity(PldaAffinityConfig(target_energy=target_energy), kaldis)
    vectors = dict(kaldiio.load_ark(str(GOLDEN / "clustering" / "segment_vectors.ark")))
    expected = dict(kaldiio.load_ark(str(GOLDEN / "clustering" / f"{name}.ark")))
    recordings = [line.split() for line in (GOLDEN / "clustering" / "spk2utt").read_text().splitlines()]
    assert {recording for recording, *_ in recordings} == expected.keys()
    for recording, *segments in recordings:
        scores = affinity(np.stack([vectors[segment] for segment in segments]))
        np.testing.assert_allclose(scores, expected[recording], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", [CosineAffinityConfig(), PldaAffinityConfig(), PldaAffinityConfig(target_energy=1)])
def test_blocks_make_up_the_whole_and_are_exactly_symmetric(config, backend, windows, monkeypatch):
    affinity = make_affinity(config, backend)
    whole = affinity(windows)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, whole.T)
    monkeypatch.setattr(gram, "BLOCK_ROWS", 4)
    blocked = affinity(windows)
    np.testing.assert_allclose(blocked, whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(blocked, blocked.T)


@pytest.mark.parametrize("config", [CosineAffinityConfig(), PldaAffinityConfig()])
def test_one_window(config, backend, windows):
    assert make_affinity(config, backend)(windows[:1]).shape == (1, 1)


def test_configurations_are_told_apart_by_kind():
    union = CosineAffinityConfig | PldaAffinityConfig
    assert from_plain(union, {"kind": "cosine", "lda": False}, "a.yaml") == CosineAffinityConfig(lda=False)
    assert from_plain(union, {"kind": "plda"}, "a.yaml") == PldaAffinityConfig(target_energy=0.1)


def test_errors(windows):
    with pytest.raises(ValueError, match=r"target_energy must lie in \[0, 1\], got 1.5"):
        PldaAffinityConfig(target_energy=1.5)
    for backend in (CosineBackend(), None):
        with pytest.raises(DataError, match="needs a PLDA back-end, and this model has none"):
            make_affinity(PldaAffinityConfig(), backend)
    with pytest.raises(DataError, match="1 of 21 embeddings hold a NaN"):
        CosineAffinity()(np.where(np.arange(21)[:, None] == 3, np.nan, windows))
