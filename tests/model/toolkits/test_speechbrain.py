"""What is and what is not taken for an x-vector or a ResNet of SpeechBrain; of its ECAPA-TDNN see `test_toolkits`."""

from pathlib import Path

import pytest
import torch

from benchmarks.toolkit_golden import Case, weights_of
from pysid.embedding.preactivated_resnet import PreactivatedResNetConfig
from pysid.embedding.time_delay import TimeDelayConfig
from pysid.errors import DataError
from pysid.model.speaker_model import SpeakerModel


def written(name: str, folder: Path) -> Path:
    case = Case.read(f"speechbrain-{name}")
    (folder / "hyperparams.yaml").write_text(case.settings)
    torch.save(weights_of(case.shapes), folder / "embedding_model.ckpt")
    return folder


@pytest.mark.parametrize(("name", "kind"), [("xvector", TimeDelayConfig), ("resnet", PreactivatedResNetConfig)])
def test_a_folder_and_its_checkpoint_are_the_same_model(name: str, kind: type, tmp_path: Path) -> None:
    folder = written(name, tmp_path)
    one, other = (SpeakerModel.load(x) for x in (folder, folder / "embedding_model.ckpt"))
    assert type(one.config.network) is kind and one.fingerprint() == other.fingerprint()
    torch.save({"mean": torch.ones(24)}, folder / "mean_var_norm_emb.ckpt")  # which scores do not go by
    assert SpeakerModel.load(folder).fingerprint() == one.fingerprint()


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("xvector", "torch.nn.LeakyReLU", "torch.nn.ReLU", "activation .* is not supported, only .*LeakyReLU"),
        ("xvector", "tdnn_blocks: 5", "tdnn_blocks: 4", "expected lists of tdnn_blocks numbers"),
        ("xvector", "[5, 3, 3, 1, 1]", "[5, 3, 3, 1, 2]", "expected odd tdnn_kernel_sizes up to 1000"),
        ("xvector", "[5, 3, 3, 1, 1]", "[999999999, 3, 3, 1, 1]", "whole numbers from 1 to 100000"),
        ("xvector", "[1, 2, 3, 1, 1]", "[1, 2, 3, 1, x]", "tdnn_dilations must be a list of whole numbers"),
        ("xvector", "[5, 3, 3, 1, 1]", "[7, 3, 3, 1, 1]", "size mismatch for frame_layers.0.affine.weight"),
        ("xvector", "lin_neurons: 24", "lin_neurons: 1000000000", "(lacks most|the network does not fit into memory)"),
        ("xvector", "lin_neurons: 24", "lin_neurons: 24\n    speed: 2", "speed is not supported"),
        ("resnet", "[2, 2, 2, 1]", "[2, 2, 2, 101]", "expected four stages of at most 100 blocks"),
        ("resnet", "[2, 2, 2, 1]", "[2, 2, 2]", "expected four stages"),
        ("resnet", "[2, 2, 2, 1]", "[2, 2, 1, 1]", r"has superfluous \d+ tensors, such as 'stages.2.1"),
        ("resnet", "[1, 2, 2, 2]", "[1, 2, 2, 0]", "strides must be a list of whole numbers from 1"),
        ("resnet", "[1, 2, 2, 2]", "[1, 1, 2, 2]", r"has superfluous 5 tensors, such as 'stages\.1\.0\.shortcut"),
        ("resnet", "lin_neurons: 24", "lin_neurons: many", "'embedding_dim' must be a whole number"),
        ("resnet", "ResNet.ResNet", "ResNet.Other", "expected embedding_model to be one of .*got 'speechbrain.*Other'"),
    ],
)
def test_settings(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path)
    path = folder / "hyperparams.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message) as error:
        SpeakerModel.load(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


@pytest.mark.parametrize("name", ["xvector", "resnet"])
def test_a_missing_tensor_is_named(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path)
    weights = torch.load(folder / "embedding_model.ckpt", weights_only=True)
    weights.pop("blocks.0.conv.bias" if name == "xvector" else "norm_embed.bias")
    torch.save(weights, folder / "embedding_model.ckpt")
    ours = "frame_layers.0.affine.bias" if name == "xvector" else "norm.bias"
    with pytest.raises(DataError, match=f"lacks 1 tensors, such as '{ours}'"):
        SpeakerModel.load(folder)
