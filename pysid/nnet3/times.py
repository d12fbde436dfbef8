"""Which frames of which nodes it takes to compute an nnet3 network's output at time 0.

Kaldi asks backwards from the output which frames are wanted, and forwards from the input which of them can
be had; what cannot is left out where a component or descriptor allows that (statistics, IfDefined, Failover),
and makes everything that needs it impossible elsewhere. There is no padding: a splice of +-2 frames loses 2
at each end. Source: kaldi/src/nnet3/nnet-computation-graph.cc, and IsComputable in nnet-general-component.cc.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysid.errors import DataError
from pysid.nnet3.descriptors import (
    EVER,
    Const,
    Descriptor,
    Failover,
    IfDefined,
    Interval,
    Node,
    Retimed,
    Scale,
    Switch,
    Times,
)

_MAX_TIMES = 10_000_000  # a day of frames


@dataclass(frozen=True)
class Window(ABC):
    """Which input frames a statistics component sums at each time: every `step`-th, those that there are."""

    step: int

    @abstractmethod
    def bounds(self, times: Times) -> tuple[Times, Times]:
        """First time, and the one behind the last, of the window at each of `times`."""

    @abstractmethod
    def hull(self, source: Interval) -> Interval:
        """An interval that holds all times whose window meets the interval `source`."""


@dataclass(frozen=True)
class BlockWindow(Window):
    """The block of `period` frames that t lies in; blocks begin at multiples of `period`."""

    period: int

    def bounds(self, times: Times) -> tuple[Times, Times]:
        """First frame of the block of each time, and the one after its last."""
        start = times - times % self.period
        return start, start + self.period

    def hull(self, source: Interval) -> Interval:
        """Times whose block meets the interval of the source."""
        return source[0] - self.period + 1, source[1] + self.period - 1


@dataclass(frozen=True)
class ContextWindow(Window):
    """From `left` frames before t to `right` behind it, if t is a multiple of `step`; else nothing."""

    left: int
    right: int

    def bounds(self, times: Times) -> tuple[Times, Times]:
        """First frame of the window of each time, and the one after its last; the same where there is no window."""
        empty = times % self.step != 0
        return times - self.left, np.where(empty, times - self.left, times + self.right + 1)

    def hull(self, source: Interval) -> Interval:
        """Times whose window meets the interval of the source."""
        return source[0] - self.right, source[1] + self.left


@dataclass(frozen=True)
class Step:
    """A node, as far as time goes.

    Attributes:
        name: of the node.
        input: what it sees; None for the features.
        window: how a statistics component gathers its input; None for all that work frame by frame.
    """

    name: str
    input: Descriptor | None
    window: Window | None = None


@dataclass(frozen=True)
class Span:
    """The input of a statistics component: its times, and the half-open range of them in each window."""

    times: Times
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


class TimePlan:
    """The frames to compute for a batch.

    Args:
        steps: the nodes, each behind those it depends on; the last one is the output.
        n_frames: the number of feature frames of each of the B utterances.

    Attributes:
        times: for each node the n times to compute, ascending.
        defined: for each node (B, n), whether the utterance is long enough for that time.
        spans: for each statistics node the range of input that each time sums.
    """

    def __init__(self, steps: Sequence[Step], n_frames: Sequence[int]) -> None:
        self.n_frames = np.asarray(n_frames, np.int64)
        self.times: dict[str, Times] = {}
        self.defined: dict[str, NDArray[np.bool_]] = {}
        self.spans: dict[str, Span] = {}
        self._request(steps)
        for step in steps:
            self.defined[step.name] = self._step_defined(step)

    def locate(self, name: str, times: Times) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each of `times` stands among the node's times, and whether it does."""
        own = self.times[name]
        if len(own) == 0:
            return np.zeros(len(times), np.int64), np.zeros(len(times), bool)
        position = np.minimum(np.searchsorted(own, times), len(own) - 1)
        return position, own[position] == times

    def is_defined(self, descriptor: Descriptor, times: Times) -> NDArray[np.bool_]:
        """(B, n): whether the descriptor can be computed at each of n `times`."""
        match descriptor:
            case Node(name):
                position, found = self.locate(name, times)
                return self.defined[name][:, position] & found if found.any() else self._constant(False, times)
            case Retimed(source):
                return self.is_defined(source, descriptor.times(times))
            case Scale(_, source):
                return self.is_defined(source, times)
            case Const() | IfDefined():
                return self._constant(True, times)
        parts = [self.is_defined(part, times) for part in descriptor.sources]
        if isinstance(descriptor, Switch):
            return np.stack(parts)[times % len(parts), :, np.arange(len(times))].T
        combine = np.logical_or if isinstance(descriptor, Failover) else np.logical_and
        return combine.reduce(parts)

    def _request(self, steps: Sequence[Step]) -> None:
        hulls: dict[str, Interval] = {}
        for step in steps:
            hulls[step.name] = _step_hull(step, hulls, int(self.n_frames.max()))
        wanted: dict[str, list[Times]] = {step.name: [] for step in steps}
        wanted[steps[-1].name] = [np.zeros(1, np.int64)]
        for step in reversed(steps):
            first, last = hulls[step.name]
            times = np.unique(np.concatenate([np.empty(0, np.int64), *wanted[step.name]]))
            self.times[step.name] = times = times[(times >= first) & (times <= last)]
            if step.input is None:
                continue
            if step.window is not None:
                self.spans[step.name] = span = _span(step.window, times, _hull(step.input, hulls))
                times = span.times
            for name, source_times in _wanted(step.input, times):
                wanted[name].append(source_times)

    def _step_defined(self, step: Step) -> NDArray[np.bool_]:
        times = self.times[step.name]
        if step.input is None:
            return (times >= 0) & (times < self.n_frames[:, None])
        if step.window is None:
            return self.is_defined(step.input, times)
        span = self.spans[step.name]
        counts = np.cumsum(self.is_defined(step.input, span.times), axis=1)
        counts = np.pad(counts, ((0, 0), (1, 0)))
        return counts[:, span.stops] > counts[:, span.starts]

    def _constant(self, value: bool, times: Times) -> NDArray[np.bool_]:
        return np.full((len(self.n_frames), len(times)), value)


