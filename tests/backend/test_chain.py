import numpy as np
import pytest
from safetensors.numpy import load, save

from pysid.backend import (
    CosineBackend,
    LogisticCalibration,
    Plda,
    PldaBackend,
    backend_from_arrays,
)
from pysid.errors import DataError
from pysid.metrics import equal_error_rate

BACKENDS = [
    PldaBackend(lda_dim=3),
    PldaBackend(lda_dim=None, smoothing=0.2, n_iter=3),
    PldaBackend(lda_dim=4, centre=False, length_norm=False, plda_length_norm=None),
    PldaBackend(lda_dim=4, total_covariance_factor=0.2, plda_length_norm="simple"),
    PldaBackend(lda_dim=4, cosine_weight=7.0),
    CosineBackend(),
    CosineBackend(centre=False),
    CosineBackend(lda_dim=3),
]


@pytest.mark.parametrize("backend", BACKENDS)
def test_stored_state_scores_alike(backend, drawn):
    X, y = drawn
    backend.fit(X, y)
    restored = backend_from_arrays(load(save(backend.to_arrays())))
    assert type(restored) is type(backend)
    np.testing.assert_array_equal(restored.score(X[:5], X[5:9], 2), backend.score(X[:5], X[5:9], 2))


@pytest.mark.parametrize("backend", BACKENDS)
def test_pairs_are_entries_of_the_matrix(backend, drawn):
    X, y = drawn
    backend.fit(X, y)
    counts = np.array([1, 2, 1, 5])
    i, j = np.divmod(np.random.default_rng(0).integers(0, 4 * 9, size=50), 9)
    matrix = backend.score(X[:4], X[:9], counts)
    np.testing.assert_allclose(backend.score_pairs(X[:4], X[:9], i, j, counts), matrix[i, j], rtol=1e-10, atol=1e-10)


def test_plda_knows_better_than_cosine_which_directions_matter(drawn):
    X, y = drawn
    train, test = y < 15, y >= 15
    same = y[test][:, None] == y[test]
    upper = np.triu(np.ones_like(same), 1)

    def eer(backend):
        scores = backend.fit(X[train], y[train]).score(X[test], X[test])
        return equal_error_rate(scores[same & upper], scores[~same & upper])[0]

    assert eer(PldaBackend(lda_dim=None)) < eer(CosineBackend())


def test_a_cosine_beside_plda(drawn):
    X, y = drawn
    backend = PldaBackend(lda_dim=3, cosine_weight=7.0).fit(X, y)
    plda, cosine = PldaBackend(lda_dim=3).fit(X, y), CosineBackend.of(backend.projection)
    expected = plda.score(X[:4], X[4:9], [1, 2, 1, 3]) + 7 * cosine.score(X[:4], X[4:9])
    np.testing.assert_allclose(backend.score(X[:4], X[4:9], [1, 2, 1, 3]), expected, rtol=1e-12, atol=1e-12)
    adapted, plain = backend.adapt(3 * X[:40]), plda.adapt(3 * X[:40])
    np.testing.assert_allclose(adapted.score(X[:4], X[:4]) - plain.score(X[:4], X[:4]), 7 * cosine.score(X[:4], X[:4]))
    assert "cosine_weight" not in plda.to_arrays()  # so the files of others stay as they were


@pytest.mark.parametrize("weight", [-1.0, np.inf, np.nan])
def test_impossible_weights_of_a_cosine(weight, drawn):
    with pytest.raises(ValueError, match=f"cosine_weight must be finite and not negative, got {weight}"):
        PldaBackend(cosine_weight=weight).fit(*drawn)
    arrays = PldaBackend(lda_dim=3).fit(*drawn).to_arrays()
    with pytest.raises(DataError, match="cosine_weight must be one finite number, not negative"):
        PldaBackend.from_arrays(arrays | {"cosine_weight": np.array([weight])})


def test_steps_are_applied_in_order(drawn):
    X, y = drawn
    backend = PldaBackend(lda_dim=3, plda_length_norm=None).fit(X, y)
    lda = backend.projection.transform_
    projected = (X - X.mean(axis=0, dtype=float)) @ lda[:, :-1].T + lda[:, -1]
    projected *= np.sqrt(3) / np.linalg.norm(projected, axis=1, keepdims=True)
    expected = Plda().fit(projected, y)
    np.testing.assert_allclose(backend.plda_.psi_, expected.psi_, rtol=1e-8)
    np.testing.assert_allclose(backend.projection.transform(X), projected, rtol=1e-9, atol=1e-9)


