"""Scores of trial lists: enrolment, score normalisation, calibration."""

import numpy as np
import pytest

from pysid.backend import AdaptiveScoreNorm, CosineBackend, PldaBackend, cosine_scores
from pysid.backend.trials import enrol, score_trials
from pysid.errors import DataError
from pysid.io.ark.archive import read_vectors, write_npz
from pysid.io.tables import Trial, read_trials, read_utt2spk
from pysid.runs.score import fit_calibration

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


@pytest.fixture
def labelled(vectors, dev):
    """A PLDA back-end of the development voices, and where their embeddings and trials are."""
    pairs = dict(read_vectors(vectors))
    speakers = read_utt2spk(dev / "utt2spk")
    backend = PldaBackend(3).fit(np.stack(list(pairs.values())), np.array([speakers[key] for key in pairs]))
    return backend, f"scp:{vectors}", dev / "trials"


def test_calibration_makes_log_likelihood_ratios(labelled):
    backend, source, path = labelled
    calibration = fit_calibration(backend, path, source, 16)
    trials = read_trials(path)
    vectors = dict(read_vectors(source))
    raw = score_trials(backend, trials, enrol(vectors), vectors)
    truth = np.array([t.is_target for t in trials])
    ratios = calibration.transform(raw)
    # The first-order condition of logistic regression at even priors.
    miss, alarm = 1 / (1 + np.exp(ratios[truth])), 1 / (1 + np.exp(-ratios[~truth]))
    np.testing.assert_allclose(miss.mean(), alarm.mean(), rtol=1e-4)
    assert calibration.scale_ > 0 and calibration.p_target == 0.5


def test_calibration_refuses_bad_lists(labelled, tmp_path):
    backend, source, path = labelled
    trials, npz = tmp_path / "trials", tmp_path / "x.npz"
    trials.write_text("slt-0 slt-1 target\n\nslt-0 slt-99 nontarget\n")
    with pytest.raises(DataError, match=rf"{trials}:3: 'slt-99' is not in {source}"):
        fit_calibration(backend, trials, source, 16)
    trials.write_text("slt-0 slt-1 target\n")
    with pytest.raises(DataError, match="got no nontarget trial"):
        fit_calibration(backend, trials, source, 16)
    trials.write_text("slt-0 slt-1\n")
    with pytest.raises(DataError, match=r"expected 'enrol test target\|nontarget' on every line, got 'slt-0 slt-1'"):
        fit_calibration(backend, trials, source, 16)
    with pytest.raises(DataError, match="expected an embedding of 17 dimensions, got the shape"):
        fit_calibration(backend, path, source, 17)
    write_npz(npz, ((key, np.full(16, np.nan)) for key, _ in read_vectors(source)))
    with pytest.raises(DataError, match=r"36 skipped, the first is alicia-0: the embedding holds a NaN"):
        fit_calibration(backend, path, str(npz), 16)
