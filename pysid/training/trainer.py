"""The training loop: epochs of batches, checkpoints, resumption.

A batch is a function of (seed, epoch, number), schedules are functions of the step, and nothing else is random; so a
training that was killed and started again reaches the weights it would have reached undisturbed.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from pysid.errors import DataError, needs_extra
from pysid.progress import say, track
from pysid.training.checkpoint import Progress, load_state, save_state
from pysid.training.optim import OptimizerConfig, make_optimizer, set_learning_rate
from pysid.training.running_mean import RunningMean

with needs_extra("training", "train"):
    from accelerate import Accelerator
    from torch.utils.tensorboard import SummaryWriter

NEVER_TRAINED = 2**31 - 1  # number of an epoch: what is measured on its batches was not learnt from them

# oneDNN keeps what it compiled for the last 1024 shapes, at megabytes each and with gaps between them: gigabytes where
# the length of chunks varies, and hardly any of it is used again. It reads this at its first product.
ONEDNN_CACHE = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8")


@dataclass(frozen=True)
class TrainerConfig:
    """Configuration of the loop.

    Attributes:
        n_epochs: passes over the plan of chunks.
        max_steps: end after so many optimizer steps, even within an epoch; None ends with the last epoch.
        average_epochs: the final network is the mean of those after the last so many epochs.
        average_decay: above 0, networks that are measured and written, and the final one, have the mean of the weights
            over the steps, of which each leaves this share as it was: 0.998 is a mean of about the last 500.
        seed: of the initial weights and of the chunks.
        mixed_precision: "bf16" and "fp16" multiply matrices in half precision; weights and sums stay float32.
        device: "auto" takes a GPU where there is one.
        n_threads: of a CPU training; 0 for all cores. Sums depend on it, so a resumed run needs the same number.
        n_workers: processes that read for the training, and where that is on a CPU also augment and make features; 0
            does everything in the training process.
        checkpoint_minutes: time between states saved within an epoch; each epoch ends with one as well.
        log_steps: optimizer steps between points of the TensorBoard curves.
    """

    n_epochs: int = 3
    max_steps: int | None = None
    average_epochs: int = 1
    average_decay: float = 0.0
    seed: int = 123
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    n_threads: int = 0
    n_workers: int = 1
    checkpoint_minutes: float = 10.0
    log_steps: int = 10

    def __post_init__(self) -> None:
        if self.n_epochs < 1 or self.log_steps < 1 or self.checkpoint_minutes <= 0:
            raise ValueError("n_epochs, log_steps and checkpoint_minutes must be positive")
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError(f"max_steps must be positive, got {self.max_steps}")
        if not 1 <= self.average_epochs <= self.n_epochs:
            raise ValueError(f"average_epochs must lie in [1, n_epochs={self.n_epochs}], got {self.average_epochs}")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay must lie in [0, 1), got {self.average_decay}")
        if min(self.seed, self.n_threads, self.n_workers) < 0:
            raise ValueError("seed, n_threads and n_workers must not be negative")


class Batches(Protocol):
    """Where batches come from; see `pysid.training.embedding.batches`."""

    @property
    def n_batches(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, epoch: int, process: int, n_processes: int) -> Dataset[tuple[Any, Tensor]]:
        """One process's share of each batch of an epoch: item i is (inputs, labels) of batch i.

        Inputs are a tensor, or anything that has `to` and `pin_memory`; `to_features` knows what to do with them. Where
        a batch cannot be read, its item is (the DataError, None).

        Args:
            epoch: its number; the same number gives the same batches.
            process: number of this process, from 0.
            n_processes: among how many batches are shared.
        """
        ...

    def to_features(self, inputs: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (b, T, D) and classes (b,) of an item of `epoch`, on the training's device, on which both are.

        Raises:
            DataError: nothing can be learnt from the item.
        """
        ...

    def describe(self, epoch: int, batch: int) -> str:
        """What is in a batch, for a message."""
        ...


