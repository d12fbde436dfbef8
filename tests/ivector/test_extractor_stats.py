"""What an extractor of i-vectors is trained from."""

import numpy as np
import pytest

from pysid.ivector import IvectorExtractor
from pysid.ivector.extractor_stats import ExtractorStats
from pysid.ivector.extractor_update import update

G, D, S = 6, 3, 4


def test_the_bound_without_variances_differs_by_a_constant_of_the_data(gmm, rng, utterances):
    """With second order statistics the covariances fit the data as they are, without, as if they were its own."""
    features, posteriors = utterances(n=3)
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    with_, without = (ExtractorStats.zeros(extractor, update_variances=flag) for flag in (True, False))
    for stats in (with_, without):
        stats.add(extractor, features, posteriors, n_samples=10, rng=rng)
    spread = 0.0
    for x, own in zip(features, posteriors, strict=True):
        for g in range(G):
            rows = x[own.gaussians == g].astype(float)
            centred = rows - rows.mean(axis=0)
            spread += np.einsum("ti,ij,tj->", centred, extractor.inv_covars[g], centred)
    n_frames = sum(map(len, features))
    assert with_.auxiliary - without.auxiliary == pytest.approx(0.5 * (D * n_frames - spread), rel=1e-9)


def test_sums_of_parts_are_the_whole(gmm, rng, utterances):
    features, posteriors = utterances(n=6)
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    parts = []
    for some in (slice(0, 2), slice(2, 6), slice(0, 6)):
        stats = ExtractorStats.zeros(extractor, update_variances=True)
        stats.add(extractor, features[some], posteriors[some], n_samples=10, rng=rng)
        parts.append(stats)
    both = parts[0] + parts[1]
    for name, value in vars(parts[2]).items():
        np.testing.assert_allclose(getattr(both, name), value, rtol=1e-9, atol=1e-7, err_msg=name)
    with pytest.raises(ValueError, match="of one form"):
        both + ExtractorStats.zeros(extractor, update_variances=False)
    with pytest.raises(ValueError, match="of utterances, got those of none"):
        update(extractor, ExtractorStats.zeros(extractor, update_variances=True))
