"""Speed of training from audio, with and without augmentation: `python -m benchmarks.training [--json PATH]`.

The trainer itself runs, one line for each set of augmentations. The columns: utterances per second; the matrix products
of the network, forward and backward, as a share of the rate at which the machine multiplies two square matrices of the
same type; where the time of a step goes: waiting for the reading processes, augmentation and features, the network with
its optimizer. On a GPU the last two are measured between events of its stream, and there is one more column: the share
of the time in which it computed at all. When training on a CPU, the reading processes make the features. Noises and
rooms are synthetic.
"""

import argparse
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch.utils.flop_counter import FlopCounterMode

import pysid
from benchmarks.measure.machine import machine
from benchmarks.measure.tables import console, show, write_json
from pysid.augment import SpecAugmentConfig, SpeedConfig
from pysid.augment.recordings import TrainingAugmentConfig
from pysid.embedding.networks import TrainableConfig
from pysid.embedding.resnet import ResNetConfig
from pysid.embedding.xvector import XVectorConfig
from pysid.frontend import VOXCELEB, FrontendConfig
from pysid.io.audio.files import write_audio
from pysid.model.directory import DEFAULT_MODEL
from pysid.training.embedding.chunks import ChunkConfig, ChunkPlan
from pysid.training.embedding.classifier import SpeakerClassifier
from pysid.training.embedding.corpus import augment_batches, open_corpus
from pysid.training.embedding.losses import HeadConfig
from pysid.training.memory import ask_for_large_pages
from pysid.training.optim import OptimizerConfig
from pysid.training.trainer import Batches, Trainer, TrainerConfig

EXAMPLES = Path(__file__).parents[1] / "examples" / "train"
RATE = VOXCELEB.sample_rate
N_NOISES, NOISE_S = 16, 5
N_ROOMS, ROOM_S = 16, 0.5
N_WARM = 2  # steps at the beginning that do not count
PRODUCT_SIZES = {"cpu": 2048, "cuda": 8192}


@dataclass
class Share:
    """Seconds of some steps, by what they were spent on, and how many utterances the steps trained on.

    Attributes:
        total_s: of all of them; on a GPU, work that overlaps counts once.
        product_share: of the machine's matrix-product rate.
        busy_share: of the time, in which the GPU computed; None on a CPU.
    """

    what: str
    utterances: int
    total_s: float
    waiting_s: float
    features_s: float
    network_s: float
    product_share: float
    busy_share: float | None = None

    def cells(self) -> list[str]:
        parts = (self.waiting_s, self.features_s, self.network_s)
        busy = [] if self.busy_share is None else [f"{self.busy_share:.0%}"]
        shares = [f"{x / self.total_s:.0%}" for x in parts]
        return [self.what, f"{self.utterances / self.total_s:.1f}", f"{self.product_share:.0%}", *shares, *busy]


def augmentations(folder: Path, data: Path) -> dict[str, dict[str, Any]]:
    """Arguments of `augment_batches`, by name."""
    noises, rooms = str(folder), str(folder / "rir_list")
    sources: dict[str, Any] = {"noises": noises, "music": noises, "speech": str(data), "rooms": rooms}
    every = TrainingAugmentConfig(probability=1.0, **sources)
    kept = TrainingAugmentConfig(probability=1.0, in_memory=True, **sources)
    return {
        "clean": {},
        "noise, music, babble or a room for each": {"augment": every},
        "the same, recordings in memory": {"augment": kept},
        "and three speeds, and masks": {
            "augment": kept,
            "speed": SpeedConfig(),
            "spec_augment": SpecAugmentConfig(),
        },
    }


def write_sources(folder: Path) -> None:
    """A data directory of noises and a rir_list, synthetic."""
    rng = np.random.default_rng(0)
    for i in range(N_NOISES):
        write_audio(folder / f"noise-{i}.flac", 1000 * rng.standard_normal(NOISE_S * RATE), RATE)
    decay = np.exp(-np.arange(int(ROOM_S * RATE)) / (0.05 * RATE))
    for i in range(N_ROOMS):
        response = 8000 * rng.standard_normal(len(decay)) * decay
        response[40] = 30000
        write_audio(folder / f"room-{i}.flac", response, RATE)
    names = [f"noise-{i}" for i in range(N_NOISES)]
    (folder / "wav.scp").write_text("".join(f"{name} {name}.flac\n" for name in names))
    rooms = [f"--rir-id {i} --room-id {i} room-{i}.flac\n" for i in range(N_ROOMS)]
    (folder / "rir_list").write_text("".join(rooms))


