"""Windows of a recording, by a network that is not one: it hears what its input says."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pysid.segmentation import FrameGrid, Powerset
from pysid.segmentation.local_speech import LocalSpeech, Segmenter
from pysid.segments import Segment


class Echo:
    """Says the class that the first sample of each frame names; a frame is 10 of 100 samples a second."""

    grid = FrameGrid(step_s=0.1, first_s=0.0, window_s=4.0)
    powerset = Powerset(3, 2)
    sample_rate = 100
    features = None

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, windows: Tensor) -> Tensor:
        self.sizes.append(tuple(windows.shape))
        said = windows[:, ::10].long()
        return torch.nn.functional.one_hot(said, 7).float()


def heard(n_samples: int, pieces: int, shift_s: float = 1.0) -> tuple[LocalSpeech, np.ndarray]:
    rng = np.random.default_rng(n_samples)
    said = np.repeat(rng.integers(7, size=-(-n_samples // 10)), 10)[:n_samples].astype(np.float32)
    segmenter = Segmenter(Echo(), shift_s)
    for piece in np.array_split(said, pieces):
        segmenter.feed(torch.from_numpy(piece))
    return segmenter.finish(), said


@pytest.mark.parametrize("n_samples", [60, 400, 405, 430, 1000, 3217, 5000])
@pytest.mark.parametrize("pieces", [1, 7])
def test_every_window_is_heard_where_it_is(n_samples: int, pieces: int) -> None:
    speech, said = heard(n_samples, pieces)
    assert (np.diff(speech.starts) > 0).all()
    assert speech.duration_s == pytest.approx(n_samples / 100)
    frames = Powerset(3, 2).active(said[::10].astype(int))
    for start, active in zip(speech.starts, speech.active, strict=True):
        np.testing.assert_array_equal(active, frames[start : start + len(active)])
    assert len(frames) - speech.n_frames <= 1  # the end is heard as well, but for part of a frame
    assert (np.diff(speech.starts)[:-1] == 10).all()


def test_pieces_make_no_difference_and_batches_are_bounded() -> None:
    one, _ = heard(9000, 1)
    many, _ = heard(9000, 50)
    np.testing.assert_array_equal(one.starts, many.starts)
    np.testing.assert_array_equal(one.active, many.active)


def test_windows_at_their_farthest_leave_nothing_out() -> None:
    class Sharing(Echo):
        alignment = 7  # 40 frames of a window hold 5 of these, 6 would be nearer

        def over(self, stretch: Tensor, starts: list[int], size: int) -> Tensor:
            return self(torch.stack([stretch[start : start + size] for start in starts]))

    segmenter = Segmenter(Sharing(), 4.0)
    segmenter.feed(torch.zeros(3000))
    assert set(np.diff(segmenter.finish().starts)[:-1].tolist()) == {35}
    assert set(np.diff(heard(3000, 1, 4.0)[0].starts)[:-1].tolist()) == {40}
    with pytest.raises(ValueError, match="shift_s must be at most the network's window of 4 s, got 5"):
        Segmenter(Echo(), 5.0)


def test_nothing_and_next_to_nothing() -> None:
    assert len(Segmenter(Echo(), 1.0).finish().starts) == 0
    segmenter = Segmenter(network := Echo(), 1.0)
    segmenter.feed(torch.zeros(3))
    assert len(segmenter.finish().starts) == 1
    assert network.sizes == [(1, 25)]  # silence is added


def test_frames_within_segments() -> None:
    active = np.ones((2, 4, 3), bool)
    speech = LocalSpeech(FrameGrid(1.0, 0.5, 4.0), np.array([0, 2]), active, 7.0)
    inside = speech.on_grid([Segment(0.0, 1.2), Segment(3.9, 5.0)])  # middles at 1, 2, 3, 4, 5, 6 s
    assert inside.tolist() == [True, False, False, True, False, False]
    np.testing.assert_array_equal(speech.within([Segment(0.0, 1.2)])[1], [False] * 4)
    assert speech.times_s(1) == (2.5, 6.5)


def test_clean_speech_is_that_of_one() -> None:
    active = np.array([[[1, 0, 0], [1, 1, 0], [0, 0, 0]]], bool)
    clean = LocalSpeech(FrameGrid(), np.array([0]), active, 1.0).clean
    assert clean.astype(int).tolist() == [[[1, 0, 0], [0, 0, 0], [0, 0, 0]]]
