"""Voices of several recordings: who is one person, and who is not for certain."""

import numpy as np
import pytest

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.chain import CosineBackend
from pysid.backend.projection import Projection
from pysid.errors import DataError
from pysid.speakers.decision import OperatingPoint
from pysid.speakers.link import LINK_POINT, _complete_linkage, link_voices


@pytest.fixture
def cosine():
    """A back-end whose ratios are 20 times the cosine, less 10: one person's from a cosine of 0.73 on."""
    backend = CosineBackend.of(Projection.from_parts(None, length_norm=False))
    backend.calibration_ = LogisticCalibration()
    backend.calibration_.scale_, backend.calibration_.offset_ = 20.0, -10.0
    return backend


def at(*degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def test_persons_are_numbered_as_they_come(cosine):
    assert link_voices(cosine, at(90, 0, 100, 5), [0, 0, 1, 1]).tolist() == [0, 1, 0, 1]
    assert link_voices(cosine, np.zeros((0, 2)), []).tolist() == []


def test_two_speakers_of_a_recording_are_two_persons(cosine):
    assert link_voices(cosine, at(0, 1), [0, 0]).tolist() == [0, 1]
    assert link_voices(cosine, at(0, 10, 4), [0, 0, 1]).tolist() == [0, 1, 0], "the nearer of the two"


def test_a_chain_of_likenesses_is_no_person(cosine):
    """Each is like the next, the ends are not like each other: complete linkage."""
    assert link_voices(cosine, at(0, 35, 70), [0, 1, 2]).tolist() == [0, 0, 1]


def test_the_threshold_comes_from_the_calibration(cosine):
    assert LINK_POINT.llr_threshold == pytest.approx(np.log(99))
    limit = np.degrees(np.arccos((np.log(99) + 10) / 20))
    assert link_voices(cosine, at(0, limit - 0.1), [0, 1]).tolist() == [0, 0]
    assert link_voices(cosine, at(0, limit + 0.1), [0, 1]).tolist() == [0, 1]
    cosine.calibration_ = None
    assert link_voices(cosine, at(0, 50), [0, 1], OperatingPoint(threshold=0.6)).tolist() == [0, 0]
    with pytest.raises(DataError, match="no calibration"):
        link_voices(cosine, at(0, 50), [0, 1])


def test_scores_that_are_none(cosine):
    cosine.calibration_.scale_ = np.inf
    with pytest.raises(DataError, match="expected finite scores of voices, got others"):
        link_voices(cosine, at(0, 90), [0, 1])


def test_linkage_is_scipys():
    """Complete linkage of SciPy, cut at the threshold."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    rng = np.random.default_rng(0)
    for n in (2, 5, 30):
        distances = rng.uniform(0, 2, (n, n))
        distances = (distances + distances.T) / 2
        np.fill_diagonal(distances, 0)
        expected = fcluster(linkage(squareform(distances), "complete"), 1.0, "distance")
        found = _complete_linkage(1.0 - distances)
        assert len(set(zip(expected.tolist(), found.tolist(), strict=True))) == len(set(found)) == len(set(expected))