Mark = float | torch.cuda.Event


def mark(device: torch.device) -> Mark:
    """The present moment: by the clock, or as an event of the GPU's stream, which need not wait for it."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def between(first: Mark, second: Mark) -> float:
    """Seconds between two moments; for events, once they have happened."""
    if isinstance(first, float) or isinstance(second, float):
        assert isinstance(first, float) and isinstance(second, float)
        return second - first
    return first.elapsed_time(second) / 1000


class MarkedBatches:
    """Batches that note when features were made."""

    def __init__(self, batches: Batches, device: torch.device) -> None:
        self.batches = batches
        self.device = device
        self.made: Mark | None = None

    @property
    def n_batches(self) -> int:
        return self.batches.n_batches

    def epoch(self, epoch: int, process: int, n_processes: int) -> Dataset[tuple[Any, Tensor]]:
        return self.batches.epoch(epoch, process, n_processes)

    def to_features(self, inputs: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        made = self.batches.to_features(inputs, labels)
        self.made = mark(self.device)
        return made

    def describe(self, epoch: int, batch: int) -> str:
        return self.batches.describe(epoch, batch)


class TimedTrainer(Trainer):
    """Records for each step how long it waited for its batch, and its marks: begun, features made, done."""

    def __init__(
        self, config: TrainerConfig, model: SpeakerClassifier, batches: Batches, plan: ChunkPlan, folder: Path
    ) -> None:
        self.marked = MarkedBatches(batches, torch.device(config.device))
        super().__init__(config, OptimizerConfig(), model, self.marked, folder, lambda *_: {})
        self.plan = plan
        self.waits_s: list[float] = []
        self.marks: list[tuple[Mark, Mark, Mark]] = []
        self.begun_s = self.left_s = time.perf_counter()

    def _step(self, inputs: Any, labels: Tensor, writer: Any) -> None:
        device = self.accelerator.device
        if len(self.marks) == N_WARM:
            self._wait_for_device()
            self.begun_s = self.left_s
        self.waits_s.append(time.perf_counter() - self.left_s)
        begun, self.marked.made = mark(device), None
        super()._step(inputs, labels, writer)
        self.marks.append((begun, self.marked.made or begun, mark(device)))
        self.left_s = time.perf_counter()

    def _finish_epoch(self, writer: Any) -> None:
        """Nothing is saved."""
        self._wait_for_device()
        self.total_s = time.perf_counter() - self.begun_s
        self.progress.epoch += 1

    def _wait_for_device(self) -> None:
        if self.accelerator.device.type == "cuda":
            torch.cuda.synchronize(self.accelerator.device)
            self.left_s = time.perf_counter()


def network_of(name: str) -> tuple[FrontendConfig, TrainableConfig]:
    """A front-end and a network: Kaldi's, or those of the model `default`."""
    if name == "xvector":
        return VOXCELEB, XVectorConfig()
    c = pysid.load(DEFAULT_MODEL).config
    assert isinstance(c.network, ResNetConfig)
    return c.frontend, c.network


def make_trainer(options: dict[str, Any], arguments: argparse.Namespace, folder: Path) -> TimedTrainer:
    """A training of one epoch: so many batches, and before them those that do not count."""
    chunks = ChunkConfig(
        sampling="utterance",
        batch_size=arguments.batch_size,
        chunks_per_epoch=arguments.batch_size * (arguments.batches + N_WARM),
        min_utterance_frames=1,
        min_utterances=1,
    )
    frontend, config = network_of(arguments.network)
    batches, speakers = open_corpus(arguments.data, frontend).batches(chunks, seed=0, in_memory=arguments.in_memory)
    harder, classes = augment_batches(batches, speakers, **options)
    torch.manual_seed(0)
    model = SpeakerClassifier(config, HeadConfig(loss="aam-softmax", margin=0.2), len(classes))
    trainer = TrainerConfig(
        n_epochs=1,
        mixed_precision="bf16" if arguments.bf16 else "no",
        device=arguments.device,
        n_threads=arguments.threads,
        n_workers=arguments.workers,
    )
    return TimedTrainer(trainer, model, harder, batches.plan, folder)


