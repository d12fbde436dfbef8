"""Training batches from feature archives or from audio."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from logging import WARNING
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pysid.data.corpus import Corpus
from pysid.data.packed import Picked
from pysid.errors import DataError, Skipped
from pysid.frontend import Frontend
from pysid.io.ark.archive import read_matrix_rows
from pysid.progress import say, track
from pysid.training.decoded import DecodedWaves
from pysid.training.embedding.chunks import ChunkPlan, EpochChunks, fill
from pysid.training.left_out import MOST_UNREADABLE, too_many_unreadable

GLANCE_S = 1.0
GLANCES = 64  # heard at once, which takes a third of the time of one by one
MANY_CHUNKS = 100  # of which the share that cannot be read says something


class ChunkSource(Protocol):
    """Reads pieces of utterances, which it knows by number."""

    def read(self, utterance: int, start: int, length: int) -> np.ndarray:
        """`length` frames from frame `start` on: (length, D) features, or (S,) waveform of about that duration.

        Args:
            utterance: its number.
            start: frame at which the chunk begins.
            length: frames.
        """
        ...

    def to_features(self, inputs: Tensor, clean: Tensor | None = None) -> Tensor:
        """A stacked batch of what `read` gives, on its device, as features (B, length, D).

        Args:
            clean: the same batch before it was augmented, which says where there is speech; None if it was not.
        """
        ...


class ArchiveSource:
    """Chunks of features that are network input already: normalised, voiced frames only.

    Args:
        entries: (N,) one `feats.scp` entry per utterance, such as "feats.ark:1234".
        directory: the folder of that feats.scp.
        dim: D that the network reads; None takes features of any width.
    """

    def __init__(self, entries: Sequence[str], directory: Path, dim: int | None = None) -> None:
        self.entries = entries
        self.directory = directory
        self.dim = dim

    def read(self, utterance: int, start: int, length: int) -> np.ndarray:
        """(length, D) features from frame `start` on, begun again where the utterance ends.

        Args:
            utterance: its number.
            start: frame at which the chunk begins.
            length: frames.
        Raises:
            DataError: it cannot be read, ends before `start`, is not finite or of another width.
        """
        features = read_matrix_rows(self.entries[utterance], start, start + length, self.directory)
        if not len(features) or not np.isfinite(features).all():
            found = "a NaN or infinity" if len(features) else "fewer"
            raise DataError(f"{self.entries[utterance]}: expected more than {start} frames, finite ones, got {found}")
        if features.shape[1] != (self.dim or features.shape[1]):
            raise DataError(f"{self.entries[utterance]}: expected {self.dim} features, got {features.shape[1]}")
        return fill(features, length)

    def to_features(self, inputs: Tensor, clean: Tensor | None = None) -> Tensor:
        """The inputs as they are; `clean` plays no part."""
        return inputs


class AudioSource:
    """Chunks of audio, read by seeking, turned into features on the device of the training.

    A piece is half as long again as the chunk that it becomes, so that enough voiced frames are left after the VAD;
    where there are still too few, they are repeated.

    Args:
        corpus: a data directory with audio.
        utterances: their ids; the numbers of `read` count in this order.
        frontend: from waveforms to features on their device.
        sample_rate: Hz that the frontend wants.
        allow_pipes: whether entries of wav.scp that are shell pipes may run.
    """

    OVERSIZE = 1.5
    FRAMES_PER_S = 100

    def __init__(
        self,
        corpus: Corpus,
        utterances: Sequence[str],
        frontend: Frontend,
        sample_rate: int = 16000,
        allow_pipes: bool = False,
    ) -> None:
        self.corpus = corpus
        self.utterances = utterances
        self.frontend = frontend
        self.sample_rate = sample_rate
        self.allow_pipes = allow_pipes
        self._decoded: DecodedWaves | None = None
        self._places: np.ndarray | None = None  # of the utterances in what is decoded; None for all in their order
        # Shared with the processes that read, which are made anew for each epoch.
        self.silence_told = torch.zeros(1, dtype=torch.bool).share_memory_()

    def decode_all(self) -> None:
        """Decodes the utterances now and keeps them in memory, for those that are read again and again."""
        numbers = track(range(len(self.utterances)), f"decoding {self.corpus.directory}")
        self._decoded = DecodedWaves(numbers, self._blocks)

    def useless(self, n_frames: int) -> tuple[dict[int, str], list[int]]:
        """Which decoded utterances nothing can be learnt from: those that could not be decoded, with the reason, by
        number, and those without speech.

        Args:
            n_frames: of the longest chunks, in pieces of which speech is looked for, up to the first that has some;
                but first in `GLANCE_S` in the middle, where mostly there is some.
        """
        decoded = self._decoded
        assert decoded is not None and self._places is None
        unreadable = dict(decoded.errors)
        size, glance = (round(x * self.sample_rate) for x in (n_frames * self.OVERSIZE / self.FRAMES_PER_S, GLANCE_S))
        silent = []
        numbers = iter(track(range(len(self.utterances)), f"finding speech in {self.corpus.directory}"))
        for numbered in iter(lambda: list(islice(numbers, GLANCES)), []):
            block = [i for i in numbered if i not in unreadable]
            n_samples = {i: decoded.n_samples(i) for i in block}
            heard: set[int] = set()
            glanced = [i for i in block if n_samples[i] > glance < size]
            if glanced:
                middles = [decoded.read(i, (n_samples[i] - glance) // 2, glance) for i in glanced]
                heard.update(compress(glanced, self._have_speech(np.stack(middles))))
            for i in block:
                pieces = (decoded.read(i, start, size)[None] for start in range(0, n_samples[i], size))
                if i not in heard and not any(self._have_speech(piece)[0] for piece in pieces):
                    silent.append(i)
        return unreadable, silent

    @torch.no_grad()
    def _have_speech(self, waves: np.ndarray) -> list[bool]:
        features, _ = self.frontend(torch.from_numpy(waves))
        return (~silent_rows(features)).tolist()

    def part(self, places: np.ndarray) -> "AudioSource":
        """The same of some of the utterances, with what is decoded of them.

        Args:
            places: (n,) their numbers, in the order in which they are numbered from now on.
        """
        assert self._places is None
        names = Picked(self.utterances, places)
        source = AudioSource(self.corpus, names, self.frontend, self.sample_rate, self.allow_pipes)
        source._decoded, source._places = self._decoded, places
        return source

    def read(self, utterance: int, start: int, length: int) -> np.ndarray:
        """(S,) waveform at int16 scale, half as long again as `length` frames.

        Args:
            utterance: its number.
            start: frame of 10 ms at which the chunk begins.
            length: frames.
        Raises:
            DataError: it cannot be read, or ends before `start`.
        """
        start_s, duration_s = start / self.FRAMES_PER_S, length * self.OVERSIZE / self.FRAMES_PER_S
        if self._decoded is None:
            wave = self._read_wave(utterance, start_s, duration_s)
        else:
            number = utterance if self._places is None else int(self._places[utterance])
            wave = self._decoded.read(number, int(start_s * self.sample_rate), round(duration_s * self.sample_rate))
        return fill(wave, round(duration_s * self.sample_rate))

    def _read_wave(self, utterance: int, start_s: float, duration_s: float) -> np.ndarray:
        return self.corpus.read_wave(
            self.corpus[self.utterances[utterance]],
            self.sample_rate,
            start_s=start_s,
            duration_s=duration_s,
            allow_pipes=self.allow_pipes,
        )

    def _blocks(self, utterance: int) -> Iterator[np.ndarray]:
        own = self.corpus[self.utterances[utterance]]
        return self.corpus.wave_blocks(own, self.sample_rate, allow_pipes=self.allow_pipes)

    def to_features(self, inputs: Tensor, clean: Tensor | None = None) -> Tensor:
        """(B, length, D) network input of waveforms (B, S), voiced frames only; zeros in rows without speech.

        Args:
            inputs: waveforms.
            clean: the same without noise, of which the VAD is; None takes `inputs`.
        """
        length = round(inputs.shape[1] * self.FRAMES_PER_S / (self.OVERSIZE * self.sample_rate))
        with torch.no_grad():
            frontend = self.frontend.to(inputs.device)
            voiced = None if clean is None else frontend.voiced(clean)
            features, n_frames = frontend(inputs, voiced=voiced)
            if features.shape[1] == 0:  # silence throughout the batch
                return features.new_zeros(len(features), length, features.shape[2])
            index = torch.arange(length, device=features.device) % n_frames.clamp(min=1)[:, None]
            return features.gather(1, index[..., None].expand(-1, -1, features.shape[2]))


@dataclass(frozen=True)
class ChunkBatches:
    """The training data as the trainer wants it (`pysid.training.trainer.Batches`).

    Attributes:
        names: (N,) ids of the utterances that the plan counts.
        by_utterance: label chunks by the number of their utterance, not by the class of their speaker.
    """

    plan: ChunkPlan
    source: ChunkSource
    names: Sequence[str]
    by_utterance: bool = False

    @property
    def n_batches(self) -> int:
        """Batches an epoch."""
        return self.plan.n_batches

    def epoch(self, epoch: int, process: int = 0, n_processes: int = 1) -> "EpochDataset":
        """One process's share of each batch: every `n_processes`-th chunk.

        Args:
            epoch: its number, from which the plan is made.
            process: number of this process, from 0.
            n_processes: among how many batches are shared.
        """
        if self.plan.config.batch_size % n_processes:
            raise DataError(
                f"chunks.batch_size is {self.plan.config.batch_size}, expected a multiple of {n_processes} processes"
            )
        return EpochDataset(self, self.plan.epoch(epoch), slice(process, None, n_processes))

    def to_features(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (b, T, D) and classes (b,) of what an item of `epoch` holds.

        Raises:
            DataError: none of the chunks has speech.
        """
        features = self.source.to_features(inputs)
        rows = self.spoken_rows(features, labels)
        return (features, labels) if rows is None else (features[rows], labels[rows])

    def spoken_rows(self, features: Tensor, labels: Tensor) -> Tensor | None:
        """(b,) which row of a batch to take in place of each: its own where it has speech, else the next that does.

        Where a chunk of audio has no speech, that is said once. None where each has, or where there is no audio.

        Args:
            features: (b, T, D) as the source gives them.
            labels: (b,) as `epoch` gives them.
        Raises:
            DataError: none of the chunks has speech.
        """
        if not isinstance(self.source, AudioSource):
            return None
        silent = silent_rows(features)
        if not bool(silent.any()):
            return None
        spoken = (~silent).nonzero()[:, 0]
        label = int(labels[silent.nonzero()[0, 0]])
        name = self.names[label if self.by_utterance else int(np.argmax(self.plan.labels == label))]
        if not len(spoken):
            raise DataError(
                f"{self.source.corpus.directory}: expected speech in the chunks of a batch, got none in any of "
                f"{len(silent)}, of the speaker of {name} and others"
            )
        if not bool(self.source.silence_told):
            self.source.silence_told.fill_(True)
            say(
                f"{self.source.corpus.directory}: leaving out chunks without speech, here {int(silent.sum())} of "
                f"{len(silent)} in a batch, the first of the speaker of {name}; `pysid features` lists the recordings "
                "that have none at all",
                WARNING,
            )
        places = torch.arange(len(silent), device=features.device)
        return spoken[torch.searchsorted(spoken, places) % len(spoken)]

    def describe(self, epoch: int, batch: int) -> str:
        """The utterances of a batch, the first few by name."""
        row = self.plan.epoch(epoch).utterance[batch]
        more = f" and {len(row) - 4} more" if len(row) > 4 else ""
        return "utterances " + ", ".join(self.names[i] for i in row[:4]) + more


