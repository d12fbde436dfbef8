"""Frame layers in blocks give what they give at once."""

import pytest
import torch

from pysid.embedding.fused import frame_stream
from pysid.embedding.fused.frame_stream import FrameLayer, FrameStream
from pysid.embedding.tdnn import TdnnLayer


def layers(padding: int) -> list[TdnnLayer]:
    """Of frames of 5, 8 and 6 numbers."""
    torch.manual_seed(0)
    shapes = [(5, 8, (-2, 0, 2)), (8, 6, (-1, 0, 1)), (6, 4, (0,))]
    return [TdnnLayer(n_in, n_out, offsets, padding=padding) for n_in, n_out, offsets in shapes]


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("narrow", [0, 6, 100])
@pytest.mark.parametrize("n_frames", [7, 8, 9, 16, 50])
def test_blocks_are_the_whole(n_frames: int, narrow: int, padding: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_stream, "BLOCK_FRAMES", 8)
    monkeypatch.setattr(frame_stream, "NARROW", narrow)
    modules = layers(padding)
    made = [FrameLayer(x.affine.weight, x.affine.bias, x.offsets, padding, torch.float32) for x in modules]
    assert [x.is_spliced for x in made] == [narrow > 5, narrow > 8, False]
    stream = FrameStream(made, torch.float32)
    torch.manual_seed(1)
    with torch.inference_mode():
        for _ in range(2):  # a stream is used for one utterance after the other
            x = torch.randn(n_frames, 5)
            expected = x
            for i, module in enumerate(modules):
                padded = torch.nn.functional.pad(expected, (0, 0, padding, padding))
                expected = module.splice_affine(padded[None])[0]
                if i < 2:
                    expected = expected.relu()
            found = torch.cat([block[1:].clone() for block in stream.blocks(x)])
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_a_spare_row_comes_before_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_stream, "BLOCK_FRAMES", 8)
    layer = TdnnLayer(5, 4, (-1, 0, 1))
    stream = FrameStream(
        [FrameLayer(layer.affine.weight, layer.affine.bias, layer.offsets, 0, torch.float32)], torch.float32
    )
    assert [len(block) - 1 for block in stream.blocks(torch.randn(24, 5))] == [6, 8, 8]
