"""scikit-learn's contract: its own checks, and what people do with estimators."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from pysid.backend import (
    AdaptiveScoreNorm,
    Centring,
    CosineBackend,
    Lda,
    LengthNormalization,
    LogisticCalibration,
    Pca,
    Plda,
    PldaBackend,
    Projection,
)
from pysid.errors import DataError

OWN_WORDS = "the message is pysid's: dimensions and embeddings, not features and samples"
SCORE = "`score` compares enrolments with tests: what speaker verification calls a score needs no labels"
EXCEPTIONS = {
    "check_n_features_in_after_fitting": OWN_WORDS,
    "check_fit2d_1sample": OWN_WORDS,
    "check_fit_score_takes_y": SCORE,
    "check_pipeline_consistency": SCORE,
}
SCORING = (Plda, PldaBackend, CosineBackend)
TRAINED_ON_SPEAKERS = (Lda, Plda, PldaBackend)


def exceptions(estimator):
    applies = {"check_n_features_in_after_fitting"}
    if isinstance(estimator, TRAINED_ON_SPEAKERS) or getattr(estimator, "lda_dim", None):
        applies.add("check_fit2d_1sample")
    if isinstance(estimator, SCORING):
        applies |= {"check_fit_score_takes_y", "check_pipeline_consistency"}
    return {name: EXCEPTIONS[name] for name in applies}


@pytest.mark.filterwarnings("ignore::pysid.errors.PysidWarning")
@parametrize_with_checks(
    [
        Centring(),
        LengthNormalization(),
        Pca(),
        Pca(1, normalize_variance=True, normalize_mean=True),
        Lda(1),
        Plda(),
        Projection(),
        Projection(1),
        PldaBackend(None),
        CosineBackend(),
    ],
    expected_failed_checks=exceptions,
    xfail_strict=True,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data(speakers):
    return speakers(0, 30, (3, 6), np.diag([6.0, 5.0, 4.0, 3.0]), np.eye(4))


ESTIMATORS = [
    Centring(),
    LengthNormalization(),
    Pca(2),
    Lda(2),
    Plda(4),
    Projection(2, centre=False),
    PldaBackend(2, smoothing=0.1),
    CosineBackend(2),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_a_clone_learns_the_same_and_starts_from_nothing(estimator, data):
    X, y = data
    fitted = clone(estimator).fit(X, y)
    again = clone(fitted)
    assert again.get_params() == estimator.get_params() and repr(again) == repr(estimator)
    assert not any(name.endswith("_") for name in vars(again))
    assert fitted.n_features_in_ == 4
    if hasattr(estimator, "transform"):
        np.testing.assert_array_equal(again.fit_transform(X, y), fitted.transform(X))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), fitted.transform(X))


def test_steps_in_a_pipeline_are_the_backend(data):
    X, y = data
    pipeline = make_pipeline(Centring(), Lda(3), LengthNormalization(), Plda()).fit(X, y)
    backend = PldaBackend(3).fit(X, y)
    np.testing.assert_allclose(pipeline.transform(X), backend.transform(X), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        pipeline[-1].score(pipeline.transform(X[:3]), pipeline.transform(X)), backend.score(X[:3], X), atol=1e-8
    )


def test_a_grid_search_chooses_options(data):
    X, y = data

    def separation(pipeline, X, y):
        u = pipeline.transform(X)
        scores, same = pipeline[-1].score(u, u), y[:, None] == y
        return scores[same].mean() - scores[~same].mean()

    pipeline = make_pipeline(Centring(), Lda(1), Plda())
    search = GridSearchCV(pipeline, {"lda__dim": [1, 4]}, scoring=separation, cv=2).fit(X, y)
    assert search.best_params_ == {"lda__dim": 4}


@pytest.mark.parametrize(
    "call",
    [
        lambda X: Centring().transform(X),
        lambda X: Pca().transform(X),
        lambda X: Lda(1).transform(X),
        lambda X: Plda().transform(X),
        lambda X: Plda().score(X, X),
        lambda X: Plda().covariances(),
        lambda X: Plda().smooth(0.5),
        lambda X: Projection().transform(X),
        lambda X: PldaBackend().score(X, X),
        lambda X: PldaBackend().adapt(X),
        lambda X: PldaBackend().to_arrays(),
        lambda X: CosineBackend().score(X, X),
        lambda X: CosineBackend().to_arrays(),
        lambda X: AdaptiveScoreNorm(CosineBackend()).score(X, X),
        lambda X: LogisticCalibration().transform([0.0]),
        lambda X: LogisticCalibration().to_arrays(),
    ],
)
def test_what_is_not_fitted_says_so(call):
    with pytest.raises(NotFittedError, match=r"^this \w+ is not fitted: call fit first$"):
        call(np.ones((2, 3)))


def test_options_of_what_is_wrapped_and_those_that_do_not_exist():
    norm = AdaptiveScoreNorm(PldaBackend(5), top_n=7)
    assert norm.get_params()["backend__lda_dim"] == 5 and "backend__lda_dim" not in norm.get_params(deep=False)
    assert norm.set_params(backend__lda_dim=3, top_n=2) is norm and norm.backend.lda_dim == 3
    assert repr(norm) == "AdaptiveScoreNorm(backend=PldaBackend(lda_dim=3), top_n=2)"
    with pytest.raises(ValueError, match="Centring has no option 'dim'; it has none"):
        Centring().set_params(dim=3)


def test_labels_are_asked_for_where_they_matter(data):
    X, _ = data
    for estimator in (Lda(2), Plda(), PldaBackend(None)):
        assert estimator.__sklearn_tags__().target_tags.required
        with pytest.raises((ValueError, TypeError), match=r"needs speaker labels|missing .* 'y'"):
            estimator.fit_transform(X)


def test_a_restored_model_knows_its_options(data):
    X, y = data
    backend = PldaBackend(3, centre=False, length_norm=False, plda_length_norm="simple").fit(X, y)
    restored = PldaBackend.from_arrays(backend.to_arrays())
    assert restored.get_params() == backend.get_params()


@pytest.mark.parametrize("bad", [np.ones((2, 2), dtype=complex), np.ones((2, 0)), np.ones(3)])
def test_what_no_embeddings_are(bad):
    with pytest.raises(ValueError, match=r"[Cc]omplex|0 feature|Reshape your data to \(1, 3\)"):
        Centring().fit(bad)


def test_embeddings_of_another_dimension(data):
    X, y = data
    for estimator in (Centring(), Pca(), Lda(2), Plda(), Projection(), PldaBackend(None)):
        with pytest.raises(DataError, match="X has 3 dimensions, expected 4"):
            estimator.fit(X, y).transform(X[:, :3])


def test_fitting_needs_no_scikit_learn():
    code = (
        "import sys, numpy as np; from pysid.backend import Centring, Lda, Plda; x = np.random.rand(20, 3);"
        "Plda().fit_transform(Lda(2).fit_transform(Centring().fit_transform(x), [0, 1, 2, 3, 4] * 4), [0, 1] * 10);"
        "print('sklearn' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
