"""Training a segmentation network on the example voices, and going on where a training was killed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pysid.data.conversations.plan import ConversationConfig
from pysid.data.conversations.write import write_conversations
from pysid.data.corpus import Corpus
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.directory import find_model
from pysid.model.speaker_model import SpeakerModel
from pysid.segmentation import FrameGrid
from pysid.segmentation.files import read_segmenter
from pysid.segmentation.network import MelNetConfig
from pysid.segmentation.trunk import TrunkConfig
from pysid.training.optim import OptimizerConfig
from pysid.training.segmentation import run
from pysid.training.segmentation.batches import BatchConfig
from pysid.training.segmentation.mixing import MixConfig
from pysid.training.segmentation.run import (
    SegmentationTrainConfig,
    read_segmentation_config,
    run_segmentation_training,
)
from pysid.training.segmentation.variation import VariationConfig, VariedRecordings
from pysid.training.trainer import Trainer, TrainerConfig

FEATURES = FbankConfig(n_mels=20, use_energy=True, snip_edges=False)
NETWORK = MelNetConfig(feature_dim=21, window_s=4.0, channels=(16, 24, 24), hidden=16, n_heads=2)

VARIED = "out: a\nunlabelled: b\nteacher: c\n"
ROOMS_ALONE = "vary: {speeds: [1], over_probability: 0, noise_probability: 0, room_probability: 0.5}\n"


@pytest.fixture(scope="module")
def conversations(tmp_path_factory, dev) -> Path:
    folder = tmp_path_factory.mktemp("segmentation") / "conversations"
    config = ConversationConfig(n_conversations=2, min_pieces=4, max_pieces=5, cut_to_s=0.5, pause_s=0.5, overlap=0.5)
    write_conversations(Corpus.read(dev), folder, config)
    return folder


@pytest.fixture
def config(dev, tmp_path) -> SegmentationTrainConfig:
    return SegmentationTrainConfig(
        out=str(tmp_path / "out"),
        voices=(str(dev),),
        rooms=None,
        features=FEATURES,
        network=NETWORK,
        mix=MixConfig(speakers=(0.1, 0.9), colour_probability=0.0),
        batches=BatchConfig(batch_size=8, n_batches=15),
        optimizer=OptimizerConfig(kind="adamw", learning_rate=1e-2),
        trainer=TrainerConfig(n_epochs=2, n_workers=0, n_threads=1, device="cpu"),
    )


def weights(folder: Path) -> bytes:
    return (folder / "segmentation.safetensors").read_bytes()


def test_it_learns_what_speech_is(config, conversations):
    final = run_segmentation_training(replace(config, dev=str(conversations)))
    table = [line.split("\t") for line in (Path(config.out) / "epochs.tsv").read_text().splitlines()]
    assert table[0][-4:] == ["local_error", "missed", "false_alarm", "confused"] and len(table) == 3
    assert float(table[2][-3]) + float(table[2][-2]) < 0.3  # missed and false alarms: all speech counts, who or not
    assert weights(final) == weights(Path(config.out) / "epoch-002") != weights(Path(config.out) / "epoch-001")
    assert read_segmenter(final).network.config == NETWORK


def corpus_of(folder: Path, dev: Path, names: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "wav.scp").write_text("".join(f"{name} {dev}/audio/{name}.ogg\n" for name in names))
    (folder / "utt2spk").write_text("".join(f"{name} {name.split('-')[0]}\n" for name in names))
    return folder


class Killed(Exception):
    pass


def test_a_killed_training_reaches_the_same_weights(config, monkeypatch):
    config = replace(
        config,
        batches=BatchConfig(batch_size=3, n_batches=4),
        trainer=replace(config.trainer, checkpoint_minutes=1e-9, average_decay=0.8),
    )
    whole = run_segmentation_training(config)
    step = Trainer._step

    def killed(self, *args):
        if self.progress.step == 6:  # in the second epoch
            raise Killed
        step(self, *args)

    other = replace(config, out=config.out + "-killed")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", killed)
        with pytest.raises(Killed):
            run_segmentation_training(other)
    assert weights(run_segmentation_training(other)) == weights(whole)
    with pytest.raises(DataError, match=r"holds a training with other settings: batches\.batch_size \(was 3, is 5\)"):
        run_segmentation_training(replace(config, batches=BatchConfig(batch_size=5, n_batches=4)))


def test_it_does_not_go_on_with_other_voices(config, dev, tmp_path):
    few = corpus_of(tmp_path / "few", dev, ["slt-0", "slt-1", "rms-0", "rms-1"])
    config = replace(
        config,
        voices=(str(few),),
        batches=BatchConfig(batch_size=2, n_batches=1),
        trainer=replace(config.trainer, n_epochs=1),
    )
    run_segmentation_training(config)
    corpus_of(few, dev, ["slt-0", "slt-1", "rms-0"])
    with pytest.raises(DataError, match=r"holds a training on other data \(4 utterances, now 3: by names, lengths"):
        run_segmentation_training(config)


class Nobody:
    """A teacher that hears nobody."""

    grid, powerset, sample_rate, features = FrameGrid(0.02, 0.0, 4.0), NETWORK.powerset, 16000, None

    def __call__(self, windows):
        said = torch.full((len(windows), windows.shape[1] // 320, 7), 1e-4)
        said[..., 0] = 1.0
        return said.log()


def test_all_sources_at_once(config, conversations, dev, monkeypatch):
    monkeypatch.setattr(run, "open_segmentation", lambda name: Nobody())
    config = replace(
        config,
        voices=(),
        unlabelled=str(conversations),
        teacher="nobody.onnx",
        batches=BatchConfig(batch_size=4, n_batches=10),
        trainer=replace(config.trainer, n_epochs=1),
    )
    network = read_segmenter(run_segmentation_training(config))
    assert (network(10 * torch.rand(2, 400, 21)).argmax(-1) == 0).float().mean() > 0.95  # it learned from that teacher
    every = replace(
        config,
        out=config.out + "-all",
        voices=(str(dev),),
        labelled=str(conversations),
        noises=str(dev),
        vary=VariationConfig(),
        batches=BatchConfig(batch_size=4, n_batches=2, unlabelled=0.5, teacher_share=0.5),
        start_from=config.out + "/final",
    )
    assert isinstance(run.open_sources(every).unlabelled, VariedRecordings)
    assert run_segmentation_training(every).is_dir()
    with pytest.raises(DataError, match="expected clips with"):  # the teacher hears no speech in them
        run_segmentation_training(replace(every, out=config.out + "-none", speech="teacher"))
    with pytest.raises(DataError, match="its features or its network differ"):
        run_segmentation_training(replace(every, out=config.out + "-x", network=replace(NETWORK, hidden=8)))
    with pytest.raises(DataError, match=r"expected segmentation\.json, got no such file"):
        run_segmentation_training(replace(every, out=config.out + "-y", start_from=str(dev)))


def test_a_network_without_a_trunk_goes_on_with_one(config):
    once = replace(
        config,
        batches=BatchConfig(batch_size=2, n_batches=2),
        trainer=replace(config.trainer, n_epochs=1),
        features=FbankConfig(n_mels=80, high_hz=7600.0, use_energy=True, snip_edges=False),
        network=replace(NETWORK, feature_dim=81),
    )
    plain = run_segmentation_training(once)
    grown = replace(
        once,
        out=config.out + "-grown",
        start_from=str(plain),
        trunk_of="default",
        network=replace(once.network, trunk=TrunkConfig()),
    )
    network = read_segmenter(run_segmentation_training(grown)).network
    # The speaker network of the default model has squeeze-excitation, so its segmentation's trunk is taken.
    known = read_segmenter(find_model("default")).network.trunk
    assert torch.equal(network.trunk.stem.conv.weight, known.stem.conv.weight)
    speakers = SpeakerModel(ModelConfig(FrontendConfig(features=once.features), ResNetConfig()), ResNet())
    speakers.save(config.out + "-model")
    other = replace(grown, out=config.out + "-other", trunk_of=config.out + "-model")
    taken = read_segmenter(run_segmentation_training(other)).network.trunk
    assert torch.equal(taken.stem.conv.weight, speakers.network.stem.conv.weight)
    assert network.from_trunk[1].weight.abs().max() > 0
    with pytest.raises(DataError, match="has a trunk, that of this training has none"):
        run_segmentation_training(replace(once, out=config.out + "-x", start_from=grown.out + "/final"))
    with pytest.raises(DataError, match="expected a residual network as"):
        run_segmentation_training(replace(grown, out=config.out + "-y", trunk_of="xvector"))


def test_trunk_of_needs_a_trunk(config):
    with pytest.raises(ValueError, match=r"trunk_of needs network\.trunk"):
        replace(config, trunk_of="default")
    with pytest.raises(ValueError, match=r"network\.trunk needs trunk_of"):
        replace(config, network=replace(NETWORK, feature_dim=81, trunk=TrunkConfig()))


def test_rooms_are_simulated(config):
    pytest.importorskip("pyroomacoustics")
    rooms = run.MeetingRoomConfig(n_rooms=2, n_places=2, n_microphones=1, max_order=3)
    sources = run.open_sources(replace(config, rooms=rooms))
    assert len(sources.mixer.rooms) == 2 and sources.labelled is None
    wave, _ = sources.mixer.window(np.random.default_rng(0))
    assert wave.shape == (64000,)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("out: a\n", "expected voices, labelled or unlabelled recordings"),
        ("out: a\nunlabelled: b\n", "need a teacher"),
        ("out: a\nvoices: [b]\nvary: {}\n", "vary needs unlabelled recordings"),
        ("out: a\nunlabelled: b\nteacher: c\nvary: {}\nbatches: {unlabelled: 0}\n", "vary needs unlabelled recordings"),
        (VARIED + "vary: {probability: 0}\n", "vary: nothing would be varied"),
        (VARIED + "vary: {over_db: [-.inf, 5]}\n", r"vary: over_db must be .*, got -inf and 5"),
        (VARIED + "vary: {room_probability: 1}\nrooms: null\n", r"vary\.room_probability is 1, but rooms is null"),
        (VARIED + ROOMS_ALONE + "rooms: null\n", r"vary\.room_probability is 0\.5, but rooms is null"),
        (VARIED + "batches: {unlabelled: 0}\n", r"unlabelled recordings are given, but batches\.unlabelled is 0"),
        ("out: a\nvoices: [b]\nlabelled: c\nbatches: {labelled: 0}\n", r"given, but batches\.labelled is 0"),
        ("out: a\nvoices: [b]\nbatches: {labelled: 1}\n", r"batches\.labelled is 1, but no labelled recordings"),
        ("out: a\nvoices: [b]\nbatches: {unlabelled: 1}\n", r"batches\.unlabelled is 1, but no unlabelled"),
        ("out: a\nlabelled: b\nbatches: {mixed: 0.5}\n", r"batches\.mixed is 0\.5, but no voices are given"),
        ("out: a\nvoices: [b]\nspeech: teacher\n", "need a teacher"),
        ("out: a\nvoices: [b]\nrooms: {sample_rate: 8000}\n", r"rooms\.sample_rate is 8000, but"),
        ("out: a\nvoices: [b]\nrooms: {duration_s: 1.5}\n", r"rooms\.duration_s must be at most 1\.2, got 1\.5"),
        ("out: a\nvoices: [b]\nmix: {speakers: [0.5]}\n", r"mix: speakers must be probabilities"),
        ("out: a\nvoices: [b]\nnetwork: {layers: 3}\n", r"unknown key 'network\.layers'"),
    ],
)
def test_settings_are_read_from_a_file(tmp_path, lines, message):
    path = tmp_path / "segmentation.yaml"
    path.write_text(lines)
    with pytest.raises(DataError, match=message):
        read_segmentation_config(path)


def test_settings_over_those_of_the_file(tmp_path):
    path = tmp_path / "segmentation.yaml"
    path.write_text("out: a\nvoices: [b]\n")
    read = read_segmentation_config(path, ["mix.room_probability=0.5", "network.n_speakers=4", "rooms=null"])
    assert read.mix.room_probability == 0.5 and read.network.n_speakers == 4 and read.rooms is None