def test_smoothing_is_part_of_the_fit(drawn):
    X, y = drawn
    plain, smooth = (PldaBackend(None, smoothing=s).fit(X, y).plda_ for s in (0.0, 0.4))
    np.testing.assert_allclose(smooth.psi_, plain.smooth(0.4).psi_)


def test_adapted_backend_scores_by_the_adapted_model(drawn):
    X, y = drawn
    backend = PldaBackend(lda_dim=3).fit(X, y)
    backend.calibration_ = LogisticCalibration().fit([1.0, 3.0], [0.0, 2.0])
    adapted = backend.adapt(3 * X[:40])
    assert adapted.calibration_ is None
    u = adapted.transform(X[:4])
    np.testing.assert_allclose(adapted.score(X[:4], X[:4]), adapted.plda_.score(u, u))
    assert not np.allclose(adapted.plda_.psi_, backend.plda_.psi_, rtol=1e-3)


@pytest.mark.parametrize("backend", [PldaBackend(lda_dim=3), CosineBackend()])
def test_calibration_is_stored_with_the_backend(backend, drawn):
    backend.fit(*drawn)
    backend.calibration_ = LogisticCalibration(0.1).fit([1.0, 3.0], [0.0, 2.0])
    restored = backend_from_arrays(load(save(backend.to_arrays())))
    assert vars(restored.calibration_) == vars(backend.calibration_)


def test_impossible_lda_dimensions(drawn):
    X, y = drawn
    with pytest.raises(DataError, match=r"lda_dim=200 is too large: 30 speakers.*6 dimensions allow at most 6"):
        PldaBackend().fit(X, y)
    few = y < 3
    with pytest.raises(DataError, match=r"lda_dim=3 is too large: 3 speakers .* allow at most 2"):
        CosineBackend(lda_dim=3).fit(X[few], y[few])
    with pytest.raises(ValueError, match="LDA needs speaker labels"):
        CosineBackend(lda_dim=3).fit(X)
    with pytest.raises(ValueError, match="plda_length_norm must be"):
        PldaBackend(plda_length_norm="unit").fit(X, y)
    with pytest.raises(ValueError, match=r"smoothing must lie in \[0, 1\], got 2"):
        PldaBackend(smoothing=2).fit(X, y)


def test_parts_that_do_not_fit():
    plda = Plda.from_parameters(np.zeros(2), np.eye(2), np.ones(2))
    with pytest.raises(DataError, match="the PLDA model takes 2 dimensions, but the projection gives 3"):
        PldaBackend.from_parts(plda, mean=np.zeros(3))
    with pytest.raises(DataError, match="must have 3 or 4 columns, as its mean has 3 dimensions, got 5"):
        PldaBackend.from_parts(plda, np.zeros(3), np.zeros((2, 5)))
    with pytest.raises(DataError, match="must be a matrix"):
        PldaBackend.from_parts(plda, None, np.zeros(3))
    with pytest.raises(DataError, match="must be a vector"):
        PldaBackend.from_parts(plda, np.zeros((1, 3)))


def test_wrong_dimension_at_scoring(drawn):
    X, y = drawn
    with pytest.raises(DataError, match="has 5 dimensions, expected 6"):
        PldaBackend(lda_dim=3).fit(X, y).score(X[:, :5], X)


def test_broken_state(drawn):
    arrays = PldaBackend(lda_dim=3).fit(*drawn).to_arrays()
    without_psi = {name: array for name, array in arrays.items() if name != "plda.psi"}
    with pytest.raises(DataError, match=r"needs the arrays \['plda.psi'\], got \['length_norm', 'mean'"):
        backend_from_arrays(without_psi)
    with pytest.raises(DataError, match=r"needs the array 'length_norm', got \['mean'\]"):
        backend_from_arrays({"mean": np.zeros(3)})
    with pytest.raises(DataError, match=r"plda.length_norm must be below 3, got 9"):
        backend_from_arrays(arrays | {"plda.length_norm": np.array([9], dtype=np.uint8)})
