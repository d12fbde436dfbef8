"""Recordings of conversations as a source of windows, and errors within windows."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pysid.errors import DataError
from pysid.segmentation import FrameGrid, Powerset
from pysid.training.segmentation.errors import LocalErrors, local_errors, measure
from pysid.training.segmentation.recordings import Recordings

RATE = 8000


@pytest.fixture
def meeting(tmp_path) -> Path:
    """Two recordings of 4 and 1 s, whose samples tell the time in hundredths of a second."""
    lines = []
    for name, seconds in (("a", 4.0), ("b", 1.0)):
        wave = (np.arange(round(seconds * RATE)) * 100 // RATE).astype(np.int16)
        soundfile.write(tmp_path / f"{name}.wav", wave, RATE)
        lines.append(f"{name} {tmp_path / name}.wav\n")
    (tmp_path / "wav.scp").write_text("".join(lines))
    turns = [("a", 0.0, 1.0, "x"), ("a", 0.5, 2.5, "y"), ("b", 0.2, 0.4, "x")]
    (tmp_path / "ref.rttm").write_text(
        "".join(f"SPEAKER {r} 1 {start} {length} <NA> <NA> {who} <NA> <NA>\n" for r, start, length, who in turns)
    )
    return tmp_path


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
    with pytest.raises(DataError, match=r"b\.wav"):
        Recordings(meeting, False, 2.0, RATE, 0.02)


def test_errors_whatever_the_order():
    rng = np.random.default_rng(0)
    active = rng.random((200, 3)) > 0.5
    assert local_errors(active[:, [2, 0, 1]], active).rates()["local_error"] == 0
    nothing = local_errors(np.zeros((200, 3), bool), active)
    assert nothing.rates() == {"local_error": 1.0, "missed": 1.0, "false_alarm": 0.0, "confused": 0.0}
    one = np.zeros((200, 3), bool)
    one[:, 1] = active.any(1)
    found = local_errors(one, active)
    assert found.missed == (active.sum(1) - active.any(1)).sum() and found.false_alarm == 0
    assert found.confused == active.any(1).sum() - max((active[:, i]).sum() for i in range(3))
    assert found + LocalErrors() == found


class Oracle:
    """Says who speaks by the time that the samples tell, with the speakers the other way round."""

    grid, powerset, sample_rate, features = FrameGrid(0.02, 0.0, 2.0), Powerset(3, 2), RATE, None

    def __call__(self, windows):
        middles = windows[0, :: RATE // 50] / 100 + 0.01
        active = torch.stack([middles < 0, (middles > 0.5) & (middles < 3.0), middles < 1.0], 1)
        classes = self.powerset.classes(active.numpy())
        return torch.nn.functional.one_hot(torch.from_numpy(classes), 7).float().log()[None]


def test_a_network_is_measured_over_windows(meeting):
    recordings = Recordings(meeting, True, 2.0, RATE, 0.02)
    found = measure(Oracle(), recordings, lambda wave: wave, 1.0)
    assert found.missed == found.false_alarm == found.confused == 0
    assert found.total == (50 + 75) + 100 + 50
