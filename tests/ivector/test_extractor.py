"""i-vectors: the laws that they follow, where there are no files of Kaldi's to compare with."""

import numpy as np
import pytest

from pysid.ivector import IvectorExtractor, Posteriors, UtteranceStats

G, D, S = 6, 3, 4


@pytest.mark.parametrize("use_weights", [False, True])
def test_several_at_once_are_each_what_they_are_alone(use_weights, gmm, rng, utterances):
    extractor = IvectorExtractor.start(gmm, S, use_weights, rng)
    if use_weights:
        weights = rng.normal(0, 0.05, (G, S))
        extractor = IvectorExtractor(extractor.projections, extractor.inv_covars, np.zeros(0), weights, 100.0)
    features, posteriors = utterances(n=5)
    together = extractor.extract(UtteranceStats.of(G, features, posteriors))
    for k, (x, own) in enumerate(zip(features, posteriors, strict=True)):
        np.testing.assert_allclose(extractor.extract(UtteranceStats.of(G, [x], [own]))[0], together[k], rtol=1e-8)


def test_an_i_vector_is_where_the_likelihood_is_highest(gmm, rng, utterances):
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    stats = UtteranceStats.of(G, *utterances(n=2))
    linear, quadratic = extractor.data_terms(stats)
    best, precisions = extractor.distributions(stats)
    values = extractor.prior_and_data(best, linear, quadratic, stats)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=best.shape)
        moved = extractor.prior_and_data(best + step, linear, quadratic, stats)
        expected = values - 0.5 * np.einsum("ks,kst,kt->k", step, precisions, step)
        np.testing.assert_allclose(moved, expected, rtol=1e-9, atol=1e-7)


def test_no_frames_give_the_priors_mean(gmm, rng):
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    empty = Posteriors(np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32))
    vectors = extractor.extract(UtteranceStats.of(G, [np.zeros((0, D), np.float32)], [empty]))
    np.testing.assert_allclose(vectors, 0, atol=1e-9)


def test_what_does_not_fit(gmm, rng, utterances):
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    features, posteriors = utterances(n=1)
    with pytest.raises(ValueError, match="Feature dimension mismatch, expected 3, got 2"):
        extractor.extract(UtteranceStats.of(G, [features[0][:, :2]], posteriors))
    with pytest.raises(ValueError, match=r"expected Gaussians in \[0, 5\), got 5"):
        UtteranceStats.of(5, features, posteriors)
    with pytest.raises(ValueError, match="expected 79 frames of 3 dimensions with posteriors, got 80"):
        UtteranceStats.of(G, [features[0][:-1]], posteriors)
