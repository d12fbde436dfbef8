"""The frame layers of a folded x-vector network over one utterance: matrix products into buffers that are kept."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

BLOCK_FRAMES = 1024  # worked on together: many enough for products at the full rate, few enough for the caches
NARROW = 128  # narrower frames are spliced, as products with so few columns are slow
ALIGNED = 16  # numbers: 64 bytes
HALF_STEP = 128  # frames: products in half precision come in multiples of it, as each size is compiled separately


class FrameLayer:
    """An affine map of spliced frames, as a sum of products, one per offset, of frames that are not moved.

    The bias is one more row of weights, for an input that is always 1.

    Args:
        weight: (out, len(offsets) * in), time-major as in `TdnnLayer`.
        bias: (out,).
        dtype: of weights, frames and products.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, offsets: tuple[int, ...], padding: int, dtype: torch.dtype
    ) -> None:
        self.out_dim = len(weight)
        self.in_dim = weight.shape[1] // len(offsets)
        self.padding = padding
        self.span = offsets[-1] - offsets[0]
        self.lags = [offset - offsets[0] for offset in offsets]
        # Sums of products would be rounded in between, which half precision cannot afford.
        self.is_spliced = len(offsets) > 1 and (self.in_dim < NARROW or dtype != torch.float32)
        parts = [weight] if self.is_spliced else weight.split(self.in_dim, 1)
        first = torch.cat([parts[0], bias[:, None]], 1)
        self.weights = [part.T.to(dtype).contiguous() for part in (first, *parts[1:])]

    def apply(self, x: Tensor, splice: Tensor | None, out: Tensor) -> None:
        """Frames x (n + span, W) to out (n, out_dim); a frame's numbers are followed by a one.

        Args:
            splice: (N, W'), N >= n, room for the spliced frames followed by a one; for a layer that `is_spliced`.
        """
        n, d, first = len(out), self.in_dim, self.weights[0]
        if splice is not None:
            for i, lag in enumerate(self.lags):
                splice[:n, i * d : (i + 1) * d] = x[lag : lag + n, :d]
            x = splice
        torch.mm(x[:n, : len(first)], first, out=out)
        for lag, weight in zip(self.lags[1:], self.weights[1:], strict=False):  # a splice has none of these
            out.addmm_(x[lag : lag + n, :d], weight)


class FrameStream:
    """Runs frame layers, with a ReLU between them, over one utterance after the other; for one thread.

    Args:
        layers: each as wide as the next one expects.
    """

    def __init__(self, layers: Sequence[FrameLayer], dtype: torch.dtype) -> None:
        self.layers = layers
        self._step = 1 if dtype == torch.float32 else HALF_STEP
        n = BLOCK_FRAMES + sum(2 * x.padding for x in layers) + self._step
        self._inputs = [_with_one(n + x.span, x.in_dim, dtype) for x in layers]
        self._splices = [_with_one(n, x.in_dim * len(x.lags), dtype) if x.is_spliced else None for x in layers]
        self._out = torch.zeros(1 + n, layers[-1].out_dim, dtype=dtype)

    def blocks(self, features: Tensor) -> Iterator[Tensor]:
        """What the last layer gives, before its ReLU, of features (T, in_dim).

        Yields:
            (1 + n, out_dim): a spare row, and the next n frames. The next block overwrites them.
        """
        held = [0] * len(self.layers)  # frames in the input buffer of each layer
        for i in range(len(self.layers)):
            self._pad(i, held)
        pieces = features.tensor_split(max(1, -(-len(features) // BLOCK_FRAMES)))
        for number, piece in enumerate(pieces, 1):
            self._inputs[0][held[0] : held[0] + len(piece), : piece.shape[1]] = piece
            held[0] += len(piece)
            for i in range(len(self.layers)):
                if number == len(pieces):
                    self._pad(i, held)
                n_out = self._advance(i, held)
            yield self._out[: 1 + n_out]

    def _pad(self, i: int, held: list[int]) -> None:
        layer = self.layers[i]
        self._inputs[i][held[i] : held[i] + layer.padding, : layer.in_dim] = 0.0
        held[i] += layer.padding

    def _advance(self, i: int, held: list[int]) -> int:
        """Runs layer i as far as its input reaches; returns how many frames that gave."""
        layer, x = self.layers[i], self._inputs[i]
        n_out = max(held[i] - layer.span, 0)
        size = -(-n_out // self._step) * self._step  # what comes from frames past the input's end is overwritten later
        if i + 1 == len(self.layers):
            layer.apply(x, self._splices[i], self._out[1 : 1 + size])
        else:
            rows = self._inputs[i + 1][held[i + 1] : held[i + 1] + size]
            layer.apply(x, self._splices[i], rows[:, : layer.out_dim])
            rows.relu_()  # whole rows, which is faster; a one stays one
            held[i + 1] += n_out
        rest = x[n_out : held[i]].clone()  # the next block's frames see these too
        x[: len(rest)] = rest
        held[i] = len(rest)
        return n_out


def _with_one(n: int, width: int, dtype: torch.dtype) -> Tensor:
    """(n, W) zeros with a one in column `width`; W is chosen so that rows start at multiples of 64 bytes."""
    whole = torch.zeros(n, -(-(width + 1) // ALIGNED) * ALIGNED, dtype=dtype)
    whole[:, width] = 1.0
    return whole
