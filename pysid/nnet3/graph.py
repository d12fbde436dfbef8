"""An nnet3 network as a torch module: features in, the output at time 0 out, as in `nnet3-xvector-compute`.

network = load_nnet3("final.raw", "extract.config")
embeddings = network(features, n_frames)
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.nnet3.descriptors import Append, Const, Descriptor, Failover, IfDefined, Node, Retimed, Scale, Switch, Times
from pysid.nnet3.file import Nnet3Model, read_nnet3
from pysid.nnet3.layers import WindowLayer
from pysid.nnet3.times import TimePlan
from pysid.nnet3.wiring import Stage, build_stages, check_dims, needed_lines

_MOST_FRAMES = 1 << 20  # where the search for the shortest input gives up


def load_nnet3(path: PathLike, extract_config: PathLike | None = None) -> "Nnet3Graph":
    """The network in a `.raw` or `.mdl` file; see `read_nnet3` for the arguments. Raises DataError."""
    return Nnet3Graph(read_nnet3(path, extract_config))


class Nnet3Graph(nn.Module):
    """The part of an nnet3 network that its output node depends on.

    Batch norm and dropout run in test mode. Recurrent networks and further inputs (i-vectors) are refused.

    Args:
        model: the network.
        output: name of the output node.
        features: name of the input node.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim),
        the output at time 0, where the features are the frames 0 to n_frames - 1.

    Raises:
        DataError: the network does not fit together, or has what is refused; in `forward`, an utterance is
            shorter than `min_frames`.
    """

    def __init__(self, model: Nnet3Model, output: str = "output", features: str = "input") -> None:
        super().__init__()
        self.source = model.source
        self._stages = build_stages(model, needed_lines(model, output), features)
        self._steps = [stage.step for stage in self._stages]
        self._output = output
        self.layers = nn.ModuleList(stage.layer for stage in self._stages if stage.layer is not None)
        dims = check_dims(model, self._stages)
        if features not in dims:
            raise DataError(f"{model.source}: expected {output} to depend on {features}, got no such path")
        self.feature_dim = dims[features]
        self.embedding_dim = dims[output]

    @cached_property
    def min_frames(self) -> int:
        """The smallest number of frames that gives an output (15 for Kaldi's voxceleb/v2 network)."""
        longest = 1
        while not self._is_enough(longest):
            longest *= 2
            if longest > _MOST_FRAMES:
                raise DataError(f"{self.source}: no number of frames gives an output at time 0")
        shortest = longest // 2 + 1
        while shortest < longest:
            middle = (shortest + longest) // 2
            shortest, longest = (shortest, middle) if self._is_enough(middle) else (middle + 1, longest)
        return longest

    def forward(self, features: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """The output (B, output_dim) at time 0, each row from its own frames.

        Args:
            features: (B, T, feature_dim).
            n_frames: (B,) own frames of each; None counts all T.
        Raises:
            ValueError: other shapes, or fewer frames than the network must see.
        """
        if features.ndim != 3 or features.shape[2] != self.feature_dim:
            raise ValueError(f"features must be (batch, frames, {self.feature_dim}), got {tuple(features.shape)}")
        lengths = [features.shape[1]] * len(features) if n_frames is None else n_frames.tolist()
        if len(lengths) != len(features) or not lengths or max(lengths) > features.shape[1]:
            raise ValueError(f"n_frames must hold {len(features)} numbers of frames, got {lengths}")
        plan = TimePlan(self._steps, lengths)
        self._check_lengths(plan, lengths)
        return _Evaluation(plan, features).run(self._stages)[:, 0]

    def _check_lengths(self, plan: TimePlan, lengths: Sequence[int]) -> None:
        defined = plan.defined[self._output]
        for i, length in enumerate(lengths):
            if not defined[i].any():
                raise DataError(f"utterance {i} of the batch: expected {self.min_frames} frames, got {length}")

    def _is_enough(self, n_frames: int) -> bool:
        return bool(TimePlan(self._steps, [n_frames]).defined[self._output].any())


class _Evaluation:
    """Computes nodes, each at the times that the plan wants, for one batch."""

    def __init__(self, plan: TimePlan, features: Tensor) -> None:
        self.plan = plan
        self.features = features
        self.values: dict[str, Tensor] = {}  # (B, n, D) by node

    def run(self, stages: Sequence[Stage]) -> Tensor:
        """The value of the last stage's node."""
        for stage in stages:
            self.values[stage.step.name] = self.stage(stage)
            for name in stage.release:
                del self.values[name]
        return self.values[stages[-1].step.name]

    def stage(self, stage: Stage) -> Tensor:
        step = stage.step
        if step.input is None:
            return _rows(self.features, self.plan.times[step.name])
        if isinstance(stage.layer, WindowLayer):
            span = self.plan.spans[step.name]
            x = self.value(step.input, span.times)
            counts = self.plan.is_defined(step.input, span.times)
            mask = None if counts.all() else self.mask(counts)
            y: Tensor = stage.layer(x, mask, span.starts, span.stops)
            return y
        x = self.value(step.input, self.plan.times[step.name])
        return x[..., stage.columns] if stage.layer is None else stage.layer(x)

    def value(self, descriptor: Descriptor, times: Times) -> Tensor:
        """(B, n, D): the descriptor at n times; anything where it is not defined."""
        match descriptor:
            case Node(name):
                return _rows(self.values[name], self.plan.locate(name, times)[0])
            case Retimed(source):
                return self.value(source, descriptor.times(times))
            case Scale(factor, source):
                return factor * self.value(source, times)
            case Const(value, dim):
                return self.features.new_full((len(self.features), len(times), dim), value)
        return self.combine(descriptor, [self.value(part, times) for part in descriptor.sources], times)

    def combine(self, descriptor: Descriptor, parts: list[Tensor], times: Times) -> Tensor:
        """The value of a descriptor of several parts, given theirs."""
        match descriptor:
            case Append():
                return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
            case Switch():
                turn = torch.from_numpy(times % len(parts)).to(parts[0].device)
                frame = torch.arange(len(times), device=parts[0].device)
                return torch.stack(parts)[turn, :, frame].transpose(0, 1)
            case Failover() | IfDefined():
                first = self.mask(self.plan.is_defined(descriptor.sources[0], times))[..., None]
                return torch.where(first, parts[0], parts[1] if len(parts) == 2 else 0.0)
            case _:
                return sum(parts[1:], start=parts[0])

    def mask(self, defined: NDArray[np.bool_]) -> Tensor:
        return torch.from_numpy(defined).to(self.features.device)


def _rows(x: Tensor, positions: NDArray[np.int64]) -> Tensor:
    """x[:, positions]; a view where they are evenly spaced, as they mostly are."""
    if len(positions) == 0 or x.shape[1] == 0:
        return x.new_zeros(x.shape[0], len(positions), x.shape[2])
    first, last, n = int(positions[0]), int(positions[-1]), len(positions)
    step = (last - first) // (n - 1) if n > 1 else 1
    if step >= 1 and (positions[1:] - positions[:-1] == step).all():
        return x[:, first : last + 1 : step]
    return x.index_select(1, torch.from_numpy(positions).to(x.device))
