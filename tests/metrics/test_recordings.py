"""Which recordings are scored, and what is said about the others."""

import warnings

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.metrics.diarization import DerCounts, JerCounts
from pysid.metrics.recordings import DiarizationScore, pair_recordings
from pysid.segments import Segment, Turn

A = [Turn(Segment(0, 4), "a")]
B = [Turn(Segment(0, 1), "b"), Turn(Segment(1, 5), "c")]
X = [Turn(Segment(0, 3), "x")]


def told(*arguments):
    """The recordings to score and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recordings = pair_recordings(*arguments)
    assert all(warning.category is PysidWarning for warning in caught)
    return recordings, [str(warning.message) for warning in caught]


def test_the_recordings_of_the_reference():
    recordings, messages = told({"b": B, "a": A}, {"a": X, "b": X})
    assert recordings == [("b", B, X, None), ("a", A, X, None)]
    assert messages == []


def test_a_recording_that_the_hypothesis_lacks_is_missed():
    recordings, messages = told({"b": B, "a": A, "c": A}, {"b": X})
    assert messages == ["the hypothesis lacks 2 of 3 recordings, which count as missed; the first is 'a'"]
    total = sum((recording.score() for recording in recordings), DiarizationScore())
    assert total == DiarizationScore(DerCounts(total=13.0, missed=10.0, confusion=1.0), JerCounts(4, 4 - 2 / 5))


def test_a_hypothesis_without_turns_is_no_lack():
    recordings, messages = told({"a": A}, {"a": []})
    assert (recordings, messages) == ([("a", A, [], None)], [])
    assert recordings[0].score().der.der == 1


def test_a_recording_that_the_reference_lacks_is_left_out():
    recordings, messages = told({"a": A}, {"a": X, "z": X})
    assert [recording.name for recording in recordings] == ["a"]
    assert messages == ["1 of 2 recordings are left out, as the reference lacks them; the first is 'z'"]


def test_a_uem_says_which_recordings():
    uem = {"z": [Segment(0, 2)], "a": [Segment(1, 9)], "neither": [Segment(0, 1)]}
    recordings, messages = told({"a": A, "b": B}, {"a": X, "z": X}, uem)
    assert recordings == [("a", A, X, uem["a"]), ("z", (), X, uem["z"])]
    assert messages == ["1 of 3 recordings are left out, as the UEM lacks them; the first is 'b'"]
    assert recordings[1].score() == DiarizationScore(DerCounts(false_alarm=2.0), JerCounts())


def test_where_nobody_was_found_all_is_missed():
    for hypothesis in ({}, {"turns": []}):
        recordings, messages = told({"a": A, "b": B}, hypothesis)
        assert recordings == [("a", A, (), None), ("b", B, (), None)]
        assert messages[0] == "the hypothesis lacks 2 of 2 recordings, which count as missed; the first is 'a'"


def test_nothing_in_common():
    with pytest.raises(DataError, match=r"^the hypothesis has none of the recordings of the reference: it begins with"):
        pair_recordings({"a": A}, {"x": X})
    with pytest.raises(DataError, match=r"of the UEM: it begins with 'a', the UEM with 'a.wav'$"):
        pair_recordings({"a": A}, {"a": X}, {"a.wav": [Segment(0, 1)]})


def test_options_reach_the_diarization_error():
    (recording,) = pair_recordings({"b": [*B, Turn(Segment(4, 5), "d")]}, {"b": X})
    assert recording.score(collar_s=0.5).der.total == 2.0  # from 1.5 s to 3.5 s
    assert recording.score(skip_overlap=True).der.total == 4
    assert recording.score(collar_s=0.5, skip_overlap=True).jer == recording.score().jer
