"""Scores multiplied out in blocks, and those of single trials."""

import numpy as np
import pytest

from pysid.backend.bilinear import BilinearScores


def test_blocks_and_pairs_give_the_same_scores(plda, monkeypatch):
    rng = np.random.default_rng(0)
    enrol, test, counts = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)), rng.integers(1, 4, size=7)
    whole = plda.score(enrol, test, counts)
    i, j = np.divmod(rng.permutation(35), 5)
    monkeypatch.setattr("pysid.backend.bilinear.BLOCK_VALUES", 11)
    for groups in (32, 0):
        monkeypatch.setattr("pysid.backend.bilinear.FOLDED_GROUPS", groups)
        np.testing.assert_allclose(plda.score(enrol, test, counts), whole, rtol=1e-12, atol=1e-12)
        terms = plda.terms(enrol, test, counts)
        np.testing.assert_allclose(terms.pairs(i, j), whole[i, j], rtol=1e-12, atol=1e-12)
        blocks = dict((rows.start, scores) for rows, scores in terms.blocks(15))
        assert list(blocks) == [0, 3, 6]
        np.testing.assert_allclose(np.concatenate(list(blocks.values())), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (([0, 2], [0, 0]), r"enrol_index must lie in \[0, 2\), got values from 0 to 2"),
        (([0], [-1]), r"test_index must lie in \[0, 2\)"),
        (([0.5], [0]), "must be a list of whole numbers"),
        (([0, 1], [0]), "enrol_index has 2 trials, test_index 1"),
    ],
)
def test_wrong_trials(plda, index, message):
    X = np.ones((2, 3))
    with pytest.raises(ValueError, match=message):
        plda.terms(X, X).pairs(*index)


def test_no_trials_have_no_scores(plda):
    assert plda.terms(np.ones((2, 3)), np.ones((2, 3))).pairs([], []).shape == (0,)


def test_every_score_is_the_sum_of_its_four_parts():
    rng = np.random.default_rng(0)
    left, right, row, column = (rng.normal(size=size) for size in ((4, 3), (5, 3), 4, (2, 5)))
    group = np.array([0, 1, 1, 0])
    terms = BilinearScores(left, right, row, column, group)
    expected = [[left[i] @ right[j] + row[i] + column[group[i], j] for j in range(5)] for i in range(4)]
    np.testing.assert_allclose(terms.matrix(), expected, rtol=1e-12)
    np.testing.assert_allclose(terms.pairs([3, 0], [4, 2]), [expected[3][4], expected[0][2]], rtol=1e-12)
