"""Banks of recordings, in memory and in files."""

import numpy as np
import pytest

from pysid.augment import FileBank, MemoryBank
from pysid.errors import DataError

RAMP = np.arange(1000, dtype=np.int16)


@pytest.fixture(params=["memory", "files"])
def bank(request, two_recordings):
    if request.param == "memory":
        return MemoryBank([RAMP], 16000, ["a"])
    return FileBank({"a": two_recordings / "a.wav"}, 16000)


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

    def test_files_are_resampled_and_loaded(self, two_recordings):
        bank = FileBank.from_scp(two_recordings / "wav.scp", 16000)
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
