"""Enrolled speakers, and the scores of a trial list."""

import numpy as np
import pytest

from pysid.backend import AdaptiveScoreNorm, CosineBackend, PldaBackend, cosine_scores
from pysid.backend.trials import enrol, score_trials
from pysid.errors import DataError
from pysid.io.tables import Trial

EMBEDDINGS = {name: np.random.default_rng(i).normal(size=8) for i, name in enumerate("abcdefgh")}


TRIALS = [Trial("a", "b", True), Trial("b", "a", False), Trial("a", "b", True), Trial("c", "h", False)]


@pytest.fixture
def cosine():
    return CosineBackend(centre=False).fit(np.stack(list(EMBEDDINGS.values())))


@pytest.fixture
def plda():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(20), 6)
    return PldaBackend(4).fit(rng.normal(size=(20, 8))[y] + 0.5 * rng.normal(size=(len(y), 8)), y)


def test_scores_stand_in_the_order_of_the_trials(cosine):
    scores = score_trials(cosine, TRIALS, enrol(EMBEDDINGS), EMBEDDINGS)
    expected = [cosine_scores(EMBEDDINGS[t.enrol][None], EMBEDDINGS[t.test][None])[0, 0] for t in TRIALS]
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_a_side_without_an_embedding_is_nan(cosine):
    trials = [*TRIALS, Trial("a", "z"), Trial("z", "a")]
    scores = score_trials(cosine, trials, enrol(EMBEDDINGS), EMBEDDINGS)
    assert np.isnan(scores).tolist() == [False] * 4 + [True] * 2
    np.testing.assert_array_equal(scores[:4], score_trials(cosine, TRIALS, enrol(EMBEDDINGS), EMBEDDINGS))
    assert np.isnan(score_trials(cosine, trials[4:], enrol(EMBEDDINGS), EMBEDDINGS)).all()


def test_enrolment_is_the_mean_of_what_there_is():
    enrolments = enrol(EMBEDDINGS, {"s": ["a", "b", "lost"], "t": ["c"], "nobody": ["lost"]})
    assert list(enrolments.names) == ["s", "t"]
    np.testing.assert_array_equal(enrolments.counts, [2, 1])
    np.testing.assert_allclose(enrolments.vectors[0], (EMBEDDINGS["a"] + EMBEDDINGS["b"]) / 2)
    with pytest.raises(DataError, match="no enrolled speaker has an utterance"):
        enrol(EMBEDDINGS, {"nobody": ["lost"]})


def test_the_number_of_enrolment_utterances_counts(plda):
    """PLDA is surer of a speaker the more utterances a mean is of."""
    trials = [Trial("s", x) for x in "cdefgh"]
    two, one = {"s": ["a", "b"]}, {"s": ["m"]}
    mean = EMBEDDINGS | {"m": (EMBEDDINGS["a"] + EMBEDDINGS["b"]) / 2}
    found = score_trials(plda, trials, enrol(mean, two), mean)
    tests = np.stack([EMBEDDINGS[x] for x in "cdefgh"])
    np.testing.assert_allclose(found, plda.score(mean["m"][None], tests, 2)[0], rtol=1e-10)
    assert np.abs(found - score_trials(plda, trials, enrol(mean, one), mean)).max() > 1e-3


@pytest.mark.parametrize("top_n", [2, 5, 300])
def test_a_cohort_normalises(cosine, top_n):
    cohort = np.random.default_rng(9).normal(size=(20, 8))
    found = score_trials(cosine, TRIALS, enrol(EMBEDDINGS), EMBEDDINGS, cohort, top_n)
    norm = AdaptiveScoreNorm(cosine, min(top_n, 20)).fit(cohort)
    for trial, score in zip(TRIALS, found, strict=True):
        expected = norm.score(EMBEDDINGS[trial.enrol][None], EMBEDDINGS[trial.test][None])
        np.testing.assert_allclose(score, expected[0, 0], atol=1e-9)


def test_a_cohort_of_one_is_too_small(cosine):
    with pytest.raises(DataError, match="the cohort has 1 embeddings"):
        score_trials(cosine, TRIALS, enrol(EMBEDDINGS), EMBEDDINGS, np.ones((1, 8)))
