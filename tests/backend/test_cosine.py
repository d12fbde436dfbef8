import numpy as np
import pytest

from pysid.backend import cosine_scores
from pysid.errors import DataError


def test_scale_does_not_matter_but_sign_does():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    scores = cosine_scores(a, b)
    np.testing.assert_allclose(cosine_scores(a * rng.uniform(0.1, 9, size=(4, 1)), 7 * b), scores)
    np.testing.assert_allclose(cosine_scores(-a, b), -scores)
    np.testing.assert_allclose(np.diag(cosine_scores(a, a)), 1)
    assert abs(scores).max() <= 1


def test_zero_vectors_score_zero():
    assert cosine_scores([[0.0, 0.0]], [[1.0, 2.0]]).item() == 0


def test_dimensions_must_agree():
    with pytest.raises(DataError, match="test has 3 dimensions, expected 2"):
        cosine_scores(np.ones((1, 2)), np.ones((1, 3)))
