"""A whole training of a segmentation network, from clips of single speakers to files of a model directory."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pysid.augment.meeting_rooms import MeetingRoomConfig, simulate_meeting_rooms
from pysid.augment.recordings import open_bank
from pysid.config import read_config
from pysid.data.corpus import Corpus
from pysid.embedding.networks import n_parameters
from pysid.embedding.resnet import ResNet
from pysid.errors import DataError
from pysid.frontend import Fbank, FbankConfig
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import say, track
from pysid.segmentation.files import SegmentationFileConfig, read_segmenter, write_segmenter
from pysid.segmentation.find import open_segmentation
from pysid.segmentation.network import MelNet, MelNetConfig, MelSegmentation
from pysid.training.checkpoint import Progress
from pysid.training.folder import alone, claim, claim_data, identify, write_table
from pysid.training.optim import OptimizerConfig
from pysid.training.segmentation.batches import BatchConfig, Sources, WindowBatches
from pysid.training.segmentation.errors import measure
from pysid.training.segmentation.loss import SegmentationClassifier
from pysid.training.segmentation.mixing import BEFORE_S, MixConfig, Mixer
from pysid.training.segmentation.recordings import Recordings
from pysid.training.segmentation.surroundings import Surroundings
from pysid.training.segmentation.teacher import Teacher
from pysid.training.segmentation.variation import VariationConfig, VariedRecordings
from pysid.training.segmentation.voices import FindSpeech, Voices, webrtc_speech
from pysid.training.trainer import Trainer, TrainerConfig, seed_weights

DEV_SHIFT_S = 5.0  # between the windows whose errors are measured


@dataclass(frozen=True)
class SegmentationTrainConfig:
    """A training; what `pysid train-segmentation` reads from YAML.

    Attributes:
        out: folder for `final`, TensorBoard's events and the state to resume from.
        voices: data directories of single speakers, to mix windows from.
        labelled: a data directory of conversations with ref.rttm, such as `pysid prepare ami` writes.
        unlabelled: one of conversations without reference turns, of which the teacher says who speaks.
        vary: how their windows are varied, so that the teacher is asked ever new ones; None leaves them as they are.
        dev: one with ref.rttm, whose errors within windows are measured after every epoch.
        noises, music: data directories, or files in the form of wav.scp; decoded when the training starts.
        rooms: simulated when the training starts, which needs pyroomacoustics; None mixes without rooms.
        teacher: another segmentation network that reads samples, as of `pysid diarize --segmentation`: an ONNX file, or
            "pyannote".
        speech: what says where there is speech in the clips: WebRTC's detector, or the teacher.
        features: what the network reads: those of the embedding network that it will stand beside.
        start_from: folder `final` of another training, or a model directory, whose weights this one starts from; its
            network may lack the trunk.
        trunk_of: a model whose residual network's weights `network.trunk` takes, or those of its segmentation's trunk
            where the residual network has squeeze-excitation, which needs to hear all of a recording.
        allow_pipes: whether entries of wav.scp that are shell pipes may run.
    """

    out: str
    voices: tuple[str, ...] = ()
    labelled: str | None = None
    unlabelled: str | None = None
    vary: VariationConfig | None = None
    dev: str | None = None
    noises: str | None = None
    music: str | None = None
    rooms: MeetingRoomConfig | None = field(default_factory=MeetingRoomConfig)
    teacher: str | None = None
    speech: Literal["webrtc", "teacher"] = "webrtc"
    features: FbankConfig = field(default_factory=lambda: SegmentationFileConfig().features)
    network: MelNetConfig = field(default_factory=MelNetConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    batches: BatchConfig = field(default_factory=BatchConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    start_from: str | None = None
    trunk_of: str | None = None
    allow_pipes: bool = False

    def __post_init__(self) -> None:
        if not (self.voices or self.labelled or self.unlabelled):
            raise ValueError("expected voices, labelled or unlabelled recordings to learn from, got none of them")
        if self.teacher is None and (self.unlabelled or self.speech == "teacher" or self.batches.teacher_share):
            raise ValueError("unlabelled recordings, speech: teacher and batches.teacher_share need a teacher")
        if self.vary is not None and not (self.unlabelled and self.batches.unlabelled):
            raise ValueError("vary needs unlabelled recordings, and batches.unlabelled above 0: no others are varied")
        vary = self.vary
        if vary is not None and self.rooms is None and (vary.room_probability == 1 or not vary.varies(0.0)):
            raise ValueError(
                f"vary.room_probability is {vary.room_probability:g}, but rooms is null: no room would be heard"
            )
        self._check_shares()
        if (self.trunk_of is not None) > (self.network.trunk is not None):
            raise ValueError(
                "trunk_of needs network.trunk, the form of the trunk; write network.trunk={} for the usual one"
            )
        if self.network.trunk is not None and not (self.trunk_of or self.start_from):
            raise ValueError("network.trunk needs trunk_of, the model whose weights it has, such as trunk_of=default")
        if self.rooms is not None and self.rooms.sample_rate != self.features.sample_rate:
            raise ValueError(
                f"rooms.sample_rate is {self.rooms.sample_rate}, but the features are for "
                f"{self.features.sample_rate:g} Hz"
            )
        if self.rooms is not None and self.rooms.duration_s > BEFORE_S:
            raise ValueError(f"rooms.duration_s must be at most {BEFORE_S:g}, got {self.rooms.duration_s:g}")

    def _check_shares(self) -> None:
        """Refuses recordings that would never be heard, and a share, other than the usual one, of none."""
        for name, given in (("mixed", self.voices), ("labelled", self.labelled), ("unlabelled", self.unlabelled)):
            share = getattr(self.batches, name)
            source = "voices" if name == "mixed" else f"{name} recordings"
            if given and not share and name != "mixed":  # voices may be a file's for other trainings
                raise ValueError(f"{source} are given, but batches.{name} is 0: they would never be heard")
            if not given and share not in (0, getattr(BatchConfig, name)):
                raise ValueError(f"batches.{name} is {share:g}, but no {source} are given")


def read_segmentation_config(path: Path, assignments: Iterable[str] = ()) -> SegmentationTrainConfig:
    """Reads a settings file and sets `key.sub=value` over it; errors as `pysid.config.read_config`."""
    return read_config(SegmentationTrainConfig, path, assignments)


@alone
def run_segmentation_training(config: SegmentationTrainConfig, *, dry_run: bool = False) -> Path:
    """Trains, or goes on with a training that was stopped; returns the folder with the files of the network.

    Args:
        dry_run: open the data, make the first batch, say what would be done, and write nothing.
    Raises:
        DataError: what is wrong with the data, or with resuming: another configuration stands in `out`.
    """
    out = Path(config.out)
    SegmentationFileConfig(config.features, config.network)  # for its checks, before any work
    claim(out, config, dry_run=dry_run)
    seed_weights(config.trainer.seed)
    classifier = SegmentationClassifier(config.network)
    if config.start_from:
        _start(classifier.network, Path(config.start_from), config.features)
    if config.trunk_of:
        _take_trunk(classifier.network, config.trunk_of)
    sources = open_sources(config)
    claim_data(out, _identify(sources), dry_run=dry_run)
    try:
        batches = WindowBatches(config.batches, sources, config.network.powerset, config.features, config.trainer.seed)
    except ValueError as error:
        raise DataError(str(error)) from None
    dev = None if config.dev is None else _recordings(config, config.dev, labelled=True)
    fbank = Fbank(config.features)

    def on_epoch(network: MelNet, progress: Progress) -> dict[str, float]:
        found = {}
        if dev is not None:
            found = measure(MelSegmentation(network, config.features), dev, fbank, DEV_SHIFT_S).rates()
        write_table(out / "epochs.tsv", [*progress.epochs[:-1], progress.epochs[-1] | found])
        write_segmenter(out / f"epoch-{progress.epoch:03d}", network, config.features)
        return found

    trainer = Trainer(config.trainer, config.optimizer, classifier, batches, out, on_epoch)
    main = trainer.accelerator.is_main_process
    if main:
        clips = f"{len(sources.mixer.voices.speakers)} speakers, " if sources.mixer else ""
        say(f"{clips}{batches.n_batches} batches an epoch; {n_parameters(classifier.network):,} parameters")
    if dry_run:
        trainer.rehearse()
        return out / "final"
    trainer.run()
    if main:
        network = trainer.accelerator.unwrap_model(trainer.model).network
        write_segmenter(out / "final", network, config.features)
        say(f"trained: {out / 'final'}")
    return out / "final"


def open_sources(config: SegmentationTrainConfig) -> Sources:
    """Decodes recordings, finds the speech in clips and simulates rooms.

    Raises:
        DataError: a table or a recording cannot be read, or pyroomacoustics is missing.
    """
    grid = config.network.grid(config.features)
    rate = int(config.features.sample_rate)
    teacher = None
    if (network := open_segmentation(config.teacher)) is not None:
        teacher = Teacher(network, grid, config.network.powerset, rate)
    labelled, unlabelled = (
        _recordings(config, path, labelled=with_turns) if path and share else None
        for path, share, with_turns in (
            (config.labelled, config.batches.labelled, True),
            (config.unlabelled, config.batches.unlabelled, False),
        )
    )
    vary = config.vary if unlabelled is not None else None
    mix = config.mix if config.voices and config.batches.mixed else None
    if mix is None and vary is None:
        return Sources(None, labelled, unlabelled, teacher)
    rooms = _rooms(config) if any(x is not None and x.room_probability for x in (mix, vary)) else []
    sounds, music = (
        None if path is None else open_bank(path, rate, in_memory=True) for path in (config.noises, config.music)
    )
    mixer = varied = None
    if mix is not None:
        find: FindSpeech = webrtc_speech(rate, grid.step_s)
        if config.speech == "teacher":
            assert teacher is not None
            find = teacher.speech
        corpora = [Corpus.read(directory) for directory in config.voices]
        voices = Voices.of_corpora(corpora, find, rate, grid.step_s, config.allow_pipes)
        mixer = Mixer(mix, voices, rooms, sounds, music, grid.window_s, config.trainer.seed)
    if vary is not None and unlabelled is not None:
        n_samples, seed = unlabelled.n_samples, config.trainer.seed + 1
        around = Surroundings(config.mix.surroundings, sounds, music, n_samples, rate, seed)
        varied = VariedRecordings(vary, unlabelled, rooms, around)
    return Sources(mixer, labelled, varied or unlabelled, teacher)


def _identify(sources: Sources) -> dict[str, Any]:
    """What tells the recordings of a training from others."""
    unlabelled = sources.unlabelled
    heard = [
        sources.mixer and sources.mixer.voices,
        sources.labelled,
        unlabelled.recordings if isinstance(unlabelled, VariedRecordings) else unlabelled,
    ]
    names = [name for x in heard if x for name in x.names]
    return identify(names, *(x.lengths for x in heard if x))


def _rooms(config: SegmentationTrainConfig) -> list[np.ndarray]:
    if config.rooms is None:
        return []
    c = config.rooms
    return list(track(simulate_meeting_rooms(c), "simulating rooms", c.n_rooms * c.n_microphones))


def _recordings(config: SegmentationTrainConfig, directory: str, labelled: bool) -> Recordings:
    grid = config.network.grid(config.features)
    rate = int(config.features.sample_rate)
    return Recordings(Path(directory), labelled, grid.window_s, rate, grid.step_s, config.allow_pipes)


def _start(network: MelNet, directory: Path, features: FbankConfig) -> None:
    """Takes the weights of a network of the same form."""
    known = read_segmenter(directory)
    if known is None:
        raise DataError(f"{directory}: expected segmentation.json, got no such file")
    known_form = replace(known.network.config, trunk=network.config.trunk)
    if known.features != features or known_form != network.config:
        raise DataError(f"{directory}: its features or its network differ from those of this training")
    if known.network.trunk is None:
        network.load_state_dict(known.network.state_dict(), strict=False)  # but for what the trunk adds
    elif network.trunk is None:
        raise DataError(f"{directory}: its network has a trunk, that of this training has none")
    else:
        network.load_state_dict(known.network.state_dict())


def _take_trunk(network: MelNet, model: str) -> None:
    """Takes the first stages of a model's speaker network or, if it has another form, of its segmentation's trunk."""
    loaded = SpeakerModel.load(model)
    speakers, trunk = loaded.network, network.trunk
    assert trunk is not None
    known = None if loaded.path is None else read_segmenter(loaded.path)
    if isinstance(speakers, ResNet) and speakers.config == trunk.config.resnet:
        trunk.take(speakers)
    elif known is not None and known.network.trunk is not None and known.network.trunk.config == trunk.config:
        trunk.load_state_dict(known.network.trunk.state_dict())
    else:
        raise DataError(f"{model}: expected a residual network as network.trunk.resnet says, got another")
