"""Recordings of conversations as a source of windows: with reference turns, or with nothing but their sound."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pysid.data.corpus import Corpus
from pysid.errors import DataError, Skipped
from pysid.io.turns.rttm import read_rttm
from pysid.segments import Turn
from pysid.training.decoded import DecodedWaves
from pysid.training.left_out import tell_unreadable


class Recordings:
    """Conversations, decoded as `DecodedWaves` keeps them.

    Attributes:
        names: (N,) of recordings.
        lengths: (N,) frames of recordings.

    Args:
        directory: a data directory; with `labelled`, it has ref.rttm.
        window_s: shorter recordings are left out.
        step_s: from one frame to the next.
    Raises:
        DataError: a table is missing or malformed, a recording has no turns, too many cannot be read, see
            `tell_unreadable`, or all are too short.
    """

    def __init__(
        self,
        directory: Path,
        labelled: bool,
        window_s: float,
        sample_rate: int,
        step_s: float,
        allow_pipes: bool = False,
    ) -> None:
        corpus = Corpus.read(directory)
        turns = read_rttm(directory / "ref.rttm") if labelled else {}
        self.hop = round(step_s * sample_rate)
        self.n_frames = round(window_s / step_s)
        names = list(corpus.ids)
        for name in names:
            if labelled and name not in turns:
                raise DataError(f"{directory / 'ref.rttm'}: expected turns of all recordings, got none of {name!r}")

        def blocks(i: int) -> Iterator[np.ndarray]:
            return corpus.wave_blocks(corpus[names[i]], sample_rate, allow_pipes=allow_pipes)

        self._waves = DecodedWaves(range(len(names)), blocks)
        self.names = names
        skipped = Skipped()
        self.lengths = lengths = np.zeros(len(names), np.int64)
        for i, name in enumerate(names):
            with skipped.on_error(name):
                lengths[i] = self._frames(i)
        tell_unreadable(skipped, len(names), directory)
        self.active = (
            [active_frames(turns[n], k, step_s) for n, k in zip(names, lengths.tolist(), strict=True)]
            if labelled
            else []
        )
        self._places = np.maximum(lengths - self.n_frames + 1, 0)  # at which windows could begin
        if not self._places.sum():
            raise DataError(f"{directory}: expected recordings of {window_s:g} s or more, got none")

    def _frames(self, i: int) -> int:
        self._waves.read(i, 0, 1)  # raises where it could not be decoded
        return self._waves.n_samples(i) // self.hop

    def window(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        """A window from anywhere: (S,) float32 at int16 scale, and who speaks (F, N) bool, None without reference."""
        return self.at(*self._draw(rng))

    @property
    def n_samples(self) -> int:
        """Samples of a window."""
        return self.n_frames * self.hop

    def cut(self, rng: np.random.Generator, n_samples: int) -> np.ndarray:
        """(n_samples,) float32 at int16 scale from where a window may begin; fewer where the recording ends before."""
        recording, first = self._draw(rng)
        return self._waves.read(recording, first * self.hop, n_samples)

    def at(self, recording: int, first: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The window of a recording that begins at frame `first`, as of `window`."""
        wave = self._waves.read(recording, first * self.hop, self.n_samples)
        if not self.active:
            return wave, None
        active = self.active[recording][first : first + self.n_frames]
        return wave, active[:, active.any(0)]

    def _draw(self, rng: np.random.Generator) -> tuple[int, int]:
        place = int(rng.integers(self._places.sum()))
        i = int(np.searchsorted(np.cumsum(self._places), place, side="right"))
        return i, place - int(self._places[:i].sum())

    def spread(self, shift_frames: int) -> Sequence[tuple[int, int]]:
        """(recording, first frame) of windows at even distances."""
        return [(i, first) for i, n in enumerate(self._places) for first in range(0, n, shift_frames)]


def active_frames(turns: Sequence[Turn], n_frames: int, step_s: float) -> np.ndarray:
    """(n_frames, N) bool: who of the N speakers, in the order of their names, speaks in the middle of each frame.

    Args:
        turns: of one recording.
        n_frames: of the recording; the first begins at 0 s.
        step_s: from one frame to the next.

    >>> from pysid.segments import Segment
    >>> active_frames([Turn(Segment(0.0, 0.02), "b"), Turn(Segment(0.0, 0.05), "a")], 3, 0.02).astype(int).tolist()
    [[1, 1], [1, 0], [0, 0]]
    """
    names = sorted({turn.speaker for turn in turns})
    active = np.zeros((n_frames, len(names)), bool)
    middles_s = (np.arange(n_frames) + 0.5) * step_s
    for turn in turns:
        first, last = np.searchsorted(middles_s, [turn.segment.start_s, turn.segment.end_s])
        active[first:last, names.index(turn.speaker)] = True
    return active
