"""Rooms with several speakers and one microphone."""

from dataclasses import replace

import numpy as np
import pytest

from pysid.augment.meeting_rooms import LEAD, MeetingRoomConfig, simulate_meeting_rooms

pytest.importorskip("pyroomacoustics")
SMALL = MeetingRoomConfig(n_rooms=4, n_places=3, n_microphones=3, max_order=8)


@pytest.fixture(scope="module")
def rooms() -> list[np.ndarray]:
    return list(simulate_meeting_rooms(SMALL))


def test_each_microphone_hears_all_places(rooms):
    assert len(rooms) == 12
    for responses in rooms:
        assert responses.shape == (3, 19200) and responses.dtype == np.float32 and np.isfinite(responses).all()
        assert np.square(responses).sum(1).mean() == pytest.approx(1.0, rel=1e-4)


def test_the_direct_sound_comes_at_once(rooms):
    for responses in rooms:
        assert np.abs(responses[:, : LEAD - 4]).max() < 0.25 * np.abs(responses).max()
        # Where it stands out, it is at its place.
        for response in responses:
            peak = int(np.abs(response).argmax())
            if np.square(response[peak - 4 : peak + 5]).sum() > 0.5 * np.square(response).sum():
                assert abs(peak - LEAD) <= 2


def test_sound_dies_away_in_the_time_that_was_asked_for():
    for rt60_s in (0.3, 0.8):
        config = MeetingRoomConfig(n_rooms=3, n_places=2, rt60_s=(rt60_s, rt60_s), max_order=10)
        measured = []
        for responses in simulate_meeting_rooms(config):
            for response in responses:
                energy = np.cumsum(np.square(response[::-1]))[::-1]
                level_db = 10 * np.log10(energy / energy[0] + 1e-12)
                start, stop = np.searchsorted(-level_db, [5.0, 25.0])
                measured.append(3 * (stop - start) / 16000)
        assert 0.6 * rt60_s < np.median(measured) < 1.4 * rt60_s


def test_a_room_does_not_depend_on_how_many_there_are(rooms):
    fewer = list(simulate_meeting_rooms(replace(SMALL, n_rooms=2)))
    for one, other in zip(fewer, rooms[:6], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_places": 0}, "must be at least 1"),
        ({"rt60_s": (0.5, 0.2)}, "rt60_s must be a positive lowest and highest number"),
        ({"sides_m": (1.0, 3.0)}, "rooms must measure at least 2 m"),
        ({"duration_s": 0.05}, r"duration_s must exceed 0\.1"),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        MeetingRoomConfig(**options)