def silent_rows(features: Tensor) -> Tensor:
    """(B,) bool: the rows of features (B, T, D) that hold nothing, as of waveforms without a voiced frame."""
    return ~(features != 0).flatten(1).any(1)


class EpochDataset(Dataset[tuple[Tensor, Tensor]]):
    """Item i is batch i of an epoch: inputs (b, ...) and labels (b,).

    A chunk that cannot be read is reported on standard error and replaced by the next readable one of its batch; if
    there is none, the item is (the DataError, None). So it is where of `MANY_CHUNKS` or more that were read so far,
    too large a share could not be, see `tell_unreadable`.
    """

    def __init__(self, batches: ChunkBatches, chunks: EpochChunks, rows: slice) -> None:
        self.batches = batches
        self.chunks = chunks
        self.rows = rows
        self._unreadable = Skipped()
        self._n_read = self._n_failed = 0

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        if i >= len(self):
            raise IndexError(i)
        utterance, length = self.chunks.utterance[i][self.rows], int(self.chunks.length[i])
        pieces: dict[int, np.ndarray] = {}
        error: DataError | None = None
        for k, start in enumerate(self.chunks.start[i][self.rows]):
            try:
                pieces[k] = self.batches.source.read(int(utterance[k]), int(start), length)
            except DataError as e:
                error = e
                self._report(int(utterance[k]), e)
        self._n_read += len(utterance)
        self._n_failed += len(utterance) - len(pieces)
        if self._n_read >= MANY_CHUNKS and self._n_failed > MOST_UNREADABLE * self._n_read:
            error = too_many_unreadable(self._n_failed, self._n_read, "chunks of the training data", self._unreadable)
            pieces = {}
        if not pieces:
            return error, None  # type: ignore[return-value]
        chosen = [min((k for k in pieces if k >= j), default=min(pieces)) for j in range(len(utterance))]
        inputs = torch.from_numpy(np.stack([pieces[k] for k in chosen]))
        heard = utterance[chosen]
        return inputs, torch.from_numpy(heard if self.batches.by_utterance else self.batches.plan.labels[heard])

    def _report(self, number: int, error: DataError) -> None:
        name = self.batches.names[number]
        if name not in self._unreadable:
            self._unreadable.add(name, str(error).removeprefix(f"{name}: "))
            say(f"skipping utterance {name}: {self._unreadable.reasons[name]}", WARNING)
