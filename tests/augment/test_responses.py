"""Sets of room responses and the lists that name them."""

from collections import Counter

import numpy as np
import pytest

from pysid.augment import MemoryBank, ResponseSet, read_rir_list
from pysid.augment.responses import complete_probabilities, read_rooms
from pysid.errors import DataError

RAMP = np.arange(1000, dtype=np.int16)


class TestResponses:
    def test_sets_are_drawn_by_weight_and_responses_by_probability(self, rng):
        small = MemoryBank([np.full(1, 1.0), np.full(1, 2.0)], 16000)
        medium = MemoryBank([np.full(1, 3.0), np.full(1, 4.0), np.full(1, 5.0)], 16000)
        responses = ResponseSet([small, medium], (0.5, 0.5), [[0.8, None], [None] * 3])
        np.testing.assert_allclose(responses.probability, [0.4, 0.1, *[0.5 / 3] * 3])
        counts = Counter(float(responses.draw(rng)[0]) for _ in range(4000))
        shares = [counts[value] / 4000 for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
        np.testing.assert_allclose(shares, responses.probability, atol=0.03)

    @pytest.mark.parametrize(
        ("given", "smoothing", "expected"),
        [
            ([None, None], 0.0, [0.5, 0.5]),
            ([1.0, 3.0], 0.0, [0.25, 0.75]),
            ([0.9, None], 0.5, [0.5 / 0.6, 0.1 / 0.6]),  # (0.5 * 0.9 + 0.5 * 0.1, 0.1), made to add up to 1
        ],
    )
    def test_probabilities_as_kaldis(self, given, smoothing, expected):
        np.testing.assert_allclose(complete_probabilities(given, smoothing), expected)

    def test_lists(self, two_recordings, rng):
        (two_recordings / "small").write_text(
            "--rir-id r1 --room-id A --probability 0.25 a.wav\n--rir-id r2 --room-id A b.wav\n"
        )
        (two_recordings / "medium").write_text("--rir-id 'r 1' --room-id B --rt60 0.3 a.wav\n")
        assert read_rir_list(two_recordings / "small") == {
            "r1": (str(two_recordings / "a.wav"), 0.25),
            "r2": (str(two_recordings / "b.wav"), None),
        }
        assert read_rooms(two_recordings / "small") == {
            "A": {"r1": str(two_recordings / "a.wav"), "r2": str(two_recordings / "b.wav")}
        }
        (two_recordings / "roomless").write_text("--rir-id r1 a.wav\n")
        assert read_rooms(two_recordings / "roomless") == {"r1": {"r1": str(two_recordings / "a.wav")}}
        responses = ResponseSet.from_lists([two_recordings / "small", two_recordings / "medium"], 16000, (0.4, 0.6))
        np.testing.assert_allclose(responses.probability, [0.1, 0.3, 0.6])
        assert {len(responses.draw(rng)) for _ in range(50)} == {1000, 1600}

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("a.wav", "list:1: expected '--rir-id ID --room-id ID"),
            ("--rir-id r --room-id", "list:1: expected '--rir-id ID"),
            ("--rir-id r --room-id A 'sox a.wav - |'", "list:1: expected the path of a response, got the shell pipe"),
            ("--rir-id r --probability x a.wav", "list:1: could not convert string to float: 'x'"),
            ("--rir-id r a.wav\n--rir-id r b.wav", "list:2: expected each response once, got 'r' again"),
            ("", "list: expected room responses, got an empty list"),
        ],
    )
    def test_bad_lists(self, line, message, tmp_path):
        (tmp_path / "list").write_text(line)
        for read in (read_rir_list, read_rooms):
            with pytest.raises(DataError, match=message):
                read(tmp_path / "list")

    def test_refusals(self, rng):
        with pytest.raises(DataError, match="0: expected a room response, got only zeros"):
            ResponseSet.of_waves([np.zeros(30)], 16000).draw(rng)
        with pytest.raises(ValueError, match=r"of one rate, got \[8000, 16000\]"):
            ResponseSet([MemoryBank([RAMP], 16000), MemoryBank([RAMP], 8000)])
        with pytest.raises(ValueError, match="a weight for each set"):
            ResponseSet([MemoryBank([RAMP], 16000)], (0.5, 0.5))
        with pytest.raises(DataError, match="at least 0, got -1"):
            complete_probabilities([-1.0, 2.0])
        with pytest.raises(DataError, match="not all 0"):
            complete_probabilities([0.0])