def measure(what: str, options: dict[str, Any], arguments: argparse.Namespace, product_rate: float) -> Share:
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(options, arguments, Path(folder))
        operations = count_operations(trainer.model, round(trainer.plan.epoch(0).length[N_WARM:].mean()))
        trainer.run()
        marks = trainer.marks[N_WARM:]
        share = Share(
            what,
            utterances=arguments.batch_size * len(marks),
            total_s=trainer.total_s,
            waiting_s=sum(trainer.waits_s[N_WARM:]),
            features_s=sum(between(begun, made) for begun, made, _ in marks),
            network_s=sum(between(made, done) for _, made, done in marks),
            product_share=operations * arguments.batch_size * len(marks) / trainer.total_s / product_rate,
        )
    if arguments.device == "cuda":
        share.busy_share = busy_seconds(options, arguments) / (trainer.total_s / len(marks))
    return share


def count_operations(model: SpeakerClassifier, n_frames: int) -> float:
    """Multiplications and additions of the matrix products, forward and backward, for one chunk."""
    device = next(model.parameters()).device
    features = torch.randn(2, n_frames, model.network.config.feature_dim, device=device)
    with FlopCounterMode(display=False) as counter:
        model(features, torch.zeros(2, dtype=torch.int64, device=device), 0).loss.backward()
    return float(counter.get_total_flops()) / len(features)


def busy_seconds(options: dict[str, Any], arguments: argparse.Namespace) -> float:
    """The time per step in which the GPU computes, from a run of its own, as a profiler slows steps down."""
    from torch.profiler import ProfilerActivity, profile

    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(options, arguments, Path(folder))
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            trainer.run()
    microseconds = sum(event.self_device_time_total for event in profiler.key_averages())
    return microseconds / 1e6 / len(trainer.marks)


def matrix_product_rate(device: str, bf16: bool) -> float:
    """Floating-point operations per second of a product of two square matrices; the best of several."""
    size = PRODUCT_SIZES[device]
    a, b = torch.randn(2, size, size, device=device, dtype=torch.bfloat16 if bf16 else torch.float32).unbind()
    best = np.inf
    for _ in range(5):
        start = mark(torch.device(device))
        a @ b
        end = mark(torch.device(device))
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, between(start, end))
    return float(2 * size**3 / best)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description="Speed of training from audio.")
    parser.add_argument("--network", choices=["xvector", "resnet"], default="xvector", help="default: %(default)s")
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[""], help="lines whose names have one of these")
    parser.add_argument("--data", type=Path, default=EXAMPLES, help="data directory (default: examples/train)")
    parser.add_argument("--in-memory", action="store_true", help="decode its recordings beforehand")
    parser.add_argument("--batches", type=int, default=4, help="for each line (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=0, help="reading processes (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the training process (default: %(default)s)")
    parser.add_argument("--bf16", action="store_true", help="matrix products in bfloat16")
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=PRODUCT_SIZES, default=default, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    ask_for_large_pages()
    torch.set_num_threads(arguments.threads)
    on_gpu = arguments.device == "cuda"
    rate = matrix_product_rate(arguments.device, arguments.bf16)
    given = {
        name: getattr(arguments, name) for name in ("threads", "workers", "network", "batch_size", "bf16", "device")
    }
    about = {**machine(), **given, "product_gflops": round(rate / 1e9, 1)}
    if on_gpu:
        about["gpu"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        write_sources(Path(folder))
        lines = augmentations(Path(folder), arguments.data)
        chosen = {what: lines[what] for what in lines if any(word in what for word in arguments.only)}
        shares = [measure(what, options, arguments, rate) for what, options in chosen.items()]
    header = ["augmentation", "utterances a second", "of product rate", "waiting", "features", "network"]
    show([*header, "GPU busy"] if on_gpu else header, [share.cells() for share in shares])
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "shares": [asdict(share) for share in shares]})


if __name__ == "__main__":
    main()
