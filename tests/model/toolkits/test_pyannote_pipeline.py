"""A pipeline of pyannote's on the disk: its settings, its networks, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmarks.toolkit_golden import Case, waveform, weights_of
from pysid.diarization import Diarizer
from pysid.diarization.centroid import CentroidConfig
from pysid.diarization.local.config import LocalWindowConfig
from pysid.errors import DataError
from pysid.exchange.from_toolkit import convert_model
from pysid.io.audio.samples import Int16Scale
from pysid.model.directory import find_model
from pysid.model.speaker_model import SpeakerModel
from pysid.model.toolkits import find_reader
from pysid.segmentation.pyannote import PyanNet

SETTINGS = """\
version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: pyannote/wespeaker-voxceleb-resnet34-LM
    embedding_batch_size: 32
    segmentation_step: 0.2
    embedding_exclude_overlap: true
    segmentation: pyannote/segmentation-3.0
    segmentation_batch_size: 32
params:
  clustering:
    method: centroid
    min_cluster_size: 7
    threshold: 0.7
  segmentation:
    min_duration_off: 0.25
"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of its two networks, with made-up weights."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "wespeaker-voxceleb-resnet34-LM").mkdir()
    (folder / "segmentation-3.0").mkdir()
    weights = weights_of(Case.read("pyannote-resnet34").shapes)
    torch.save(weights, folder / "wespeaker-voxceleb-resnet34-LM" / "pytorch_model.bin")
    torch.manual_seed(0)
    segmentation = {name: x.contiguous() for name, x in PyanNet().state_dict().items()}
    save_file(segmentation, folder / "segmentation-3.0" / "model.safetensors")
    return folder


@pytest.fixture
def pipeline(networks: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "pipeline"
    shutil.copytree(networks, folder)
    (folder / "config.yaml").write_text(SETTINGS)
    return folder


def test_its_hyper_parameters_are_settings(pipeline: Path) -> None:
    assert find_model(pipeline) == pipeline and find_model(pipeline / "config.yaml") == pipeline / "config.yaml"
    diarizer = Diarizer.load(pipeline)
    config = diarizer.config
    assert isinstance(config.windows, LocalWindowConfig) and config.windows.shift_s == 2.0
    assert config.windows.segmentation == str(pipeline / "segmentation-3.0") and config.windows.min_clean_s == 0.5
    assert config.clustering == CentroidConfig(threshold=0.7, min_cluster_size=7)
    assert config.turns.bridge_s == 0.25 and config.overlap is not None
    other = Diarizer.load(pipeline, settings={"clustering.threshold": 0.5, "turns.bridge_s": 0})
    assert other.config.clustering == CentroidConfig(threshold=0.5, min_cluster_size=7)


def test_overlapped_frames_count_by_default_as_in_pyannote(pipeline: Path) -> None:
    path = pipeline / "config.yaml"
    for text in (
        SETTINGS.replace("exclude_overlap: true", "exclude_overlap: false"),
        SETTINGS.replace("    embedding_exclude_overlap: true\n", ""),
    ):
        path.write_text(text)
        windows = Diarizer.load(pipeline).config.windows
        assert isinstance(windows, LocalWindowConfig) and windows.min_clean_s > 10 * windows.shift_s


def test_it_diarizes(pipeline: Path) -> None:
    found = Diarizer.load(pipeline)(Int16Scale(np.tile(waveform(), 10)))
    assert found.turns
    assert all(0 <= turn.segment.start_s < turn.segment.end_s <= found.duration_s for turn in found.turns)


def test_its_embedding_is_a_model(pipeline: Path) -> None:
    embedding = pipeline / "wespeaker-voxceleb-resnet34-LM"
    assert SpeakerModel.load(pipeline).fingerprint() == SpeakerModel.load(embedding).fingerprint()
    with pytest.raises(DataError, match="is a pipeline, which pysid diarize takes as it is; convert the folder of its"):
        convert_model(pipeline, pipeline.parent / "out")


def test_paths_of_later_pipelines(pipeline: Path) -> None:
    (pipeline / "segmentation-3.0").rename(pipeline / "segmentation")
    path = pipeline / "config.yaml"
    path.write_text(SETTINGS.replace("pyannote/segmentation-3.0", "$model/segmentation"))
    windows = Diarizer.load(pipeline).config.windows
    assert isinstance(windows, LocalWindowConfig) and windows.segmentation == str(pipeline / "segmentation")


def test_settings_of_a_network_are_no_pipeline(networks: Path, tmp_path: Path) -> None:
    folder = tmp_path / "network"
    shutil.copytree(networks / "wespeaker-voxceleb-resnet34-LM", folder)
    (folder / "config.yaml").write_text("model: {_target_: pyannote.audio.models.embedding.WeSpeakerResNet34}\n")
    reader = find_reader(folder)
    assert reader is not None and reader.__name__.endswith("state_dicts")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("SpeakerDiarization", "VoiceActivityDetection", "expected a pipeline SpeakerDiarization with its params"),
        ("segmentation-3.0", "segmentation-2.1", "'pyannote/segmentation-2.1' is not in .*; nothing is downloaded"),
        ("pyannote/segmentation-3.0", "../../secret", r"expected a path within the folder, got '\.\./\.\./secret'"),
        ("pyannote/segmentation-3.0", "/etc/passwd", "expected a path within the folder, got '/etc/passwd'"),
        ("pyannote/segmentation-3.0", "[a]", "expected a path within the folder"),
        ("AgglomerativeClustering", "VBxClustering", "the clustering VBxClustering is not read"),
        ("method: centroid", "method: ward", "the method ward is not read, centroid is"),
        ("min_duration_off: 0.25", "threshold: 0.5", "params.segmentation: threshold is not supported"),
        ("min_duration_off: 0.25", "min_duration_off: long", "min_duration_off must be a number, got 'long'"),
        ("threshold: 0.7", "threshold: -1", "threshold must not be negative"),
        ("min_cluster_size: 7", "min_cluster_size: 0", "min_cluster_size must be at least 1"),
        ("min_cluster_size: 7", "size: 12", "params.clustering: size is not supported"),
        ("segmentation_step: 0.2", "segmentation_step: 0", r"segmentation_step must lie in \(0, 1\], got 0"),
        ("embedding_batch_size: 32", "plda: x", "pipeline.params: plda is not supported"),
        ("params:\n  clustering", "params: 3\nother:\n  clustering", "expected groups of hyper-parameters"),
        ("version: 3.1.0", "x: !!python/object/apply:os.system [ls]", r"config\.yaml:1: expected YAML"),
    ],
)
def test_what_is_refused(pipeline: Path, old: str, new: str, message: str) -> None:
    assert old in SETTINGS
    (pipeline / "config.yaml").write_text(SETTINGS.replace(old, new, 1))
    with pytest.raises(DataError, match=message) as error:
        Diarizer.load(pipeline)
    assert "\n" not in str(error.value)
