"""What is and what is not taken for a model of WeSpeaker; its numbers are in `test_golden`."""

from pathlib import Path

import pytest
import torch

from benchmarks.toolkit_golden import Case, weights_of
from pysid.backend.chain import CosineBackend
from pysid.embedding.resnet import ResNetConfig
from pysid.errors import DataError
from pysid.model.directory import find_model
from pysid.model.speaker_model import SpeakerModel
from pysid.model.toolkits import find_reader, read_toolkit_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of WeSpeaker's ResNet18, with made-up weights."""
    case = Case.read("wespeaker-resnet18")
    (tmp_path / "config.yaml").write_text(case.settings)
    torch.save(weights_of(case.shapes), tmp_path / "avg_model.pt")
    return tmp_path


def test_a_folder_and_its_checkpoint_are_the_same_model(folder: Path) -> None:
    assert find_model(folder) == folder
    one, other = (SpeakerModel.load(x) for x in (folder, folder / "avg_model.pt"))
    assert isinstance(one.config.network, ResNetConfig) and one.config.network.blocks == (2, 2, 2, 2)
    assert one.fingerprint() == other.fingerprint()
    assert isinstance(one.scorer(), CosineBackend)
    found = read_toolkit_model(folder)
    assert found is not None and [x.name for x in found.files] == ["config.yaml", "avg_model.pt"]


def test_the_classifier_of_training_is_left_out(folder: Path) -> None:
    weights = torch.load(folder / "avg_model.pt", weights_only=True)
    before = SpeakerModel.load(folder).fingerprint()
    torch.save({"model": weights | {"projection.weight": torch.ones(7, 24)}}, folder / "avg_model.pt")
    assert SpeakerModel.load(folder).fingerprint() == before


def test_a_checkpoint_without_settings_is_refused(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    with pytest.raises(DataError, match=r"avg_model\.pt: expected config\.yaml beside it, as WeSpeaker has it"):
        SpeakerModel.load(folder / "avg_model.pt")
    (folder / "avg_model.pt").unlink()
    assert find_reader(folder) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ResNet18", "ResNet19", "the network ResNet19 is not read"),
        ("ResNet18", "ResNet34", r"avg_model\.pt: does not fit a network of the kind ResNet34: lacks"),
        ("ResNet18", "ResNet50", r"avg_model\.pt: does not fit a network of the kind ResNet50: lacks"),
        ("ResNet18", "ECAPA_TDNN_c512", r"expected a tensor 'layer1\.conv\.weight' with 3 axes, got none"),
        ("ResNet18", "CAMPPlus", r"does not fit a network of the kind CAMPPlus: lacks"),
        ("'feat_dim': 40", "'feat_dim': 80", r"does not fit a network of the kind ResNet18: size mismatch"),
        ("'feat_dim': 40", "'feat_dim': '40'", "feat_dim and embed_dim must be whole numbers"),
        ("'feat_dim': 40", "'pooling_func': 'ASTP'", "model_args: pooling_func 'ASTP' is not supported, only 'TSTP'"),
        ("'feat_dim': 40", "'two_emb_layer': True", "two_emb_layer True is not supported, only False"),
        ("model:", "network:", "expected 'model' and 'model_args'"),
        (
            "model: ",
            "dataset_args: {resample_rate: 8000}\nmodel: ",
            "dataset_args: resample_rate 8000 is not supported, only 16000",
        ),
        ("model: ", "dataset_args: {frontend: s3prl}\nmodel: ", "frontend 's3prl' is not supported, only 'fbank'"),
        (
            "model: ",
            "dataset_args: {fbank_args: {frame_shift: 5}}\nmodel: ",
            "fbank_args: frame_shift 5 is not supported",
        ),
        ("model: ", "dataset_args: {fbank_args: {htk: 1}}\nmodel: ", "fbank_args: htk is not supported"),
        ("model: ", "dataset_args: {cmvn_args: {norm_var: True}}\nmodel: ", "cmvn_args: norm_var True is not"),
        ("model: ", "dataset_args: {cmvn: False}\nmodel: ", "dataset_args: cmvn False is not supported, only True"),
        ("'feat_dim': 40", "'se': True", "model_args: se is not supported"),
        (
            "ResNet18\nmodel_args: {",
            "CAMPPlus\nmodel_args: {'growth_rate': 16, ",
            "growth_rate 16 is not supported, only 32",
        ),
        ("ResNet18\nmodel_args: {", "ECAPA_TDNN_c512\nmodel_args: {'scale': 4, ", "model_args: scale is not supported"),
        ("model: ", "x: !!python/object/apply:os.system [ls]\nmodel: ", r"config\.yaml:1: expected YAML"),
    ],
)
def test_settings(folder: Path, old: str, new: str, message: str) -> None:
    path = folder / "config.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message) as error:
        SpeakerModel.load(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


def test_settings_of_the_x_vector(tmp_path: Path) -> None:
    case = Case.read("wespeaker-xvector")
    (tmp_path / "config.yaml").write_text(case.settings.replace("'feat_dim'", "'pooling_func': 'ASTP', 'feat_dim'"))
    torch.save(weights_of(case.shapes), tmp_path / "avg_model.pt")
    with pytest.raises(DataError, match="pooling_func 'ASTP' is not supported, only 'TSTP'"):
        SpeakerModel.load(tmp_path)
    (tmp_path / "config.yaml").write_text(case.settings)
    weights = weights_of(case.shapes)
    del weights["frame_5.conv_1d.weight"]
    torch.save(weights, tmp_path / "avg_model.pt")
    with pytest.raises(DataError, match=r"expected a tensor 'frame_5\.conv_1d\.weight' with 3 axes, got none"):
        SpeakerModel.load(tmp_path)


@pytest.mark.parametrize(
    ("fbank", "cmvn"),
    [("{num_mel_bins: 40, frame_shift: 10, frame_length: 25, dither: 1.0}", "{norm_mean: True, norm_var: False}")],
)
def test_features_as_its_recipes_have_them(folder: Path, fbank: str, cmvn: str) -> None:
    before = SpeakerModel.load(folder).fingerprint()
    data = f"dataset_args: {{resample_rate: 16000, shuffle: True, fbank_args: {fbank}, cmvn_args: {cmvn}}}\n"
    path = folder / "config.yaml"
    path.write_text(path.read_text() + data)
    assert SpeakerModel.load(folder).fingerprint() == before