class Trainer:
    """Trains a classifier; `run` does everything.

    Args:
        classifier: initialised by the caller after `seed_weights`; it gives the `BatchResult` of (features, labels,
            step), and has the `network` that is trained.
        batches: the training data.
        directory: for `state-*` and TensorBoard's `events*`.
        on_epoch: called by the main process with the network, in eval mode, and the number of the epoch just
            finished, from 1; returns figures for the table and the curves, such as {"eer": 0.07}.
    """

    def __init__(
        self,
        config: TrainerConfig,
        optimizer: OptimizerConfig,
        classifier: nn.Module,
        batches: Batches,
        directory: Path,
        on_epoch: Callable[[Any, Progress], dict[str, float]],
    ) -> None:
        self.config = config
        self.optimizer_config = optimizer
        self.batches = batches
        self.directory = directory
        self.on_epoch = on_epoch
        os.environ.setdefault(*ONEDNN_CACHE)
        if config.n_threads:
            torch.set_num_threads(config.n_threads)
        if config.device == "cuda" and not torch.cuda.is_available():
            raise DataError("device is cuda, but no CUDA device is available")
        self.accelerator = Accelerator(cpu=config.device == "cpu", mixed_precision=config.mixed_precision)
        self.model, self.optimizer = self.accelerator.prepare(classifier, make_optimizer(optimizer, classifier))
        self.average: RunningMean | None = None
        if config.average_decay:
            self.average = RunningMean(self._network, config.average_decay)
            self.accelerator.register_for_checkpointing(self.average)
        self.progress = Progress()
        # Losses not looked at yet, with their batches: on a GPU, looking at each would make it wait for the CPU.
        self._unchecked: deque[tuple[int, Tensor]] = deque()

    @property
    def _network(self) -> nn.Module:
        network: nn.Module = self.accelerator.unwrap_model(self.model).network
        return network

    @property
    def _read_ahead(self) -> bool:
        """Whether the reading processes make the features: not for a GPU, which is quicker at it."""
        return self.accelerator.device.type == "cpu" and self.config.n_workers > 0

    @property
    def n_steps(self) -> int:
        """Optimizer steps of the whole training."""
        whole = self.config.n_epochs * self.batches.n_batches
        return whole if self.config.max_steps is None else min(whole, self.config.max_steps)

    def rehearse(self) -> None:
        """Makes the first batch of the first epoch, trains on nothing, and says what `run` would do.

        Raises:
            DataError: the batch cannot be made.
        """
        a, c = self.accelerator, self.config
        inputs, labels = self.batches.epoch(0, a.process_index, a.num_processes)[0]
        if isinstance(inputs, DataError):
            raise inputs
        features, _ = self.batches.to_features(inputs.to(a.device), labels.to(a.device))
        if a.is_main_process:
            threads = f", {torch.get_num_threads()} threads" if a.device.type == "cpu" else ""
            say(
                f"dry run: {c.n_epochs} epochs, {self.n_steps} steps; batches as {tuple(features.shape)} "
                f"(utterances, frames, dimensions); on {a.device}{threads}; nothing is written to {self.directory}"
            )

    def run(self) -> Progress:
        """Goes on from the latest state, or from the start, to the end of the last epoch; the network is final then.

        Raises:
            DataError: a loss that is not finite, with the batch it came from.
        """
        self.progress = load_state(self.directory, self.accelerator) or Progress()
        main = self.accelerator.is_main_process
        if main and self.progress.step and self._goes_on:
            say(f"resuming at epoch {self.progress.epoch + 1}, batch {self.progress.batch + 1}")
        writer = SummaryWriter(str(self.directory), purge_step=self.progress.step) if main else None
        try:
            while self._goes_on:
                self._run_epoch(writer)
        finally:
            if writer is not None:
                writer.close()
            self.accelerator.end_training()
        if self.average is not None:
            self._network.load_state_dict(self.average.state_dict())
        return self.progress

    @property
    def _goes_on(self) -> bool:
        return self.progress.epoch < self.config.n_epochs and self.progress.step < self.n_steps

    def features(self, n_batches: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Features (b, T, D) and classes (b,) of the first batches of an epoch that is not trained on."""
        device = self.accelerator.device
        data = self.batches.epoch(NEVER_TRAINED, 0, 1)
        for i in range(min(n_batches, self.batches.n_batches)):
            inputs, labels = data[i]
            if isinstance(inputs, DataError):
                continue
            try:
                made = self.batches.to_features(inputs.to(device), labels.to(device))
            except DataError:
                continue
            yield made

    def _run_epoch(self, writer: SummaryWriter | None) -> None:
        p, a = self.progress, self.accelerator
        data = self.batches.epoch(p.epoch, a.process_index, a.num_processes)
        end = min(self.batches.n_batches, p.batch + self.n_steps - p.step)
        if self._read_ahead:
            data = FinishedEpoch(data, self.batches.to_features)
        loader = DataLoader(
            data,
            batch_size=None,
            sampler=range(p.batch, end),
            num_workers=self.config.n_workers,
            pin_memory=a.device.type == "cuda",
        )
        items = loader
        if a.is_main_process:
            title = f"epoch {p.epoch + 1} of {self.config.n_epochs}"
            items = track(loader, title, end, start=p.batch)  # type: ignore[assignment]
        self.model.train()
        last_save = begun = time.monotonic()
        for inputs, labels in items:
            if isinstance(inputs, DataError):  # raised here, not in the reading process, to keep it one line
                raise inputs
            self._step(inputs, labels, writer)
            now = time.monotonic()
            p.seconds, begun = p.seconds + now - begun, now
            if p.batch < end and now - last_save > 60 * self.config.checkpoint_minutes:
                self._check_losses()
                save_state(self.directory, a, p)
                last_save = now
        if end == self.batches.n_batches:
            self._finish_epoch(writer)
        else:
            self._check_losses()
            save_state(self.directory, a, p)

    def _step(self, inputs: Any, labels: Tensor, writer: SummaryWriter | None) -> None:
        p, a = self.progress, self.accelerator
        rate = self.optimizer_config.rate_at(p.step, self.n_steps)
        set_learning_rate(self.optimizer, rate)
        moved = inputs.to(a.device, non_blocking=True), labels.to(a.device, non_blocking=True)
        result = self.model(*(moved if self._read_ahead else self.batches.to_features(*moved)), p.step)
        figures = torch.stack([result.loss.detach(), result.accuracy, result.penalty.detach()])
        means = a.reduce(figures, "mean")  # over the processes, so that all of them see a NaN and stop
        self._unchecked.append((p.batch, means[0]))
        if a.device.type == "cpu" or len(self._unchecked) >= self.config.log_steps:
            self._check_losses()
        self.optimizer.zero_grad()
        a.backward(result.loss)
        if self.optimizer_config.max_grad_norm:
            a.clip_grad_norm_(self.model.parameters(), self.optimizer_config.max_grad_norm)
        self.optimizer.step()
        p.batch, p.step = p.batch + 1, p.step + 1
        if self.average is not None:
            self.average.update(self._network, p.step)
        p.loss_sum, p.accuracy_sum = p.loss_sum + means[0], p.accuracy_sum + means[1]
        if writer is not None and p.step % self.config.log_steps == 0:
            named = zip(("loss", "accuracy", "penalty"), means.tolist(), strict=True)
            for name, value in [*named, ("learning_rate", rate)]:
                writer.add_scalar(f"train/{name}", value, p.step)

    def _check_losses(self) -> None:
        while self._unchecked:
            batch, loss = self._unchecked.popleft()
            if not torch.isfinite(loss):
                epoch = self.progress.epoch
                raise DataError(
                    f"the loss became {loss.item()} in epoch {epoch + 1}, batch {batch + 1} of "
                    f"{self.batches.n_batches} ({self.batches.describe(epoch, batch)}); a lower learning rate or a "
                    "gradient limit (optimizer.max_grad_norm) may help"
                )

    def _finish_epoch(self, writer: SummaryWriter | None) -> None:
        self._check_losses()
        p, a = self.progress, self.accelerator
        row = {
            "epoch": p.epoch + 1,
            "steps": p.step,
            "loss": float(p.loss_sum) / max(p.batch, 1),
            "accuracy": float(p.accuracy_sum) / max(p.batch, 1),
            "minutes": p.seconds / 60,
        }
        p.epoch, p.batch, p.loss_sum, p.accuracy_sum, p.seconds = p.epoch + 1, 0, 0.0, 0.0, 0.0
        p.epochs.append(row)
        if a.is_main_process:
            with nullcontext() if self.average is None else self.average.applied(self._network):
                figures = self.on_epoch(self._network.eval(), p)
            row.update(figures)
            say(", ".join(f"{k} {v:.4g}" for k, v in row.items()))
            if writer is not None:
                for name, value in figures.items():
                    writer.add_scalar(f"dev/{name}", value, p.step)
                writer.flush()
        save_state(self.directory, a, p)


def seed_weights(seed: int) -> None:
    """Makes the initial weights of the network built next a function of `seed`."""
    torch.manual_seed(seed)


class FinishedEpoch(Dataset[tuple[Any, Tensor]]):
    """The items of an epoch with their features made: for a training on a CPU, where the reading process has time.

    Args:
        epoch: of items (inputs, labels), or (a DataError, None).
        to_features: of what `epoch` comes from.
    """

    def __init__(
        self, epoch: Dataset[tuple[Any, Tensor]], to_features: Callable[[Any, Tensor], tuple[Tensor, Tensor]]
    ) -> None:
        self.epoch = epoch
        self.to_features = to_features

    def __getitem__(self, i: int) -> tuple[Any, Tensor]:
        inputs, labels = self.epoch[i]
        if isinstance(inputs, DataError):
            return inputs, labels
        try:
            return self.to_features(inputs, labels)
        except DataError as error:  # as of a batch that cannot be read
            return error, None  # type: ignore[return-value]


class BatchResult(NamedTuple):
    """Loss to minimise, its penalty part included, and the share of chunks whose speaker was guessed right; scalars.

    Of a distillation, the last is the mean cosine to the teachers' embeddings.
    """

    loss: Tensor
    penalty: Tensor
    accuracy: Tensor
