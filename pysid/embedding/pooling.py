"""From any number of frames to one vector: statistics pooling and multi-head attention pooling."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

VARIANCE_FLOOR = 1e-10  # kaldi/src/nnet3/nnet-general-component.h, StatisticsPoolingComponent


def wide(x: Tensor) -> Tensor:
    """x in at least float32: half precision is for matrix products, not for sums over time."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def frame_weights(x: Tensor, n_frames: Tensor) -> Tensor:
    """(B, T) weights that sum to one over each utterance's own frames of x (B, T, D) and are zero past its end.

    An utterance without a frame gets zero weights.
    """
    inside = torch.arange(x.shape[1], device=x.device) < n_frames[:, None]
    return wide(inside.to(x.dtype)) / n_frames.clamp(min=1)[:, None]


def shares(weights: Tensor) -> Tensor:
    """Weights (..., T), not negative, scaled to sum to one; zeros stay zeros."""
    weights = wide(weights)
    return weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)


def weighted_statistics(
    x: Tensor, weights: Tensor, std_scale: Tensor | float = 1.0, exact: bool = True, variance_offset: float = 0.0
) -> Tensor:
    """Weighted mean and standard deviation over time, [mean | std].

    Args:
        x: (B, T, D).
        weights: (B, H, T), each row sums to one.
        exact: take the variance around the mean. Otherwise it is E[x^2] - mean^2, which loses half the digits where a
            unit hardly varies, but with several heads takes an order of magnitude less time.
        std_scale: factor on the variance, for an unbiased estimate; broadcasts to (B, H, D).
        variance_offset: added to that.
    Returns:
        (B, H, 2 D); the variance is floored at 1e-10, so its gradient is zero where nothing varies.
    """
    x = wide(x)
    mean = weights @ x
    if exact:
        parts = zip(weights.unbind(1), mean.unbind(1), strict=True)
        variance = torch.cat([w[:, None] @ (x - m[:, None]).square() for w, m in parts], dim=1)
    else:
        variance = weights @ x.square() - mean.square()
    variance = variance * std_scale + variance_offset
    return torch.cat([mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], dim=-1)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over time of (B, T, D); on a CPU in half the time of `torch.var_mean`."""
    mean = x.mean(1, keepdim=True)
    return mean[:, 0], (x - mean).square_().mean(1)


class _PlainStatistics(torch.autograd.Function):
    """`weighted_statistics` with equal weights and one head, in a third of its time when training.

    Forward reads x once, an utterance at a time so that its squares stay in cache; backward writes the gradient in
    one pass: d mean / dx = 1 / N, d std / dx = (x - mean) / (N - ddof) / std.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, ddof: int) -> Tensor:
        n = x.shape[1]
        parts = x[:, None] if x.device.type == "cpu" else x[None]
        moments = [_moments(wide(part)) for part in parts]
        mean, variance = (torch.cat(part) for part in zip(*moments, strict=True))
        variance = variance * (n / max(n - ddof, 1))
        std = variance.clamp(min=VARIANCE_FLOOR).sqrt()
        ctx.save_for_backward(x, mean, std, variance > VARIANCE_FLOOR)
        ctx.divisor = max(n - ddof, 1)
        return torch.cat([mean, std], dim=-1)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        x, mean, std, varies = ctx.saved_tensors
        to_mean, to_std = grads[0].chunk(2, dim=-1)
        slope = to_std / std / ctx.divisor * varies
        offset = to_mean / x.shape[1] - slope * mean
        return torch.addcmul(offset[:, None].to(x.dtype), x, slope[:, None].to(x.dtype)), None


def kaldi_statistics(x: Tensor, n_frames: Tensor | None, ddof: int = 0) -> Tensor:
    """[mean | std] of each utterance on a CPU, rounded as Kaldi does; (B, T, D) float32 -> (B, 2 D).

    Frames are added one after the other in single precision, and the variance is E[x^2] - mean^2. That is no better
    than the other ways. But where a unit is the same in all frames (a dead ReLU), the variance is rounding noise whose
    root is far above the floor, and only the same order of sums gives the same noise. The price: such a unit's value
    may also depend on the batch.

    Args:
        x: (B, T, D) float32, on a CPU.
        n_frames: (B,) own frames of each; None counts all T.
        ddof: the variance is divided by N - ddof.
    Source: kaldi/src/nnet3/nnet-general-component.cc, StatisticsPoolingComponent::Propagate.
    """
    rows = []
    for i, frames in enumerate(x.numpy()):
        own = frames if n_frames is None else frames[: int(n_frames[i])]
        n = max(len(own), 1)
        scale = np.float32(1) / np.float32(n)
        mean = np.add.reduce(own, axis=0) * scale
        variance = np.add.reduce(np.square(own), axis=0) * scale - np.square(mean)
        variance *= n / max(n - ddof, 1)
        rows.append(np.concatenate([mean, np.sqrt(np.maximum(variance, np.float32(VARIANCE_FLOOR)))]))
    return torch.from_numpy(np.stack(rows))


