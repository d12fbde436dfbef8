"""Networks that must not be given padding: utterances go through by their lengths."""

import pytest
import torch
from torch import nn

from pysid.embedding.frame_input import FrameInput
from pysid.embedding.speaker_network import SpeakerNetwork


class SumOfFrames(SpeakerNetwork):
    """Sums frames, and would count padding; it notes the shapes of its batches."""

    def __init__(self):
        super().__init__()
        self.config = FrameInput(feature_dim=3, subtract_mean=False)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.shapes = []

    def frames(self, x):
        self.shapes.append(tuple(x.shape))
        return self.scale * x + 1

    def segment_level(self, frames, n_frames=None, weights=None):
        return frames.sum(1)


def test_utterances_of_one_length_go_through_together_in_any_order():
    network = SumOfFrames()
    x, n_frames = torch.randn(5, 9, 3), torch.tensor([9, 4, 9, 2, 4])
    found = network(x, n_frames)
    assert sorted(network.shapes) == [(1, 2, 2), (2, 4, 2), (2, 9, 2)]
    for row, n, embedding in zip(x, n_frames.tolist(), found, strict=True):
        torch.testing.assert_close(embedding, network(row[None, :n])[0])


def test_without_padding_the_batch_is_one():
    network = SumOfFrames()
    x = torch.randn(3, 7, 3)
    torch.testing.assert_close(network(x, torch.tensor([7, 7, 7])), network(x))
    assert network.shapes == [(3, 7, 2), (3, 7, 2)]
    seen, attention = network.classifier_input(x)
    assert torch.equal(seen, network(x)) and attention is None


def test_input_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"features must be \(batch, frames, 3\), got \(1, 5, 4\)"):
        SumOfFrames()(torch.zeros(1, 5, 4))
    with pytest.raises(ValueError, match="an utterance needs more than 0 frames, got 0"):
        SumOfFrames()(torch.zeros(1, 0, 3))
