import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.campplus import CamPlusPlus, CamPlusPlusConfig
from pysid.embedding.networks import TrainableConfig, make_network, n_parameters
from pysid.errors import DataError
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import CmvnConfig, FbankConfig, FrontendConfig
from pysid.io.audio.samples import Int16Scale
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.averaging import recompute_norms

SMALL = CamPlusPlusConfig(
    feature_dim=17, head_channels=8, channels=16, growth=8, bottleneck=12, layers=(2, 3), dilations=(1, 2),
    embedding_dim=5,
)  # fmt: skip


def settled(config: CamPlusPlusConfig) -> CamPlusPlus:
    """A network whose batch norms have seen some data, in eval mode."""
    torch.manual_seed(0)
    network = CamPlusPlus(config)
    recompute_norms(network, (9 + torch.randn(4, 40, config.feature_dim) for _ in range(3)))
    return network.eval()


def test_parameters_are_those_of_the_paper() -> None:
    """Table 2: 7.18 M, with the embeddings of 512 dimensions of the VoxCeleb experiments."""
    assert n_parameters(CamPlusPlus(CamPlusPlusConfig(embedding_dim=512))) == 7_176_224
    assert n_parameters(CamPlusPlus()) == 6_848_544


@pytest.mark.parametrize("scale", ["int16", "unit"])
def test_batch_equals_one_by_one(scale: str) -> None:
    network = settled(dataclasses.replace(SMALL, wave_scale=scale))
    utterances = [8 + torch.randn(n, 17) for n in (41, 7, 230, 40, 3, 41)]
    lengths = torch.tensor([len(x) for x in utterances])
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, lengths)
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(network(padded.flip(0), lengths.flip(0)).flip(0), batch, rtol=1e-5, atol=1e-5)


def test_what_is_taken_off_the_frames_does_not_matter() -> None:
    network, x = settled(dataclasses.replace(SMALL, wave_scale="int16")), 9 + torch.randn(1, 30, 17)
    other = x + 3.0
    other[..., 0] += 7  # the energy
    with torch.no_grad():
        torch.testing.assert_close(network(x), network(other), rtol=1e-4, atol=1e-4)


def test_the_floor_of_the_logarithm_is_that_of_waveforms_below_one() -> None:
    network = settled(SMALL)
    x = torch.full((1, 30, 17), -15.0)  # what Kaldi gives for silence, at either scale
    x[:, :, 3] = 20.0
    quieter = x.clone()
    quieter[:, ::2, 5] = 3.0  # below the floor at the scale of 1
    with torch.no_grad():
        assert torch.equal(network(x), network(quieter))


def test_a_mask_sees_the_hundred_frames_around() -> None:
    """Behind the mean of all frames, what is 100 frames of its own away does not matter to a frame."""
    layer = settled(SMALL).blocks[0][0]
    x = torch.randn(1, 16, 300)
    other = x.clone()
    other[..., 200:] = x[..., 200:].flip(2)  # the same means of all, and of the last hundred
    with torch.no_grad():
        a, b = layer(x), layer(other)
    torch.testing.assert_close(a[..., :198], b[..., :198], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(a[..., 200:], b[..., 200:], atol=1e-3)


def test_what_the_head_sees_is_the_embedding_and_every_weight_learns() -> None:
    network = settled(SMALL).train()
    embedding, attention = network.classifier_input(torch.randn(3, 40, 17))
    assert embedding.shape == (3, 5) and attention is None
    embedding.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_configuration_there_and_back() -> None:
    assert from_plain(TrainableConfig, to_plain(SMALL), "x") == SMALL  # type: ignore[arg-type]
    assert isinstance(make_network(SMALL), CamPlusPlus)
    with pytest.raises(ValueError, match="the same blocks, got 1 and 2"):
        CamPlusPlusConfig(layers=(3,), dilations=(1, 2))
    with pytest.raises(ValueError, match="must be positive"):
        CamPlusPlusConfig(growth=0)
    with pytest.raises(ValueError, match="feature_dim must be positive"):
        CamPlusPlusConfig(feature_dim=1)


def test_features_must_fit() -> None:
    with pytest.raises(ValueError, match=r"features must be \(batch, frames, 17\), got \(1, 3, 16\)"):
        settled(SMALL)(torch.zeros(1, 3, 16))
    with pytest.raises(ValueError, match="more than 0 frames, got 0"):
        settled(SMALL)(torch.zeros(1, 0, 17))
    with pytest.raises(DataError, match="skip_energy needs features with use_energy"):
        ModelConfig(FrontendConfig(features=FbankConfig(n_mels=17)), SMALL)
    features = FbankConfig(n_mels=16, use_energy=True)
    with pytest.raises(DataError, match="'unit' needs logarithmic power filter banks"):
        ModelConfig(FrontendConfig(features=features, cmvn=CmvnConfig()), SMALL)


def test_exported_and_read_again(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    frontend = FrontendConfig(features=FbankConfig(n_mels=16, use_energy=True))
    model = SpeakerModel(ModelConfig(frontend, SMALL), settled(SMALL))
    export_onnx(model, tmp_path / "cam.onnx")
    wave = 1000 * torch.randn(20000).numpy()
    there, back = (x.embed(Int16Scale(wave)) for x in (model, SpeakerModel.load(tmp_path / "cam.onnx")))
    torch.testing.assert_close(torch.from_numpy(there), torch.from_numpy(back), rtol=1e-4, atol=1e-4)
