"""Training a detector of speech on conversations of the example voices."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pysid.activity import ActivityConfig
from pysid.activity.files import read_detector
from pysid.data.conversations.plan import ConversationConfig
from pysid.data.conversations.write import write_conversations
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.training.activity import run
from pysid.training.activity.crops import CropConfig, count_speakers
from pysid.training.activity.run import ActivityTrainConfig, Recordings, read_activity_config, run_activity_training
from pysid.training.optim import OptimizerConfig
from pysid.training.trainer import TrainerConfig

FEATURES = FbankConfig(n_mels=20, use_energy=True, snip_edges=False)
NETWORK = ActivityConfig(feature_dim=21, channels=16, dilations=(1, 2, 4, 8))


@pytest.fixture(scope="module")
def conversations(tmp_path_factory, dev) -> Path:
    folder = tmp_path_factory.mktemp("activity") / "conversations"
    config = ConversationConfig(
        n_conversations=4, min_pieces=6, max_pieces=8, cut_to_s=0.5, pause_s=1.0, overlap=0.5, inner_pause_s=0.3
    )
    write_conversations(Corpus.read(dev), folder, config)
    return folder


@pytest.fixture
def config(conversations, tmp_path) -> ActivityTrainConfig:
    return ActivityTrainConfig(
        train=str(conversations),
        dev=str(conversations),
        out=str(tmp_path / "out"),
        features=FEATURES,
        network=NETWORK,
        crops=CropConfig(n_frames=200, batch_size=8, crops_per_epoch=240),
        optimizer=OptimizerConfig(kind="adamw", learning_rate=1e-2),
        trainer=TrainerConfig(n_epochs=2, n_workers=0, n_threads=1),
    )


def test_it_learns_what_speech_is(config, conversations):
    final = run_activity_training(config)
    detector = read_detector(final)
    errors = Recordings.read(conversations, FEATURES).errors(detector)
    assert errors["missed"] + errors["false_alarm"] < 0.1
    table = [line.split("\t") for line in (Path(config.out) / "epochs.tsv").read_text().splitlines()]
    assert table[0][-4:] == ["missed", "false_alarm", "overlap_missed", "overlap_false_alarm"]
    assert len(table) == 3
    assert float(table[2][5]) == pytest.approx(errors["missed"], abs=1e-5)


def test_a_second_run_changes_nothing_and_another_one_is_refused(config):
    config = replace(
        config, trainer=replace(config.trainer, n_epochs=1), crops=replace(config.crops, crops_per_epoch=16)
    )
    final = run_activity_training(config)
    before = (final / "activity.safetensors").read_bytes()
    run_activity_training(config)
    assert (final / "activity.safetensors").read_bytes() == before
    with pytest.raises(DataError, match=r"holds a training with other settings: network.channels \(was 16, is 8\)"):
        run_activity_training(replace(config, network=replace(NETWORK, channels=8)))


def test_it_does_not_go_on_with_other_recordings(config, conversations, tmp_path):
    data = shutil.copytree(conversations, tmp_path / "data")
    small = replace(config.crops, crops_per_epoch=16)
    config = replace(config, train=str(data), dev=None, trainer=replace(config.trainer, n_epochs=1), crops=small)
    run_activity_training(config)
    lines = (data / "wav.scp").read_text().splitlines(keepends=True)
    (data / "wav.scp").write_text("".join(lines[1:]))
    with pytest.raises(DataError, match=r"out holds a training on other data \(4 utterances, now 3: by names, lengths"):
        run_activity_training(config)


def test_counts_are_those_of_the_reference(conversations):
    recordings = Recordings.read(conversations, FEATURES)
    assert recordings.names == [f"conv-{i:04d}" for i in range(1, 5)]
    for features, counts in zip(recordings.features, recordings.counts, strict=True):
        assert features.shape == (len(counts), 21) and features.dtype == np.float16
        assert set(np.unique(counts)) <= {0, 1, 2}
        assert np.median(features[counts > 0, 0]) > np.median(features[counts == 0, 0]) + 3


def test_what_is_wrong_with_the_data(config, conversations, tmp_path):
    with pytest.raises(DataError, match="expected recordings of 90000 frames or more, got none"):
        run_activity_training(replace(config, crops=CropConfig(n_frames=90000)))
    with pytest.raises(DataError, match=r"network\.feature_dim is 9, but the features have 21"):
        run_activity_training(replace(config, network=ActivityConfig(feature_dim=9)))
    with pytest.raises(DataError, match="must be filter banks with use_energy"):
        run_activity_training(replace(config, features=FbankConfig(n_mels=21)))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "wav.scp").write_text(f"a {conversations / 'audio/conv-0001.flac'}\n")
    (broken / "ref.rttm").write_text("SPEAKER b 1 0 1 <NA> <NA> x <NA> <NA>\n")
    with pytest.raises(DataError, match=r"ref\.rttm: expected turns of all recordings, got none of 'a'"):
        Recordings.read(broken, FEATURES)
    (broken / "wav.scp").write_text("a touch /tmp/ran |\n")
    with pytest.raises(DataError, match=r"wav\.scp: expected an audio file for 'a', got a shell pipe"):
        Recordings.read(broken, FEATURES)


def test_settings_are_read_from_a_file(tmp_path):
    path = tmp_path / "activity.yaml"
    path.write_text("train: a\nout: b\nfeatures: {kind: fbank, n_mels: 40}\n")
    assert read_activity_config(path, ["network.channels=32"]).network.channels == 32
    with pytest.raises(DataError, match=r"unknown key 'network\.layers'"):
        read_activity_config(path, ["network.layers=3"])


def test_a_recording_that_cannot_be_read_is_left_out(conversations, tmp_path, said):
    data = shutil.copytree(conversations, tmp_path / "data")
    for count in (1, 2):
        entries = read_wav_scp(conversations / "wav.scp")
        broken = {name: "nofile.wav" for name in list(entries)[1 : 1 + count]}
        paths = {name: str(resolve_path(entry, conversations)) for name, entry in entries.items()}
        (data / "wav.scp").write_text("".join(f"{name} {path}\n" for name, path in (paths | broken).items()))
        if count == 1:
            assert Recordings.read(data, FEATURES).names == ["conv-0001", "conv-0003", "conv-0004"]
            assert f"{data}: training without 1 of 4 recordings, which cannot be read:" in said.readouterr().err
    with pytest.raises(DataError, match=r"data: expected to read at least 75% of the recordings, but 2 of 4 cannot"):
        Recordings.read(data, FEATURES)


def test_a_recording_for_which_memory_does_not_suffice_is_left_out_whole(conversations, monkeypatch):
    def count(turns, n_frames, shift_s):
        if turns is second:
            raise MemoryError
        return count_speakers(turns, n_frames, shift_s)

    turns = read_rttm(conversations / "ref.rttm")
    second = turns["conv-0002"]
    monkeypatch.setattr(run, "read_rttm", lambda path: turns)
    monkeypatch.setattr(run, "count_speakers", count)
    found = Recordings.read(conversations, FEATURES)
    assert found.names == ["conv-0001", "conv-0003", "conv-0004"]
    assert [*map(len, found.features)] == [*map(len, found.counts)]
