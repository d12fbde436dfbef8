"""A whole training, from a configuration and data directories to model directories, one an epoch."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pysid.backend.chain import CosineBackend
from pysid.config import from_plain, to_plain
from pysid.data.batches import ArchiveSource, AudioSource, ChunkBatches, ChunkSource
from pysid.data.chunks import ChunkConfig, ChunkPlan, select_utterances
from pysid.data.corpus import Corpus
from pysid.embedding.checkpoint import Progress
from pysid.embedding.classifier import SpeakerClassifier
from pysid.embedding.extract import ExtractConfig
from pysid.embedding.flavours import with_flavour
from pysid.embedding.losses import HeadConfig
from pysid.embedding.optim import OptimizerConfig
from pysid.embedding.train import Trainer, TrainerConfig, seed_weights
from pysid.embedding.xvector import XVector, XVectorConfig, n_parameters
from pysid.errors import DataError
from pysid.features import FRONTEND_FILE, read_frontend, read_wave_features
from pysid.frontend import VOXCELEB, Frontend, FrontendConfig
from pysid.io.ark import load_matrix
from pysid.io.atomic import atomic_text
from pysid.io.tables import Trial, read_num_frames, read_table, read_trials, read_utt2spk
from pysid.io.trial_scores import split_scores
from pysid.metrics.detection import equal_error_rate
from pysid.model import ModelConfig, SpeakerModel, save_network
from pysid.progress import say, track
from pysid.settings import read_plain, read_settings


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
        diversity_weight: factor of the attention heads' diversity penalty.
        allow_pipes: whether entries of wav.scp that are shell pipes may run.
    """

    train: str
    out: str
    dev: str | None = None
    trials: str | None = None
    flavour: Literal["stat", "attent", "asoft"] | None = None
    port: bool = False
    network: XVectorConfig = field(default_factory=XVectorConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    chunks: ChunkConfig = field(default_factory=ChunkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)
    frontend: FrontendConfig | None = None
    diversity_weight: float = 0.0
    allow_pipes: bool = False


def read_train_config(path: Path, assignments: Iterable[str] = ()) -> TrainConfig:
    """Reads a settings file and sets `key.sub=value` over it; errors as `settings.read_plain`."""
    return from_plain(TrainConfig, with_flavour(read_plain(path, assignments)), str(path))


def run_training(config: TrainConfig) -> Path:
    """Trains, or goes on with a training that was stopped; returns the directory of the final model.

    Raises:
        DataError: what is wrong with the data, or with resuming: another configuration stands in `out`.
    """
    out = Path(config.out)
    _claim(out, config)
    frontend, batches, speakers = _training_data(config)
    network, head = _network_and_head(config)
    model_config = ModelConfig(frontend, network, config.extract)
    seed_weights(config.trainer.seed)
    classifier = SpeakerClassifier(network, head, len(speakers), config.diversity_weight)
    dev = DevSet.read(config, model_config) if config.dev else None

    def on_epoch(trained: XVector, progress: Progress) -> dict[str, float]:
        save_network(out / f"epoch-{progress.epoch:03d}", model_config, trained)
        figures = {} if dev is None else {"eer": dev.equal_error_rate(trained, model_config)}
        _write_table(out / "epochs.tsv", [*progress.epochs[:-1], progress.epochs[-1] | figures])
        return figures

    trainer = Trainer(config.trainer, config.optimizer, classifier, batches, out, on_epoch)
    if trainer.accelerator.is_main_process:
        say(
            f"{len(batches.names)} utterances of {len(speakers)} speakers, {batches.n_batches} batches an epoch; "
            f"{n_parameters(classifier.xvector):,} parameters in the network"
        )
    trainer.run()
    if trainer.accelerator.is_main_process:
        save_network(out / "final", model_config, trainer.accelerator.unwrap_model(trainer.model).xvector)
        say(f"trained: {out / 'final'}")
    return out / "final"


def _network_and_head(config: TrainConfig) -> tuple[XVectorConfig, HeadConfig]:
    if not config.port:
        return config.network, config.head
    # The port's batch norm on the logits: angular heads have cosines, which are of one scale already.
    head = replace(config.head, normalize_logits=config.head.loss == "softmax")
    return config.network.as_published_port(), head


def _claim(out: Path, config: TrainConfig) -> None:
    """Writes the configuration into `out`, or checks that the one there is the same."""
    path, plain = out / "train.json", to_plain(config)
    if path.exists():
        before = to_plain(read_settings(TrainConfig, path))  # settings newer than the file get their defaults
        changed = [
            f"{key} (was {old}, is {new})"
            for key in sorted({**_flat(before), **_flat(plain)})
            if (old := _flat(before).get(key)) != (new := _flat(plain).get(key)) and key not in HARMLESS
        ]
        if changed:
            raise DataError(
                f"{out} holds a training with other settings: {', '.join(changed)}; choose another `out`, or remove it"
            )
    with atomic_text(path) as file:
        json.dump(plain, file, indent=2)


# Settings that may change between a training and its resumption: they do not change what it computes.
HARMLESS = {"trainer.checkpoint_minutes", "trainer.log_steps", "trainer.n_workers", "out", "allow_pipes"}


def _flat(plain: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(plain, dict):
        return {prefix: plain}
    return {k: v for key, x in plain.items() for k, v in _flat(x, f"{prefix}.{key}" if prefix else key).items()}


def _training_data(config: TrainConfig) -> tuple[FrontendConfig, ChunkBatches, list[str]]:
    """The front-end of the data, its batches, and the speakers in the order of their classes."""
    directory = Path(config.train)
    utt2spk = read_utt2spk(directory / "utt2spk")
    if (directory / "feats.scp").exists():
        frontend = read_frontend(directory)
        if config.frontend not in (None, frontend):
            raise DataError(f"{directory / FRONTEND_FILE} differs from the `frontend` of the configuration: remove one")
        entries = {k: v for k, v in read_table(directory / "feats.scp").items() if k in utt2spk}
        counts = read_num_frames(directory / "utt2num_frames")
        names = [name for name in entries if name in counts]
        n_frames = np.array([counts[name] for name in names])
    else:
        frontend = config.frontend or VOXCELEB
        corpus = Corpus.read(directory)
        durations = corpus.durations()
        names = list(durations)
        n_frames = np.array([round(durations[name] * AudioSource.FRAMES_PER_S) for name in names])
    if config.network.feature_dim != frontend.dim:
        raise DataError(
            f"network.feature_dim is {config.network.feature_dim}, but the features of {directory} have {frontend.dim}"
        )
    indices, speakers = select_utterances(n_frames, [utt2spk[name] for name in names], config.chunks)
    names = [names[i] for i in indices]
    source: ChunkSource
    if (directory / "feats.scp").exists():
        source = ArchiveSource([entries[name] for name in names], directory)
    else:
        kept = {name: durations[name] for name in names}
        source = AudioSource(corpus, kept, Frontend(frontend), frontend.sample_rate, config.allow_pipes)
    label = {speaker: i for i, speaker in enumerate(speakers)}
    labels = np.array([label[utt2spk[name]] for name in names])
    plan = ChunkPlan(n_frames[indices], labels, config.chunks, config.trainer.seed)
    return frontend, ChunkBatches(plan, source, names), speakers


@dataclass(frozen=True)
class DevSet:
    """A trial list and the network input of its utterances, held in memory."""

    trials: list[Trial]
    features: dict[str, np.ndarray]
    name: str

    @classmethod
    def read(cls, config: TrainConfig, model: ModelConfig) -> "DevSet":
        """Reads features, or makes them from audio.

        Raises:
            DataError: an utterance of the trial list is missing.
        """
        directory = Path(str(config.dev))
        path = Path(config.trials) if config.trials else directory / "trials"
        trials = read_trials(path)
        wanted = sorted({name for t in trials for name in (t.enrol, t.test)})
        if (directory / "feats.scp").exists():
            if read_frontend(directory) != model.frontend:
                raise DataError(f"{directory / FRONTEND_FILE}: another front-end than that of {config.train}")
            entries = read_table(directory / "feats.scp")
            _require(wanted, entries, path, directory)
            features = {name: load_matrix(entries[name], directory) for name in wanted}
        else:
            corpus = Corpus.read(directory)
            _require(wanted, corpus, path, directory)
            features = read_wave_features(corpus, wanted, model.frontend, config.allow_pipes)
        return cls(trials, features, str(path))

    def equal_error_rate(self, network: XVector, config: ModelConfig) -> float:
        """EER of cosine scores between embeddings centred on their mean over this set; a fraction in [0, 1]."""
        model = SpeakerModel(config, network, device=str(next(network.parameters()).device))
        items = track(list(self.features.items()), f"embedding {self.name}")
        vectors = dict(model.embed_features(items, on_skip=lambda *_: None))
        index = {name: i for i, name in enumerate(vectors)}
        scored = [t for t in self.trials if t.enrol in index and t.test in index]
        matrix = np.stack(list(vectors.values()))
        pairs = np.array([[index[t.enrol], index[t.test]] for t in scored]).T
        values = CosineBackend().fit(matrix).score_pairs(matrix, matrix, *pairs)
        scores = {(t.enrol, t.test): float(s) for t, s in zip(scored, values, strict=True)}
        return equal_error_rate(*split_scores(scored, scores, self.name, "the embeddings"))[0]


def _require(wanted: list[str], present: Any, trials: Path, directory: Path) -> None:
    missing = [name for name in wanted if name not in present]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} utterances in {trials} are not in {directory}; "
            f"the first is {missing[0]!r}"
        )


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Epochs as tab-separated values with a heading."""
    if not rows:
        return
    columns = list(rows[-1])
    with atomic_text(path) as file:
        print(*columns, sep="\t", file=file)
        for row in rows:
            print(*(f"{row[c]:.6g}" if c in row else "" for c in columns), sep="\t", file=file)