def _step_hull(step: Step, hulls: dict[str, Interval], n_frames: int) -> Interval:
    if step.input is None:
        return 0, n_frames - 1
    source = _hull(step.input, hulls)
    return source if step.window is None else step.window.hull(source)


def _hull(descriptor: Descriptor, hulls: dict[str, Interval]) -> Interval:
    """An interval that holds all times at which the descriptor may be defined."""
    match descriptor:
        case Node(name):
            return hulls[name]
        case Retimed(source):
            return descriptor.hull(_hull(source, hulls))
        case Scale(_, source):
            return _hull(source, hulls)
        case Const() | IfDefined():
            return EVER
    firsts, lasts = zip(*(_hull(part, hulls) for part in descriptor.sources), strict=True)
    if isinstance(descriptor, (Failover, Switch)):
        return min(firsts), max(lasts)
    return max(firsts), min(lasts)


def _wanted(descriptor: Descriptor, times: Times) -> Iterator[tuple[str, Times]]:
    """The nodes that the descriptor looks at, and the times."""
    match descriptor:
        case Node(name):
            yield name, times
        case Retimed(source):
            yield from _wanted(source, descriptor.times(times))
        case Switch(parts):
            for i, part in enumerate(parts):
                yield from _wanted(part, times[times % len(parts) == i])
        case _:
            for source in descriptor.sources:
                yield from _wanted(source, times)


def _span(window: Window, times: Times, source: Interval) -> Span:
    """The input times that lie in a window and in the interval `source`."""
    if len(times) == 0:
        return Span(times, times, times)
    starts, stops = window.bounds(times)
    first, behind_last = max(int(starts.min()), source[0]), min(int(stops.max()), source[1] + 1)
    first += -first % window.step
    if behind_last - first > _MAX_TIMES * window.step:
        raise DataError(f"a statistics window of {behind_last - first} frames is more than can be computed")
    inputs = np.arange(first, behind_last, window.step)
    return Span(inputs, np.searchsorted(inputs, starts), np.searchsorted(inputs, stops))
