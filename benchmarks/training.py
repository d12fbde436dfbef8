"""Speed of training from audio, with and without augmentation: `python -m benchmarks.training [--json PATH]`.

One line for each set of augmentations: utterances a second, and where the time of a step goes: waiting for the reading
processes, rendering and features on the device, the network forward and back. Noises and rooms are synthetic.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from benchmarks.speed import machine
from benchmarks.tables import console, show, write_json
from pysid.augment import SpecAugmentConfig, SpeedConfig
from pysid.augmentation import AugmentSettings
from pysid.data.chunks import ChunkConfig
from pysid.embedding.classifier import SpeakerClassifier
from pysid.embedding.losses import HeadConfig
from pysid.embedding.optim import OptimizerConfig, make_optimizer
from pysid.embedding.train import Batches
from pysid.embedding.xvector import XVectorConfig
from pysid.errors import DataError
from pysid.frontend import VOXCELEB
from pysid.io.audio import write_audio
from pysid.training_data import augment_batches, open_corpus

EXAMPLES = Path(__file__).parents[1] / "examples" / "train"
RATE = VOXCELEB.sample_rate
N_NOISES, NOISE_S = 16, 5
N_ROOMS, ROOM_S = 16, 0.5


@dataclass
class Share:
    """Seconds of some steps, by what they were spent on, and how many utterances were trained on in them."""

    what: str
    utterances: int = 0
    waiting_s: float = 0.0
    features_s: float = 0.0
    network_s: float = 0.0

    @property
    def total_s(self) -> float:
        return self.waiting_s + self.features_s + self.network_s

    def cells(self) -> list[str]:
        parts = (self.waiting_s, self.features_s, self.network_s)
        return [self.what, f"{self.utterances / self.total_s:.1f}", *(f"{x / self.total_s:.0%}" for x in parts)]


def augmentations(folder: Path, data: Path) -> dict[str, dict[str, Any]]:
    """Arguments of `augment_batches`, by name."""
    noises, rooms = str(folder), str(folder / "rir_list")
    sources: dict[str, Any] = {"noises": noises, "music": noises, "speech": str(data), "rooms": rooms}
    every = AugmentSettings(probability=1.0, **sources)
    kept = AugmentSettings(probability=1.0, in_memory=True, **sources)
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


def measure(what: str, options: dict[str, Any], arguments: argparse.Namespace) -> Share:
    """Trains on some batches, after two that do not count."""
    config = ChunkConfig(
        sampling="utterance",
        batch_size=arguments.batch_size,
        chunks_per_epoch=arguments.batch_size * (arguments.batches + 2),
        min_utterance_frames=1,
        min_utterances=1,
    )
    batches, speakers = open_corpus(arguments.data, None).batches(config, seed=0)
    harder, classes = augment_batches(batches, speakers, **options)
    torch.manual_seed(0)
    head = HeadConfig(loss="aam-softmax", margin=0.2)
    model = SpeakerClassifier(XVectorConfig(), head, len(classes)).to(arguments.device).train()
    share = Share(what)
    for step, times in enumerate(_steps(model, harder, arguments)):
        if step >= 2:
            share.waiting_s, share.features_s, share.network_s = (
                total + seconds
                for total, seconds in zip((share.waiting_s, share.features_s, share.network_s), times, strict=True)
            )
            share.utterances += arguments.batch_size
    return share


def _steps(model: SpeakerClassifier, batches: Batches, arguments: argparse.Namespace) -> Iterator[Sequence[float]]:
    """Seconds of each step: waiting, features, network."""
    device = torch.device(arguments.device)
    optimizer = make_optimizer(OptimizerConfig(), model)
    data = batches.epoch(0, 0, 1)
    loader = DataLoader(
        data,
        batch_size=None,
        sampler=range(batches.n_batches),
        num_workers=arguments.workers,
        pin_memory=device.type == "cuda",
    )
    last = _now(device)
    for step, (inputs, labels) in enumerate(loader):
        if isinstance(inputs, DataError):
            raise inputs
        read = _now(device)
        moved = inputs.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        features, classes = batches.to_features(*moved)
        made = _now(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=arguments.bf16):
            loss = model(features, classes, step).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        end = _now(device)
        yield read - last, made - read, end - made
        last = _now(device)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description="Speed of training from audio.")
    parser.add_argument("--data", type=Path, default=EXAMPLES, help="data directory (default: examples/train)")
    parser.add_argument("--batches", type=int, default=4, help="for each line (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=0, help="reading processes (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the training process (default: %(default)s)")
    parser.add_argument("--bf16", action="store_true", help="matrix products in bfloat16")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    about = {**machine(), "threads": arguments.threads, "device": arguments.device}
    if arguments.device != "cpu":
        about["gpu"] = torch.cuda.get_device_name(arguments.device)
    with tempfile.TemporaryDirectory() as folder:
        write_sources(Path(folder))
        lines = augmentations(Path(folder), arguments.data)
        shares = [measure(what, options, arguments) for what, options in lines.items()]
    show(["augmentation", "utterances a second", "waiting", "features", "network"], [x.cells() for x in shares])
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "shares": [asdict(share) for share in shares]})


if __name__ == "__main__":
    main()
