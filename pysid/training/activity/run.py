"""A whole training of a detector of speech, from conversations on disk to files of a model directory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from pysid.activity import ActivityConfig, ActivityDetector
from pysid.activity.files import ActivityFileConfig, write_detector
from pysid.activity.network import ActivityNetwork, levelled, reference_levels
from pysid.config import read_config
from pysid.embedding.networks import n_parameters
from pysid.errors import DataError, Skipped
from pysid.frontend import FbankConfig, Frontend, FrontendConfig, analyse_blocks
from pysid.io.audio.files import iter_blocks
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.progress import say, track
from pysid.training.activity.classifier import ActivityClassifier
from pysid.training.activity.crops import ActivityBatches, CropConfig, count_speakers
from pysid.training.checkpoint import Progress
from pysid.training.folder import alone, claim, claim_data, identify, write_table
from pysid.training.left_out import tell_unreadable
from pysid.training.optim import OptimizerConfig
from pysid.training.trainer import Trainer, TrainerConfig, seed_weights

BLOCK_S = 60.0


@dataclass(frozen=True)
class ActivityTrainConfig:
    """A training; what `pysid train-activity` reads from YAML.

    Attributes:
        train: folder of recordings with ref.rttm, such as `pysid prepare conversations` writes.
        out: folder for `final`, TensorBoard's events and the state to resume from.
        dev: another one, whose errors are measured after every epoch.
        features: what the network reads: those of the embedding network that it will be used with.
    """

    train: str
    out: str
    dev: str | None = None
    features: FbankConfig = field(default_factory=lambda: FbankConfig(use_energy=True))
    network: ActivityConfig = field(default_factory=ActivityConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)


@dataclass(frozen=True)
class Recordings:
    """Recordings whose speakers are known, in memory: features in half precision, 58 MB an hour with 81 numbers a
    frame.

    Attributes:
        features: (T_i, D) of each, before CMVN.
        counts: (T_i,) speakers of each frame.
    """

    names: list[str]
    features: list[np.ndarray]
    counts: list[np.ndarray]

    @classmethod
    def read(cls, directory: Path, features: FbankConfig) -> "Recordings":
        """Those of a data directory with ref.rttm.

        Raises:
            DataError: a table is missing or malformed, a recording is a shell pipe or has no turns, or too many cannot
                be read, see `tell_unreadable`; others are left out.
        """
        entries, turns = read_wav_scp(directory / "wav.scp"), read_rttm(directory / "ref.rttm")
        frontend = Frontend(FrontendConfig(features=features), scaled=True)
        shift_s = features.shift_ms / 1000
        result, skipped = cls([], [], []), Skipped()
        for name, entry in track(entries.items(), f"features {directory}", len(entries)):
            if is_pipe(entry):
                raise DataError(f"{directory / 'wav.scp'}: expected an audio file for {name!r}, got a shell pipe")
            if name not in turns:
                raise DataError(f"{directory / 'ref.rttm'}: expected turns of all recordings, got none of {name!r}")
            blocks = iter_blocks(
                resolve_path(entry, directory), BLOCK_S, sample_rate=features.sample_rate, channel=None
            )
            with skipped.on_error(name):
                x = analyse_blocks(frontend, blocks).features.numpy()
                half, counts = x.astype(np.float16), count_speakers(turns[name], len(x), shift_s)
                result.names.append(name)
                result.features.append(half)
                result.counts.append(counts)
        tell_unreadable(skipped, len(entries), directory)
        return result

    def errors(self, detector: ActivityDetector) -> dict[str, float]:
        """What a detector gets wrong at even odds, as shares of the frames with speech, or with overlap."""
        totals = np.zeros(6)
        for features, counts in zip(self.features, self.counts, strict=True):
            found = detector(torch.from_numpy(features.astype(np.float32)))
            parts = []
            for truth, probability in ((counts > 0, found.speech), (counts > 1, found.overlap)):
                said = probability > 0.5
                parts += [np.sum(truth & ~said), np.sum(~truth & said), np.sum(truth)]
            totals += parts
        missed, false, n_speech, overlap_missed, overlap_false, n_overlap = totals
        return {
            "missed": missed / max(n_speech, 1),
            "false_alarm": false / max(n_speech, 1),
            "overlap_missed": overlap_missed / max(n_overlap, 1),
            "overlap_false_alarm": overlap_false / max(n_overlap, 1),
        }


def read_activity_config(path: Path, assignments: Iterable[str] = ()) -> ActivityTrainConfig:
    """Reads a settings file and sets `key.sub=value` over it; errors as `pysid.config.read_config`."""
    return read_config(ActivityTrainConfig, path, assignments)


@alone
def run_activity_training(config: ActivityTrainConfig, *, dry_run: bool = False) -> Path:
    """Trains, or resumes a training that was stopped; returns the folder with the files of the detector.

    Args:
        dry_run: open the data, make the first batch, say what would be done, and write nothing.
    Raises:
        DataError: what is wrong with the data, or with resuming: another configuration stands in `out`.
    """
    out = Path(config.out)
    ActivityFileConfig(config.features, config.network)  # for its checks, before any work
    claim(out, config, dry_run=dry_run)
    train = Recordings.read(Path(config.train), config.features)
    for x in train.features:
        whole = torch.from_numpy(x).float()
        x[:] = levelled(whole, reference_levels(whole, config.network)).numpy()
    lengths = np.array([len(x) for x in train.features])
    claim_data(out, identify(train.names, lengths), dry_run=dry_run)
    dev = Recordings.read(Path(config.dev), config.features) if config.dev else None
    try:
        batches = ActivityBatches(
            train.names, train.features, train.counts, config.crops, config.network.stride, config.trainer.seed
        )
    except ValueError as error:
        raise DataError(f"{config.train}: {error}") from None
    seed_weights(config.trainer.seed)
    classifier = ActivityClassifier(config.network)

    def on_epoch(network: ActivityNetwork, progress: Progress) -> dict[str, float]:
        found = dev.errors(ActivityDetector(network, config.features)) if dev else {}
        write_table(out / "epochs.tsv", [*progress.epochs[:-1], progress.epochs[-1] | found])
        return found

    trainer = Trainer(config.trainer, config.optimizer, classifier, batches, out, on_epoch)
    main = trainer.accelerator.is_main_process
    if main:
        hours = sum(map(len, train.features)) * config.features.shift_ms / 3.6e6
        say(f"{hours:.1f} hours, {batches.n_batches} batches an epoch; {n_parameters(classifier.network):,} parameters")
    if dry_run:
        trainer.rehearse()
        return out / "final"
    trainer.run()
    if main:
        network = trainer.accelerator.unwrap_model(trainer.model).network
        write_detector(out / "final", ActivityDetector(network, config.features))
        say(f"trained: {out / 'final'}")
    return out / "final"
