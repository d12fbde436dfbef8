"""The kinds of torch modules that nnet3 components become: `builders` makes them from a file's records.

They are for inference: weights are buffers, not parameters.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pysid.nnet3.times import Window


class Layer(nn.Module):
    """A component that works frame by frame: (B, T, in_dim) -> (B, T, out_dim).

    Attributes:
        offsets: the frames that are spliced to the input of one frame, so that in_dim counts all of them.
    """

    def __init__(self, in_dim: int, out_dim: int, offsets: tuple[int, ...] = (0,)) -> None:
        super().__init__()
        self.in_dim = in_dim
        self.out_dim = out_dim
        self.offsets = offsets


class Affine(Layer):
    """x A' + b, of one frame or several spliced ones."""

    def __init__(self, weight: Tensor, bias: Tensor | None, offsets: tuple[int, ...] = (0,)) -> None:
        super().__init__(weight.shape[1], weight.shape[0], offsets)
        self.weight: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_dim) -> (..., out_dim)."""
        return nn.functional.linear(x, self.weight, self.bias)


class BlockAffine(Layer):
    """An affine map of each of several blocks of columns: weight (blocks, out, in), bias (blocks, out)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__(weight.shape[0] * weight.shape[2], weight.shape[0] * weight.shape[1])
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, in_dim) -> (B, T, out_dim), block by block."""
        blocks = x.unflatten(-1, (len(self.weight), -1))  # (B, T, blocks, in)
        return (torch.einsum("btki,koi->btko", blocks, self.weight) + self.bias).flatten(-2)


class ScaleAndOffset(Layer):
    """x s + o, column by column; s and o (block,) hold for each block of columns alike."""

    def __init__(self, dim: int, scale: Tensor, offset: Tensor) -> None:
        super().__init__(dim, dim)
        self.scale: Tensor
        self.offset: Tensor
        self.register_buffer("scale", scale)
        self.register_buffer("offset", offset)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_dim), scaled and moved, of the same shape."""
        if len(self.scale) == self.in_dim:
            return torch.addcmul(self.offset, x, self.scale)
        return torch.addcmul(self.offset, x.unflatten(-1, (-1, len(self.scale))), self.scale).flatten(-2)


class Pointwise(Layer):
    """A function without parameters."""

    def __init__(self, in_dim: int, out_dim: int, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__(in_dim, out_dim)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """The function of x, of the same shape."""
        return self.function(x)


class WindowLayer(nn.Module):
    """A component that sums frames: x (B, M, in_dim) over N windows -> (B, N, out_dim).

    `forward` takes, besides x, which of its frames count, (B, M) or None for all, and the half-open ranges of
    frames in the windows, (N,) starts and stops.
    """

    offsets = (0,)

    def __init__(self, in_dim: int, out_dim: int, window: Window) -> None:
        super().__init__()
        self.in_dim = in_dim
        self.out_dim = out_dim
        self.window = window

    def forward(self, x: Tensor, counts: Tensor | None, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Tensor:
        """(B, M, in_dim) -> (B, N, out_dim).

        Args:
            x: frames.
            counts: (B, M) which of them count; None is all.
            starts, stops: (N,) first frame of each window, and the one after its last.
        """
        if counts is not None:
            x = x.masked_fill(~counts[..., None], 0.0)
        return self.finish(window_sums(self.rows(x, counts), starts, stops))

    def rows(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """What to sum, given the frames; those that do not count are zero."""
        return x

    def finish(self, sums: Tensor) -> Tensor:
        """The output, given the sums."""
        return sums


class StatisticsExtraction(WindowLayer):
    """[count | sum of x | sum of x^2] of each block of frames."""

    def __init__(self, in_dim: int, window: Window, include_variance: bool) -> None:
        super().__init__(in_dim, 1 + in_dim * (2 if include_variance else 1), window)
        self.include_variance = include_variance

    def rows(self, x: Tensor, counts: Tensor | None) -> Tensor:
        """What is summed of each frame: 1 where it counts, x, and x squared where variances are wanted."""
        ones = x.new_ones(*x.shape[:2], 1) if counts is None else counts.to(x.dtype)[..., None]
        return torch.cat([ones, x, x.square()] if self.include_variance else [ones, x], dim=-1)


class StatisticsPooling(WindowLayer):
    """[log count, if asked for | mean | standard deviation, or mean square] from extracted statistics."""

    def __init__(
        self, in_dim: int, window: Window, n_log_counts: int, output_stddevs: bool, variance_floor: float
    ) -> None:
        super().__init__(in_dim, n_log_counts + in_dim - 1, window)
        self.n_log_counts = n_log_counts
        self.output_stddevs = output_stddevs
        self.variance_floor = variance_floor

    def finish(self, sums: Tensor) -> Tensor:
        """Mean and deviation (or mean square) out of sums (B, N, K); variances have a floor, as in Kaldi."""
        count = sums[..., :1].clamp(min=1)  # a window without frames is never used
        moments = sums[..., 1:] * count.reciprocal()
        if self.output_stddevs:
            mean, square = moments.chunk(2, dim=-1)
            std = (square - mean * mean).clamp(min=self.variance_floor).sqrt()
            moments = torch.cat([mean, std], dim=-1)
        log_counts = count.log().expand(*count.shape[:-1], self.n_log_counts)
        return torch.cat([log_counts, moments], dim=-1)


def window_sums(rows: Tensor, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Tensor:
    """Sums of rows[:, start:stop], (B, M, K) -> (B, N, K).

    On a CPU the frames are added one after the other in single precision, as Kaldi does. That is no better
    than other orders, but where a unit is the same in all frames (a dead ReLU), the variance that E[x^2] -
    mean^2 leaves is rounding noise with a root far above the floor, and only the same order gives the same.

    Args:
        rows: (B, M, K).
        starts, stops: (N,) first row of each window, and the one after its last.

    >>> window_sums(torch.tensor([[[1.0], [2.0], [4.0]]]), np.array([0, 1]), np.array([2, 3])).flatten()
    tensor([3., 6.])
    """
    if len(starts) == rows.shape[1] and (starts == np.arange(len(starts))).all() and (stops == starts + 1).all():
        return rows
    if rows.device.type == "cpu" and not rows.requires_grad:
        frames = rows.numpy()
        sums = [np.add.reduce(frames[:, i:j], axis=1) for i, j in zip(starts, stops, strict=True)]
        return torch.from_numpy(np.stack(sums, axis=1)) if sums else rows[:, :0]
    if len(starts) == 1:
        return rows[:, starts[0] : stops[0]].sum(1, keepdim=True)
    total = nn.functional.pad(rows.cumsum(1, dtype=torch.float64), (0, 0, 1, 0))
    start, stop = (torch.from_numpy(edge).to(rows.device) for edge in (starts, stops))
    return (total[:, stop] - total[:, start]).to(rows.dtype)
