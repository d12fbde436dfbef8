"""Which pieces of which utterances make up a training batch: a pure function of (seed, epoch, batch).

Nothing here holds state between batches, so a training that was killed resumes with the very batch it stopped at,
and every process of a parallel training can work out its own share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.errors import DataError


@dataclass(frozen=True)
class ChunkConfig:
    """How training chunks are cut. The defaults are Kaldi's scheme; `PORT_CHUNKS` is the original port's.

    Attributes:
        min_frames, max_frames: a batch has one chunk length, drawn uniformly from this range. The two may be equal.
        sampling: "speaker" takes speakers in turn, shuffled anew each round, then at random one of the speaker's
            utterances that is no shorter than the chunk (any, if all are shorter); "utterance" goes through all
            utterances once per round.
        position: "random" starts a chunk anywhere; "sequential" cuts utterances into one chunk after the other and
            uses each once per epoch (then `sampling` does not apply).
        per_speaker: with sampling "speaker", chunks of each speaker that come one after the other, for losses within a
            batch.
        batch_size: chunks in a batch, over all processes together.
        chunks_per_epoch: 0 for as many as the frames of the corpus make (frames / mean chunk length).
        min_utterance_frames: shorter utterances are left out (Kaldi's recipe: 400, counted after the VAD).
        min_utterances: speakers with fewer (after that) are left out (Kaldi's recipe: 8).

    An utterance shorter than its chunk is repeated until it fills it.

    Source: kaldi/egs/sre08/v1/sid/nnet3/xvector/allocate_egs.py, voxceleb/v2/run.sh stages 4 to 6.
    """

    min_frames: int = 200
    max_frames: int = 400
    sampling: Literal["speaker", "utterance"] = "speaker"
    position: Literal["random", "sequential"] = "random"
    per_speaker: int = 1
    batch_size: int = 64
    chunks_per_epoch: int = 0
    min_utterance_frames: int = 400
    min_utterances: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.min_frames <= self.max_frames:
            raise ValueError(f"chunks need 1 <= min_frames <= max_frames, got {self.min_frames}, {self.max_frames}")
        if self.position == "sequential" and self.min_frames != self.max_frames:
            raise ValueError("sequential chunks have one length: min_frames must equal max_frames")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2 (batch norm needs two), got {self.batch_size}")
        if self.per_speaker < 1 or self.batch_size % self.per_speaker:
            raise ValueError(
                f"batch_size must be a multiple of per_speaker, got {self.batch_size} and {self.per_speaker}"
            )
        if self.per_speaker > 1 and (self.sampling, self.position) != ("speaker", "random"):
            raise ValueError("per_speaker needs sampling 'speaker' at random positions")
        if min(self.chunks_per_epoch, self.min_utterance_frames, self.min_utterances) < 0:
            raise ValueError("chunks_per_epoch, min_utterance_frames and min_utterances must not be negative")


PORT_CHUNKS = ChunkConfig(min_frames=400, max_frames=400, sampling="utterance")


def select_utterances(
    n_frames: np.ndarray, speakers: Sequence[str], config: ChunkConfig
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The utterances to train on: long enough, of speakers with enough such utterances.

    Args:
        n_frames: (N,) frames of each utterance.
        speakers: (N,) speaker of each utterance.
    Returns:
        indices: (n,) ascending positions of the utterances kept.
        labels: (n,) their classes.
        speakers: the speakers kept, sorted; a speaker's class is its place in this list.
    Raises:
        DataError: fewer than two speakers are left.
    """
    names = sorted(set(speakers))
    number = {name: i for i, name in enumerate(names)}
    label = np.fromiter((number[speaker] for speaker in speakers), np.int64, len(speakers))
    long_enough = np.asarray(n_frames) >= max(config.min_utterance_frames, 1)
    counts = np.bincount(label[long_enough], minlength=len(names))
    indices = np.flatnonzero(long_enough & (counts[label] >= config.min_utterances))
    kept, labels = np.unique(label[indices], return_inverse=True)
    if len(kept) < 2:
        raise DataError(
            f"{len(kept)} of {len(names)} speakers have {config.min_utterances} or more utterances of at least "
            f"{config.min_utterance_frames} frames (chunks.min_utterances, chunks.min_utterance_frames); two are needed"
        )
    return indices, labels, [names[i] for i in kept]


@dataclass(frozen=True)
class EpochChunks:
    """The chunks of one epoch: row i of the arrays is batch i, of `batch_size` chunks each `length[i]` frames long."""

    utterance: np.ndarray  # (n_batches, batch_size) index of the utterance
    start: np.ndarray  # (n_batches, batch_size) first frame
    length: np.ndarray  # (n_batches,) frames

    def __len__(self) -> int:
        return len(self.length)


class ChunkPlan:
    """Draws the chunks of any epoch.

    Args:
        n_frames: (N,) frames of each utterance, all at least 1.
        labels: (N,) class of each utterance, 0 to C - 1, each class present.
        seed: with the epoch, decides everything.
    """

    def __init__(self, n_frames: np.ndarray, labels: np.ndarray, config: ChunkConfig, seed: int = 123) -> None:
        self.n_frames = np.asarray(n_frames, dtype=np.int64)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.config = config
        self.seed = seed
        if len(self.n_frames) != len(self.labels) or len(self.labels) == 0 or self.n_frames.min() < 1:
            raise ValueError("n_frames and labels must be of one length, not empty, and n_frames at least 1")
        # Utterances sorted by class, longest first: class c has order[first[c] : first[c] + count[c]].
        self._order = np.lexsort((-self.n_frames, self.labels))
        self._stride = int(self.n_frames.max()) + config.max_frames + 1
        self._keys = (self.labels * self._stride - self.n_frames)[self._order]  # ascending
        self._count = np.bincount(self.labels)
        self._first = np.cumsum(self._count) - self._count
        if self._count.min() == 0:
            raise ValueError("every class needs an utterance")

    @property
    def n_batches(self) -> int:
        """Batches in an epoch, at least one."""
        c = self.config
        n_chunks = c.chunks_per_epoch or int(self.n_frames.sum() / ((c.min_frames + c.max_frames) / 2))
        if c.position == "sequential":
            n_chunks = self._sequential_counts().sum()
        return max(1, int(n_chunks) // c.batch_size)

    def epoch(self, epoch: int) -> EpochChunks:
        """The chunks of epoch number `epoch`, from 0."""
        c = self.config
        rng = np.random.default_rng([self.seed, epoch])
        shape = (self.n_batches, c.batch_size)
        if c.position == "sequential":
            utterance, start = self._sequential(rng, shape[0] * shape[1])
            return EpochChunks(utterance.reshape(shape), start.reshape(shape), np.full(shape[0], c.max_frames))
        length = rng.integers(c.min_frames, c.max_frames, endpoint=True, size=shape[0])
        if c.sampling == "speaker":
            drawn = _rounds(rng, len(self._count), shape[0] * shape[1] // c.per_speaker)
            speaker = drawn.repeat(c.per_speaker).reshape(shape)
            utterance = self._utterance_of(rng, speaker, length[:, None])
        else:
            utterance = _rounds(rng, len(self.n_frames), shape[0] * shape[1]).reshape(shape)
        room = np.maximum(self.n_frames[utterance] - length[:, None], 0)
        return EpochChunks(utterance, rng.integers(0, room, endpoint=True), length)

    def _utterance_of(self, rng: np.random.Generator, speaker: np.ndarray, length: np.ndarray) -> np.ndarray:
        """One of each speaker's utterances, drawn among those that fill the chunk, or among all if none does."""
        last = np.searchsorted(self._keys, speaker * self._stride - length, side="right")
        n_long = last - self._first[speaker]
        return self._order[self._first[speaker] + rng.integers(0, np.where(n_long > 0, n_long, self._count[speaker]))]

    def _sequential_counts(self) -> np.ndarray:
        return np.maximum(self.n_frames // self.config.max_frames, 1)

    def _sequential(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        counts = self._sequential_counts()
        utterance = np.repeat(np.arange(len(counts)), counts)
        start = (np.arange(len(utterance)) - np.repeat(np.cumsum(counts) - counts, counts)) * self.config.max_frames
        order = np.resize(rng.permutation(len(utterance)), n)
        return utterance[order], start[order]


def _rounds(rng: np.random.Generator, n_items: int, n: int) -> np.ndarray:
    """(n,) numbers below n_items: whole shuffled rounds, so that counts differ by one at most."""
    rounds = -(-n // n_items)
    return np.concatenate([rng.permutation(n_items) for _ in range(rounds)])[:n]


def fill(chunk: np.ndarray, length: int) -> np.ndarray:
    """Repeats a chunk along time until it is `length` long: (T, ...) -> (length, ...).

    >>> fill(np.array([1, 2, 3]), 5)
    array([1, 2, 3, 1, 2])
    """
    if len(chunk) >= length:
        return chunk[:length]
    return np.concatenate([chunk] * -(-length // len(chunk)))[:length]
