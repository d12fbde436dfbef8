"""Refinement steps, each by hand on a small matrix."""

import numpy as np
import pytest

from pysid.config import from_plain, to_plain
from pysid.diarization import refinement
from pysid.diarization.refinement import (
    WANG_2018,
    CropDiagonal,
    Diffuse,
    GaussianBlur,
    Logistic,
    Refinement,
    Rescale,
    RowWiseNormalize,
    RowWiseThreshold,
    Symmetrize,
)


def matrix(*rows):
    return np.array(rows, dtype=np.float32)


CASES = {
    "rescale": (
        Rescale(),
        matrix([1, 0, -1], [0, 1, 0.5], [-1, 0.5, 1]),
        matrix([1, 0.5, 0], [0.5, 1, 0.75], [0, 0.75, 1]),
    ),
    "rescale and clip": (
        Rescale(low=0, high=2),
        matrix([4, 1, -3], [1, 4, 2], [-3, 2, 4]),
        matrix([1, 0.5, 0], [0.5, 1, 1], [0, 1, 1]),
    ),
    "logistic": (
        Logistic(),
        np.log(matrix([9, 3, 1], [3, 9, 1 / 4], [1, 1 / 4, 9])),
        matrix([0.9, 0.75, 0.5], [0.75, 0.9, 0.2], [0.5, 0.2, 0.9]),
    ),
    "logistic, shifted and scaled": (
        Logistic(shift=1.0, scale=0.5),
        1 + 2 * np.log(matrix([9, 3, 1], [3, 9, 1 / 4], [1, 1 / 4, 9])),
        matrix([0.9, 0.75, 0.5], [0.75, 0.9, 0.2], [0.5, 0.2, 0.9]),
    ),
    "crop diagonal": (
        CropDiagonal(),
        matrix([9, 2, 3], [2, 9, 4], [3, 4, 9]),
        matrix([3, 2, 3], [2, 4, 4], [3, 4, 4]),
    ),
    "crop diagonal of negative scores": (
        CropDiagonal(),
        matrix([9, -2, -3], [-2, 9, -4], [-3, -4, 9]),
        matrix([-2, -2, -3], [-2, -2, -4], [-3, -4, -3]),
    ),
    "threshold": (
        RowWiseThreshold(p=0.5, multiplier=0.1),
        matrix([4, 2, 1], [2, 8, 5], [1, 5, 10]),
        matrix([4, 2, 0.1], [0.2, 8, 5], [0.1, 5, 10]),
    ),
    "hard threshold at a percentile": (
        RowWiseThreshold(p=0.5, multiplier=0.0, relative_to="percentile"),
        matrix([4, 2, 1], [2, 8, 5], [1, 5, 10]),
        matrix([4, 2, 0], [0, 8, 5], [0, 5, 10]),
    ),
    "larger of mirror images": (
        Symmetrize(),
        matrix([1, 2, 3], [4, 5, 6], [7, 8, 9]),
        matrix([1, 4, 7], [4, 5, 8], [7, 8, 9]),
    ),
    "average of mirror images": (
        Symmetrize(by="average"),
        matrix([1, 2, 3], [4, 5, 6], [7, 8, 9]),
        matrix([1, 3, 5], [3, 5, 7], [5, 7, 9]),
    ),
    "diffuse": (
        Diffuse(),
        matrix([1, 2, 0], [2, 1, 0], [0, 0, 3]),
        matrix([5, 4, 0], [4, 5, 0], [0, 0, 9]),
    ),
    "normalise": (
        RowWiseNormalize(),
        matrix([4, 2, 1], [2, 8, 4], [1, 5, 10]),
        matrix([1, 0.5, 0.25], [0.25, 1, 0.5], [0.1, 0.5, 1]),
    ),
}


@pytest.mark.parametrize(("step", "given", "expected"), CASES.values(), ids=CASES)
def test_by_hand(step, given, expected):
    refined = step(given.copy())
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("step", [step for step, *_ in CASES.values() if not isinstance(step, Diffuse)], ids=repr)
def test_works_in_place_and_block_by_block(step, monkeypatch):
    given = np.random.default_rng(0).uniform(size=(11, 11)).astype(np.float32)
    whole = step(given.copy())
    monkeypatch.setattr(refinement, "BLOCK_ROWS", 4)
    blocked = given.copy()
    assert step(blocked) is blocked
    np.testing.assert_array_equal(blocked, whole)


def test_blur_spreads_a_peak_evenly_and_keeps_the_sum():
    given = np.zeros((41, 41), dtype=np.float32)
    given[20, 20] = 1.0
    blurred = GaussianBlur(sigma=2.0)(given)
    assert blurred is given
    x = np.arange(-20, 21)
    bell = np.exp(-(x**2) / 8.0)
    bell[abs(x) > 8] = 0.0  # SciPy cuts off at four sigma
    np.testing.assert_allclose(blurred, np.outer(bell, bell) / bell.sum() ** 2, atol=1e-7)


def test_a_single_window_keeps_its_diagonal():
    np.testing.assert_array_equal(CropDiagonal()(matrix([7])), matrix([7]))


def test_the_published_sequence_sharpens_blocks():
    speaker = np.repeat([0, 1], 10)
    noise = np.random.default_rng(0).uniform(-0.15, 0.15, size=(20, 20))
    cosines = np.where(speaker[:, None] == speaker, 0.6, 0.3) + (noise + noise.T) / 2
    np.fill_diagonal(cosines, 1.0)
    refined = cosines.astype(np.float32)
    for step in WANG_2018:
        refined = step(refined)
    same = speaker[:, None] == speaker
    assert refined[same].mean() > 5 * refined[~same].mean()


def test_steps_are_read_from_plain_values_by_kind():
    steps = from_plain(tuple[Refinement, ...], [{"kind": "logistic", "shift": 1}, {"kind": "symmetrize"}], "a.yaml")
    assert steps == (Logistic(shift=1.0), Symmetrize())
    assert from_plain(tuple[Refinement, ...], to_plain(WANG_2018), "a.yaml") == WANG_2018


def test_wrong_settings():
    with pytest.raises(ValueError, match=r"needs low < high, got 1\.0 and 1\.0"):
        Rescale(low=1.0, high=1.0)
    with pytest.raises(ValueError, match="scale of a logistic map must be positive, got 0"):
        Logistic(scale=0)
    with pytest.raises(ValueError, match="sigma of a blur must be positive, got -1"):
        GaussianBlur(sigma=-1)
    with pytest.raises(ValueError, match=r"p and multiplier must lie in \[0, 1\], got 0.5 and 2"):
        RowWiseThreshold(p=0.5, multiplier=2)
