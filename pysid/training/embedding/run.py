"""A whole training, from a configuration and data directories to model directories, one per epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pysid.augment import SpecAugmentConfig, SpeedConfig
from pysid.augment.recordings import TrainingAugmentConfig
from pysid.config import read_config
from pysid.embedding.extract import ExtractConfig
from pysid.embedding.networks import TrainableConfig, TrainableNetwork, n_parameters
from pysid.embedding.xvector import XVectorConfig
from pysid.errors import DataError
from pysid.frontend import FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.directory import save_network
from pysid.model.network_file import read_network
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import say, track
from pysid.training.checkpoint import Progress, latest_state
from pysid.training.embedding.averaging import average_weights, recompute_norms
from pysid.training.embedding.batches import ChunkBatches
from pysid.training.embedding.chunks import ChunkConfig
from pysid.training.embedding.classifier import SpeakerClassifier
from pysid.training.embedding.corpus import TrainingCorpus, augment_batches, open_corpus
from pysid.training.embedding.dev_set import DevSet
from pysid.training.embedding.distillation import DistillationHead
from pysid.training.embedding.flavours import with_flavour
from pysid.training.embedding.imprinting import imprint
from pysid.training.embedding.losses import WITHIN_BATCH, HeadConfig
from pysid.training.embedding.start import check_classes, find_start, load_start, with_model, write_classes
from pysid.training.embedding.teachers import TeacherConfig, lesson_classes, read_lessons
from pysid.training.folder import alone, claim, identify, write_table
from pysid.training.left_out import write_left_out
from pysid.training.optim import OptimizerConfig
from pysid.training.trainer import Trainer, TrainerConfig, seed_weights

MAP_BATCHES = 32  # from which the maps to the teachers' spaces begin
NORM_BATCHES = 64  # from which the batch norms of an averaged network get their statistics


@dataclass(frozen=True)
class TrainConfig:
    """A training; what `pysid train` reads from YAML.

    Attributes:
        train: data directory with speakers; with `feats.scp` as `pysid features` writes it, else with audio.
        out: folder for `epoch-NNN` (model directories), `final`, TensorBoard's events and the state to resume from.
        dev: another one, whose equal error rate (cosine) is measured after every epoch.
        trials: its trial list; by default the file `trials` in it.
        flavour: "stat", "attent" or "asoft" sets network, head and diversity_weight; see `flavours`.
        port: take the deviations of the original PyTorch port (see `XVectorConfig.as_published_port`), batch norm on
            softmax's logits among them.
        frontend: for a training from audio; feature archives bring their own.
        augment: noise, music, babble and rooms for training from audio, drawn anew for every chunk.
        speed: speeds for training from audio, each chunk at one of them; a speaker at another speed is another class.
        spec_augment: masks on the features.
        in_memory: decode the recordings of `train` when the training starts and keep them, 115 MB an hour at 16 kHz,
            which the reading processes share: for compressed audio that is read in many epochs.
        start_from: folder `out` of another training, whose weights this one starts from; the head's by the names of
            the speakers, for large-margin fine-tuning. Or a model directory, or the name of a model that ships with
            pysid, which has no head; in a settings file, `network`, `frontend` and `extract` are then those of the
            model where nothing else is said. What a residual network has more than that one (blocks at the ends of
            stages, squeeze-excitation, attention) changes nothing at first. Speakers that are new to an angular head
            begin as the means of their embeddings.
        teachers: of `head.loss: distillation`; utterances need no speakers then.
        diversity_weight: factor of the attention heads' diversity penalty.
        allow_pipes: whether entries of wav.scp that are shell pipes may run.
    """

    train: str
    out: str
    dev: str | None = None
    trials: str | None = None
    flavour: Literal["stat", "attent", "asoft"] | None = None
    port: bool = False
    network: TrainableConfig = field(default_factory=XVectorConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    chunks: ChunkConfig = field(default_factory=ChunkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)
    frontend: FrontendConfig | None = None
    augment: TrainingAugmentConfig | None = None
    speed: SpeedConfig | None = None
    spec_augment: SpecAugmentConfig | None = None
    in_memory: bool = False
    start_from: str | None = None
    teachers: tuple[TeacherConfig, ...] = ()
    diversity_weight: float = 0.0
    allow_pipes: bool = False


def read_train_config(path: Path, assignments: Iterable[str] = ()) -> TrainConfig:
    """Reads a settings file and sets `key.sub=value` over it; errors as `pysid.config.read_config`."""
    return read_config(TrainConfig, path, assignments, lambda plain: with_model(with_flavour(plain)))


@alone
def run_training(config: TrainConfig, *, dry_run: bool = False) -> Path:
    """Trains, or resumes a training that was stopped; returns the directory of the final model.

    Args:
        dry_run: open the data, make the first batch, say what would be done, and write nothing; teachers are not asked.
    Raises:
        DataError: what is wrong with the data, or with resuming: another configuration stands in `out`.
    """
    out = Path(config.out)
    network, head = _network_and_head(config)
    distilled = head.loss == "distillation"
    _check(config, network, distilled)
    data = open_corpus(Path(config.train), config.frontend, config.allow_pipes, unlabelled=distilled)
    if network.feature_dim != data.frontend.dim:
        raise DataError(
            f"network.feature_dim is {network.feature_dim}, but the features of {config.train} have {data.frontend.dim}"
        )
    model_config = ModelConfig(data.frontend, network, config.extract)
    chunks, speakers = data.batches(config.chunks, config.trainer.seed, config.in_memory)
    labels = chunks.names if distilled else speakers
    chunks = replace(chunks, by_utterance=distilled)
    batches, classes = augment_batches(chunks, labels, config.augment, config.speed, config.spec_augment)
    dev = None
    if config.dev:
        dev = DevSet.read(Path(config.dev), config.trials, data.frontend, config.allow_pipes)
    if distilled and not dry_run:
        classes = lesson_classes(chunks, speakers, config.speed)[1] if head.distillation.margin_weight else []
    _claim(out, config, chunks, None if distilled and dry_run else classes, dry_run)
    lessons = None
    if distilled and dry_run:
        head = replace(head, loss="softmax")  # of a network whose teachers are not asked
    elif distilled:
        lessons = read_lessons(config.teachers, chunks, speakers, config.speed, out, config.allow_pipes)
    seed_weights(config.trainer.seed)
    classifier = SpeakerClassifier(network, head, len(classes), config.diversity_weight, lessons)
    known = _start(classifier, classes, config)

    def figures(trained: TrainableNetwork) -> dict[str, float]:
        if dev is None:
            return {}
        return {"eer": dev.equal_error_rate(SpeakerModel(model_config, trained, device=_device(trained)))}

    def on_epoch(trained: TrainableNetwork, progress: Progress) -> dict[str, float]:
        save_network(_epoch(out, progress.epoch), model_config, trained)
        found = figures(trained)
        write_table(out / "epochs.tsv", [*progress.epochs[:-1], progress.epochs[-1] | found])
        return found

    trainer = Trainer(config.trainer, config.optimizer, classifier, batches, out, on_epoch)
    if trainer.accelerator.is_main_process:
        if not dry_run and latest_state(out) is None:
            _note(out, classes, data)
        say(
            f"{len(chunks.names)} utterances of {len(speakers)} speakers, {batches.n_batches} batches an epoch; "
            f"{n_parameters(classifier.network):,} parameters in the network{_started(config, classes, known)}"
        )
    if dry_run:
        trainer.rehearse()
        return out / "final"
    if known is not None:
        _begin_head(classifier, trainer, known)
    trainer.run()
    if trainer.accelerator.is_main_process:
        final = _final_network(trainer, out)
        if config.trainer.average_epochs > 1:
            shown = "".join(f", {name} {value:.4g}" for name, value in figures(final).items())
            say(f"the mean of the last {config.trainer.average_epochs} epochs{shown}")
        save_network(out / "final", model_config, final)
        say(f"trained: {out / 'final'}")
    return out / "final"


def _claim(out: Path, config: TrainConfig, chunks: ChunkBatches, classes: list[str] | None, dry_run: bool) -> None:
    """As `claim`; `classes` are to be those of the training that is there, if it is known whom the head is for."""
    data = identify(chunks.names, chunks.plan.n_frames, chunks.plan.labels)
    check = (lambda: None) if classes is None else partial(check_classes, out, classes)
    claim(out, config, data, check=check, dry_run=dry_run)


def _note(out: Path, classes: list[str], data: TrainingCorpus) -> None:
    """Writes whom a training that begins is of, and what it goes without."""
    write_classes(out, classes)
    write_left_out(out, data.left_out)


def _start(classifier: SpeakerClassifier, classes: list[str], config: TrainConfig) -> set[int] | None:
    """Takes the weights that a training starts from; which rows of its head it knows, None where it resumes or has no
    start.
    """
    if config.start_from is None or latest_state(Path(config.out)) is not None:
        return None
    return load_start(classifier, classes, find_start(config.start_from))


def _started(config: TrainConfig, classes: list[str], known: set[int] | None) -> str:
    if known is None:
        return ""
    return f"; starting from {config.start_from}, which knows {len(known)} of {len(classes)} classes"


@torch.no_grad()
def _begin_head(classifier: SpeakerClassifier, trainer: Trainer, known: set[int]) -> None:
    """Fits the head to a network that has learnt something before: it need not follow random vectors.

    The maps of a distillation begin by least squares, vectors of new speakers as the means of their embeddings.
    """
    network = classifier.network.eval()

    def embeddings(n_batches: int) -> Iterator[tuple[Tensor, Tensor]]:
        for x, labels in trainer.features(n_batches):
            yield network.classifier_input(x)[0], labels

    if isinstance(classifier.head, DistillationHead) and (pairs := list(embeddings(MAP_BATCHES))):
        heard, rows = zip(*pairs, strict=True)
        classifier.head.fit_maps(torch.cat(heard), torch.cat(rows))
    n_batches = trainer.batches.n_batches
    imprint(classifier.head, known, track(embeddings(n_batches), "hearing new speakers", n_batches))


def _check(config: TrainConfig, network: TrainableConfig, distilled: bool) -> None:
    if config.chunks.min_frames <= network.context:
        raise DataError(
            f"chunks.min_frames is {config.chunks.min_frames}, but the network needs more than {network.context} frames"
        )
    if config.head.loss in WITHIN_BATCH and config.chunks.per_speaker < 2:
        raise DataError(f"head.loss {config.head.loss!r} needs chunks.per_speaker of 2 or more")
    if distilled != bool(config.teachers):
        raise DataError("head.loss 'distillation' needs `teachers`, and other losses have none")


def _final_network(trainer: Trainer, out: Path) -> TrainableNetwork:
    """The trained network, in eval mode; with `average_epochs`, the mean of the last model directories."""
    network: TrainableNetwork = trainer.accelerator.unwrap_model(trainer.model).network.eval()
    last = trainer.progress.epoch
    n_averaged = min(last, trainer.config.average_epochs)
    if n_averaged > 1:
        epochs = [read_network(_epoch(out, last - i), network.config) for i in range(n_averaged)]
        network.load_state_dict(average_weights([epoch.state_dict() for epoch in epochs]))
        recompute_norms(network, (x for x, _ in trainer.features(NORM_BATCHES)))
    return network


def _epoch(out: Path, number: int) -> Path:
    return out / f"epoch-{number:03d}"


def _device(network: TrainableNetwork) -> str:
    return str(next(network.parameters()).device)


def _network_and_head(config: TrainConfig) -> tuple[TrainableConfig, HeadConfig]:
    if not config.port:
        return config.network, config.head
    if not isinstance(config.network, XVectorConfig):
        raise DataError("port is for an x-vector network, and `network` is another one")
    # The port's batch norm on the logits: angular heads have cosines, which are of one scale already.
    head = replace(config.head, normalize_logits=config.head.loss == "softmax")
    return config.network.as_published_port(), head
