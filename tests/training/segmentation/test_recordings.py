"""Recordings of conversations as a source of windows."""

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.training.segmentation.recordings import Recordings

from .conftest import RATE


def test_windows_come_from_everywhere_with_their_speakers(meeting):
    recordings = Recordings(meeting, True, 2.0, RATE, 0.02)
    firsts = set()
    for seed in range(300):
        wave, active = recordings.window(np.random.default_rng(seed))
        assert wave.shape == (2 * RATE,) and len(active) == 100
        first = round(float(wave[0]) / 2)
        firsts.add(first)
        middles = 0.02 * (first + np.arange(100)) + 0.01
        x, y = middles < 1.0, (middles > 0.5) & (middles < 3.0)
        np.testing.assert_array_equal(active, np.stack([c for c in (x, y) if c.any()], 1))
    assert min(firsts) == 0 and max(firsts) == 100 and len(firsts) > 80  # none of b, which is too short


def test_windows_at_even_distances(meeting):
    assert list(Recordings(meeting, True, 2.0, RATE, 0.02).spread(50)) == [(0, 0), (0, 50), (0, 100)]


def test_without_reference(meeting):
    wave, active = Recordings(meeting, False, 1.0, RATE, 0.02).window(np.random.default_rng(0))
    assert active is None and wave.shape == (RATE,)


def test_what_is_wrong_with_recordings(meeting):
    with pytest.raises(DataError, match=r"expected recordings of 9 s or more, got none"):
        Recordings(meeting, True, 9.0, RATE, 0.02)
    (meeting / "ref.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n")
    with pytest.raises(DataError, match=r"ref\.rttm: expected turns of all recordings, got none of 'b'"):
        Recordings(meeting, True, 2.0, RATE, 0.02)
    (meeting / "b.wav").unlink()
    with pytest.raises(DataError, match=r"at least 75% of the recordings, but 1 of \d cannot be read; .*b\.wav"):
        Recordings(meeting, False, 2.0, RATE, 0.02)


def test_a_recording_that_cannot_be_read_is_left_out(meeting, said):
    names = [f"{name}{i}" for i in range(2) for name in "abc"]
    (meeting / "wav.scp").write_text("".join(f"{name} {meeting / name[0]}.wav\n" for name in names[:5]))
    (meeting / "c.wav").write_text("no audio")
    recordings = Recordings(meeting, False, 1.0, RATE, 0.02)
    lines = said.readouterr().err.splitlines()
    assert lines[0] == f"{meeting}: training without 1 of 5 recordings, which cannot be read:"
    assert lines[1].startswith("  c0: ") and len(lines) == 2
    assert recordings.lengths.tolist() == [200, 50, 0, 200, 50]
    assert {i for i, _ in recordings.spread(50)} == {0, 1, 3, 4}
    for seed in range(20):
        assert recordings.window(np.random.default_rng(seed))[0].shape == (RATE,)