class StatisticsPooling(nn.Module):
    """Mean and standard deviation of the frames. Source: kaldi/src/nnet3/nnet-general-component.cc.

    Args:
        unbiased: divide the variance by N - 1, as `torch.std` does, instead of by N, as Kaldi does.
        kaldi_rounding: outside of training, on a CPU, round as Kaldi does: see `kaldi_statistics`.
        variance_offset: added to the variance, as WeSpeaker does.

    Shape: x (B, T, D), n_frames (B,) or None -> (B, 2 D).
    """

    def __init__(
        self, in_dim: int, unbiased: bool = False, kaldi_rounding: bool = False, variance_offset: float = 0.0
    ) -> None:
        super().__init__()
        self.out_dim = 2 * in_dim
        self.variance_offset = variance_offset
        self.unbiased = unbiased
        self.kaldi_rounding = kaldi_rounding

    def forward(self, x: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """[mean | standard deviation] (B, 2 D) of frames x (B, T, D).

        Args:
            x: frames.
            n_frames: (B,) own frames of each; None counts all T.
            weights: (B, T) share of each frame that counts, in place of `n_frames`.
        """
        ddof = int(self.unbiased)
        if weights is not None:
            total = weights.sum(1, keepdim=True)  # frames, not all of them whole
            scale = (total / (total - ddof).clamp(min=1))[..., None]
            return weighted_statistics(x, shares(weights)[:, None], scale, True, self.variance_offset)[:, 0]
        if self.kaldi_rounding and x.device.type == "cpu" and x.dtype == torch.float32 and not x.requires_grad:
            return kaldi_statistics(x, n_frames, ddof)
        if n_frames is None and not self.variance_offset:
            return _PlainStatistics.apply(x, ddof)
        n_frames = x.new_full(x.shape[:1], x.shape[1]) if n_frames is None else n_frames
        scale = (n_frames / (n_frames - ddof).clamp(min=1))[:, None, None]
        return weighted_statistics(x, frame_weights(x, n_frames)[:, None], scale, True, self.variance_offset)[:, 0]


class AttentionPooling(nn.Module):
    """Several attention heads, each giving the weighted mean and standard deviation of the frames.

    A = softmax over time of tanh(X W1 + b1) W2 + b2, one column per head (Zhu et al., "Self-attentive speaker
    embeddings for text-independent speaker verification", Interspeech 2018, equations 1 to 4, with the standard
    deviations of its section 3.2).

    Args:
        in_dim: D, width of a frame.
        n_heads: H.
        hidden_dim: width between W1 and W2.

    Shape: x (B, T, D), n_frames (B,) or None -> (B, 2 H D), head by head [mean | std].
    """

    def __init__(self, in_dim: int, n_heads: int = 5, hidden_dim: int = 500) -> None:
        super().__init__()
        if n_heads < 1:
            raise ValueError(f"attention needs at least one head, got {n_heads}")
        self.out_dim = 2 * n_heads * in_dim
        self.n_heads = n_heads
        self.hidden = nn.Linear(in_dim, hidden_dim)
        self.heads = nn.Linear(hidden_dim, n_heads)

    def attention(self, x: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """(B, H, T) weights: each head's sum to one over the utterance's own frames."""
        logits = wide(self.heads(torch.tanh(self.hidden(x)))).transpose(1, 2)  # (B, H, T)
        if n_frames is not None:
            outside = torch.arange(x.shape[1], device=x.device) >= n_frames[:, None, None]
            # The lowest number, not -inf: an utterance without frames must not become NaN.
            logits = logits.masked_fill(outside, torch.finfo(logits.dtype).min)
        return logits.softmax(dim=-1)

    def forward(self, x: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """The statistics (B, 2 H D) of each head one after the other, of frames x (B, T, D).

        Args:
            x: frames.
            n_frames: (B,) own frames of each; None counts all T.
            weights: (B, T) share of each frame that counts, multiplied with the attention.
        """
        attention = self.attention(x, n_frames)
        return self.pool(x, attention if weights is None else shares(attention * weights[:, None]))

    def pool(self, x: Tensor, attention: Tensor) -> Tensor:
        """(B, 2 H D) statistics of x (B, T, D) under given weights (B, H, T)."""
        return weighted_statistics(x, attention, exact=not self.training).flatten(1)


class AttentiveStatisticsPooling(nn.Module):
    """Mean and standard deviation under attention, which each dimension of a frame has of its own.

    A = softmax over time of f(W X + b) V + k (Okabe et al., "Attentive statistics pooling for deep speaker embedding",
    Interspeech 2018, equations 2 to 7), one column per dimension. With `global_context`, X is joined by its mean and
    standard deviation over all frames (Desplanques et al., "ECAPA-TDNN", Interspeech 2020, section 3.1).

    Args:
        in_dim: D, width of a frame.
        hidden_dim: width between W and V.
        global_context: let the attention see the statistics of all frames.
        hidden_norm: f is tanh of a batch norm of ReLU, as in SpeechBrain, instead of tanh alone.
        hidden_tanh: whether f has the tanh.
        floor: the least variance of what is pooled.
        unbiased_context: divide the variance that the attention sees by N - 1.
        variance_offset: added to that variance.

    Shape: x (B, T, D), n_frames (B,) or None, weights (B, T) or None -> (B, 2 D), [mean | std].
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int = 128,
        *,
        global_context: bool = True,
        hidden_norm: bool = True,
        hidden_tanh: bool = True,
        unbiased_context: bool = False,
        variance_offset: float = 0.0,
        floor: float = VARIANCE_FLOOR,
    ) -> None:
        super().__init__()
        self.out_dim = 2 * in_dim
        self.hidden_tanh = hidden_tanh
        self.floor = floor
        self.global_context = global_context
        self.unbiased_context = unbiased_context
        self.variance_offset = variance_offset
        self.hidden = nn.Linear(in_dim * (3 if global_context else 1), hidden_dim)
        self.norm = nn.BatchNorm1d(hidden_dim) if hidden_norm else None
        self.scores = nn.Linear(hidden_dim, in_dim)

    def forward(self, x: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """[mean | standard deviation] (B, 2 D) under attention, of frames x (B, T, D).

        Args:
            x: frames.
            n_frames: (B,) own frames of each; None counts all T.
            weights: (B, T) share of each frame that counts, in place of `n_frames`.
        """
        if weights is not None:
            own = shares(weights)
        elif n_frames is not None:
            own = frame_weights(x, n_frames)
        else:
            own = wide(x.new_full(x.shape[:2], 1 / x.shape[1]))
        logits = wide(self.scores(self._hidden(x, own, weights)))
        attention = logits.masked_fill(own[..., None] == 0, torch.finfo(logits.dtype).min).softmax(dim=1)
        if weights is not None:
            attention = shares((attention * weights[..., None]).transpose(1, 2)).transpose(1, 2)
        return torch.cat(_statistics(wide(x), attention, floor=self.floor), dim=-1)

    def _hidden(self, x: Tensor, own: Tensor, weights: Tensor | None) -> Tensor:
        """(B, T, hidden_dim) of x (B, T, D), whose frames count as much as own (B, T) says."""
        if not self.global_context:
            return self._activate(self.hidden(x))
        n = (own > 0).sum(1) if weights is None else weights.sum(1)
        scale = n / (n - 1).clamp(min=1) if self.unbiased_context else torch.ones_like(n)
        context = torch.cat(_statistics(wide(x), own[..., None], scale[:, None], self.variance_offset), dim=-1)
        of_frame, of_context = self.hidden.weight.split([x.shape[2], 2 * x.shape[2]], dim=1)
        bias = nn.functional.linear(context.to(x.dtype), of_context, self.hidden.bias)
        return self._activate(nn.functional.linear(x, of_frame) + bias[:, None])

    def _activate(self, x: Tensor) -> Tensor:
        x = x if self.norm is None else self.norm(torch.relu(x).flatten(0, 1)).reshape(x.shape)
        return torch.tanh(x) if self.hidden_tanh else x


def _statistics(
    x: Tensor,
    weights: Tensor,
    scale: Tensor | float = 1.0,
    variance_offset: float = 0.0,
    floor: float = VARIANCE_FLOOR,
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (B, D) of x (B, T, D) over time under weights (B, T, D or 1) that sum to one."""
    mean = (weights * x).sum(1)
    variance = (weights * (x - mean[:, None]).square()).sum(1) * scale + variance_offset
    return mean, variance.clamp(min=floor).sqrt()


def diversity_penalty(attention: Tensor) -> Tensor:
    """How much the heads attend to the same frames: mean over the batch of ||A A' - I||_F^2, A (B, H, T).

    Source: Lin et al., "A structured self-attentive sentence embedding", ICLR 2017, equation 8 (whose A also
    has one row per head); zero when every head attends to one frame of its own.

    >>> float(diversity_penalty(torch.eye(2)[None])), float(diversity_penalty(torch.tensor([[[1.0, 0], [1, 0]]])))
    (0.0, 2.0)
    """
    gram = attention @ attention.transpose(1, 2)
    eye = torch.eye(attention.shape[1], device=attention.device, dtype=attention.dtype)
    return (gram - eye).square().sum(dim=(1, 2)).mean()
