"""Second speakers where a network hears overlap."""

import pytest

from pysid.diarization.second_speakers import NetworkOverlapConfig, with_nearest_speakers
from pysid.segments import Segment, Turn


def turn(start_s, end_s, speaker):
    return Turn(Segment(start_s, end_s), speaker)


def second(turns, *spans, max_distance_s=5.0):
    found = with_nearest_speakers(turns, [Segment(*span) for span in spans], max_distance_s)
    assert found == sorted(found)
    rounded = [turn(round(t.segment.start_s, 6), round(t.segment.end_s, 6), t.speaker) for t in found]
    return [t for t in rounded if t not in turns]


TURNS = [turn(0, 4, "anna"), turn(4, 9, "ben"), turn(12, 16, "carl")]


def test_the_nearer_neighbour_speaks_too():
    assert second(TURNS, (5, 6)) == [turn(5, 6, "anna")]
    assert second(TURNS, (8.5, 9)) == [turn(8.5, 9, "carl")]


def test_overlap_across_a_border_goes_to_both():
    # anna goes on beyond her turn, and ben begins before his.
    assert with_nearest_speakers(TURNS[:2], [Segment(3.5, 4.5)], 5.0) == [
        turn(0, 4.5, "anna"),
        turn(3.5, 9, "ben"),
    ]


def test_outside_of_turns_nothing_is_added():
    assert second(TURNS, (10, 11)) == []
    assert second([], (1, 2)) == []
    assert second(TURNS[:1], (1, 2)) == []  # there is nobody else


def test_who_is_far_away_does_not_speak():
    far = [turn(0, 10, "anna"), turn(15, 16, "ben")]
    assert second(far, (1, 2)) == []
    assert second(far, (1, 2), max_distance_s=20.0) == [turn(1, 2, "ben")]


def test_who_has_a_second_speaker_gets_no_third():
    both = [turn(0, 4, "anna"), turn(3, 3.5, "carl"), turn(4, 9, "ben")]
    assert second(both, (2.5, 3.5)) == [turn(2.5, 3.5, "carl")]


def test_wrong_settings():
    with pytest.raises(ValueError, match="offset <= onset"):
        NetworkOverlapConfig(onset=0.3)
    with pytest.raises(ValueError, match="max_distance_s must not be negative"):
        NetworkOverlapConfig(max_distance_s=-1.0)
