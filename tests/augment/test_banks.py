"""Recordings and room responses, in memory and in files."""

from collections import Counter

import numpy as np
import pytest

from pysid.augment import FileBank, MemoryBank, ResponseSet, read_rir_list
from pysid.augment.responses import complete_probabilities, read_rooms
from pysid.errors import DataError
from pysid.io.audio.files import write_audio

RAMP = np.arange(1000, dtype=np.int16)


@pytest.fixture
def folder(tmp_path):
    """Two recordings, at 16 and at 8 kHz, and a wav.scp."""
    write_audio(tmp_path / "a.wav", RAMP, 16000)
    write_audio(tmp_path / "b.wav", 100 * np.sin(np.arange(800) / 9), 8000)
    (tmp_path / "wav.scp").write_text("a a.wav\nb b.wav\n")
    return tmp_path


@pytest.fixture(params=["memory", "files"])
def bank(request, folder):
    if request.param == "memory":
        return MemoryBank([RAMP], 16000, ["a"])
    return FileBank({"a": folder / "a.wav"}, 16000)


class TestBank:
    def test_reads_pieces(self, bank):
        assert (len(bank), bank.names, bank.n_samples(0)) == (1, ["a"], 1000)
        assert bank.read(0).dtype == np.float32
        np.testing.assert_array_equal(bank.read(0), RAMP)
        np.testing.assert_array_equal(bank.read(0, 100, 300), RAMP[100:300])
        assert bank.power(0) == bank.power(0) == pytest.approx(np.mean(RAMP.astype(float) ** 2))

    @pytest.mark.parametrize(("n", "start"), [(10, 0), (10, 500), (1000, 0), (1000, 300), (3500, 0), (3500, 999)])
    def test_loops(self, bank, n, start):
        np.testing.assert_array_equal(bank.loop(0, n, start)[:], (start + np.arange(n)) % 1000)

    def test_files_are_resampled_and_loaded(self, folder):
        bank = FileBank.from_scp(folder / "wav.scp", 16000)
        assert (bank.names, bank.n_samples(1)) == (["a", "b"], 1600)
        loaded = bank.load()
        assert loaded.names == ["a", "b"]
        np.testing.assert_allclose(loaded.read(1), bank.read(1), atol=0.5)
        np.testing.assert_allclose(loaded.read(1)[100:1500], 100 * np.sin(np.arange(100, 1500) / 18), atol=1)

    def test_refusals(self, tmp_path):
        with pytest.raises(DataError, match="expected recordings to augment with, got none"):
            FileBank({}, 16000)
        with pytest.raises(DataError, match=r"x: expected one channel with samples, got an array \(0,\)"):
            MemoryBank([np.zeros(0)], 16000, ["x"])
        with pytest.raises(ValueError, match="a name for each of 2 recordings, got 1"):
            MemoryBank([RAMP, RAMP], 16000, ["x"])
        with pytest.raises(DataError, match="No such file"):
            FileBank({"x": tmp_path / "x.wav"}, 16000).read(0)
        (tmp_path / "wav.scp").write_text("a cat a.wav |\n")
        with pytest.raises(DataError, match="got a shell pipe for 'a'"):
            FileBank.from_scp(tmp_path / "wav.scp", 16000)


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

    def test_lists(self, folder, rng):
        (folder / "small").write_text(
            "--rir-id r1 --room-id A --probability 0.25 a.wav\n--rir-id r2 --room-id A b.wav\n"
        )
        (folder / "medium").write_text("--rir-id 'r 1' --room-id B --rt60 0.3 a.wav\n")
        assert read_rir_list(folder / "small") == {
            "r1": (str(folder / "a.wav"), 0.25),
            "r2": (str(folder / "b.wav"), None),
        }
        assert read_rooms(folder / "small") == {"A": {"r1": str(folder / "a.wav"), "r2": str(folder / "b.wav")}}
        (folder / "roomless").write_text("--rir-id r1 a.wav\n")
        assert read_rooms(folder / "roomless") == {"r1": {"r1": str(folder / "a.wav")}}
        responses = ResponseSet.from_lists([folder / "small", folder / "medium"], 16000, (0.4, 0.6))
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
