"""Time-delay layers: an affine map of a few spliced frames, a ReLU and a batch norm.

Everything is time-major, (B, T, D): the layer is then one matrix product over all frames of the batch, which runs
at the machine's matrix-product rate where `Conv1d` on (B, D, T) does not.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Order = Literal["relu-norm", "norm-relu"]


def append_context(x: Tensor, offsets: tuple[int, ...]) -> Tensor:
    """Splices frames as Kaldi's Append descriptor: [x(t + offsets[0]) | x(t + offsets[1]) | ...].

    Shape: (B, T, D) -> (B, T - (offsets[-1] - offsets[0]), D * len(offsets)); no frames are added at the edges.

    >>> append_context(torch.arange(4.0).reshape(1, 4, 1), (-1, 0, 1))
    tensor([[[0., 1., 2.],
             [1., 2., 3.]]])
    """
    if len(offsets) == 1:
        return x
    n_out = x.shape[1] - (offsets[-1] - offsets[0])
    return torch.cat([x[:, offset - offsets[0] :][:, :n_out] for offset in offsets], dim=-1)


def zero_past_end(x: Tensor, n_frames: Tensor) -> Tensor:
    """Sets the frames of (B, T, D) past each utterance's own end, `n_frames` (B,), to zero."""
    inside = torch.arange(x.shape[1], device=x.device) < n_frames[:, None]  # (B, T)
    return x * inside[..., None]


class TdnnLayer(nn.Module):
    """affine -> ReLU -> batch norm, as in Kaldi's relu-batchnorm-layer, or with the last two swapped.

    Args:
        in_dim, out_dim: width of a frame before and after.
        offsets: which frames the affine part sees, ascending, relative to the output frame.
        order: "relu-norm" (Kaldi) or "norm-relu" (most PyTorch ports).
        norm_affine: whether the batch norm learns a scale and an offset (Kaldi: no).
        norm_eps: added to the variance (Kaldi: 1e-3).
        padding: frames put on both sides before the splice (Kaldi: 0).
        padding_mode: "zeros", or "reflect" for the frames near the end in reverse, of batches without padding.
        slope: of the ReLU below zero (a leaky one).

    Shape: (B, T, in_dim) -> (B, T + 2 padding - span, out_dim) with span = offsets[-1] - offsets[0].

    Source: kaldi/egs/sre16/v2, nnet3/nnet-normalize-component.cc. Weights start as N(0, 1 / fan-in), biases as
    N(0, 1) (nnet-simple-component.cc, NaturalGradientAffineComponent::InitFromConfig).
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        offsets: tuple[int, ...] = (0,),
        *,
        order: Order = "relu-norm",
        norm_affine: bool = False,
        norm_eps: float = 1e-3,
        padding: int = 0,
        padding_mode: Literal["zeros", "reflect"] = "zeros",
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.slope = slope
        self.padding_mode = padding_mode
        if list(offsets) != sorted(set(offsets)):
            raise ValueError(f"offsets must ascend without repeats, got {offsets}")
        self.offsets = tuple(offsets)
        self.order = order
        self.padding = padding
        self.affine = nn.Linear(in_dim * len(offsets), out_dim)
        self.norm = nn.BatchNorm1d(out_dim, eps=norm_eps, affine=norm_affine)
        nn.init.normal_(self.affine.weight, std=1 / math.sqrt(in_dim * len(offsets)))
        nn.init.normal_(self.affine.bias)

    def n_out(self, n_frames: Tensor) -> Tensor:
        """Output frames for `n_frames` input frames; never below zero."""
        span = self.offsets[-1] - self.offsets[0]
        return (n_frames + 2 * self.padding - span).clamp(min=0)

    def splice_affine(self, x: Tensor) -> Tensor:
        """The affine part alone: where an embedding is taken."""
        return self.affine(append_context(x, self.offsets))

    def activate(self, x: Tensor) -> Tensor:
        """ReLU and batch norm of (..., out_dim), in the layer's order."""
        if self.order == "relu-norm":
            return self._normalize(self._rectify(x))
        return self._rectify(self._normalize(x))

    def forward(self, x: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """(B, T, in_dim) -> (B, T', out_dim); without padding T' is less by the context. `n_frames` (B,) matters only
        with padding.
        """
        if self.padding:
            # Zeros, not a longer neighbour's frames, must stand past the end of a short utterance.
            x = x if n_frames is None else zero_past_end(x, n_frames)
            sides = (self.padding, self.padding)
            if self.padding_mode == "reflect":
                x = nn.functional.pad(x.transpose(1, 2), sides, "reflect").transpose(1, 2)
            else:
                x = nn.functional.pad(x, (0, 0, *sides))
        return self.activate(self.splice_affine(x))

    def _rectify(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(x, self.slope) if self.slope else torch.relu(x)

    def _normalize(self, x: Tensor) -> Tensor:
        if self.training or self.norm.affine:
            return self.norm(x.reshape(-1, x.shape[-1])).reshape(x.shape)
        # Kaldi's order: BatchNorm1d's scale differs in the last bit, which pooling magnifies where nothing varies.
        mean, variance = self.norm.get_buffer("running_mean"), self.norm.get_buffer("running_var")
        scale = (variance + self.norm.eps).double().pow(-0.5).to(x.dtype)
        return torch.addcmul(-mean.to(x.dtype) * scale, x, scale)
