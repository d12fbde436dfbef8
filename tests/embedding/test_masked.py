"""Embeddings of parts: as if each were pooled from the frames of the whole recording."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pysid.embedding.campplus import CamPlusPlus, CamPlusPlusConfig
from pysid.embedding.ecapa import Ecapa, EcapaConfig
from pysid.embedding.masked import ALIGNED, MARGIN, MaskedEmbedder
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.embedding.xvector import XVector, XVectorConfig

T, D = 700, 21


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    small = ResNetConfig(feature_dim=D, channels=(4, 8), blocks=(1, 1), strides=((1, 1), (2, 2)), embedding_dim=5)
    made = {
        "resnet": ResNet(small),
        "xvector": XVector(XVectorConfig(feature_dim=D)),
        "ecapa": Ecapa(EcapaConfig(feature_dim=D, channels=16, scale=4, pooled_dim=24, embedding_dim=5)),
        "campplus": CamPlusPlus(CamPlusPlusConfig(feature_dim=D, layers=(1, 1, 1), embedding_dim=5)),
    }
    return {name: network.eval() for name, network in made.items()}


@pytest.fixture(scope="module")
def features() -> Tensor:
    return torch.randn(T, D, generator=torch.Generator().manual_seed(1)) + torch.linspace(0, 3, D)


def embedder(network: nn.Module, features: Tensor, chunk: int) -> MaskedEmbedder:
    return MaskedEmbedder(network, lambda first, end: features[first:end], len(features), chunk)


@pytest.mark.parametrize("name", ["resnet", "xvector", "ecapa", "campplus"])
def test_all_of_a_recording_is_its_embedding(name: str, features: Tensor) -> None:
    network = networks()[name]
    with torch.inference_mode():
        whole = network(features[None])[0].numpy()
    (found,) = embedder(network, features, 10 * T)(0, np.ones((1, T), np.float32))
    np.testing.assert_allclose(found, whole, atol=2e-3 * np.abs(whole).max())


@pytest.mark.parametrize("name", ["resnet", "xvector"])
def test_chunks_make_no_difference(name: str, features: Tensor) -> None:
    """To networks whose frames see little around them."""
    network = networks()[name]
    masks = np.zeros((2, 400), np.float32)
    masks[0, 48:176] = masks[1, 208:384] = 1
    whole = embedder(network, features, 10 * T)(144, masks)
    pieces = embedder(network, features, 10 * ALIGNED)(144, masks)
    assert MARGIN >= 64
    np.testing.assert_allclose(pieces, whole, atol=1e-3 * np.abs(whole).max())


@pytest.mark.parametrize("name", ["resnet", "xvector", "ecapa", "campplus"])
def test_parts_differ_and_the_mask_says_which(name: str, features: Tensor) -> None:
    network = networks()[name]
    embed = embedder(network, features, 10 * T)
    masks = np.zeros((3, 600), np.float32)
    masks[0, :200], masks[1, 300:] = 1, 1
    masks[2] = masks[0]
    first, second, again = embed(64, masks)
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-6)
    assert np.abs(first - second).max() > 1e-3 * np.abs(first).max()
    (shifted,) = embed(0, np.pad(masks[:1], ((0, 0), (64, 0))))
    np.testing.assert_allclose(shifted, first, atol=1e-3 * np.abs(first).max())


def test_other_networks_get_the_frames_joined(features: Tensor) -> None:
    class Means(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("home", torch.zeros(0))

        def forward(self, x: Tensor, n_frames: Tensor | None = None) -> Tensor:
            return x.mean(1)

    mask = np.zeros((1, 300), np.float32)
    mask[0, 10:60] = mask[0, 100:160] = 1
    (found,) = embedder(Means().eval(), features, 2000)(50, mask)
    expected = torch.cat([features[60:110], features[150:210]]).mean(0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_recording_shorter_than_the_network_sees(features: Tensor) -> None:
    network = networks()["xvector"]
    (found,) = MaskedEmbedder(network, lambda a, b: features[a:b], 5, 2000)(0, np.ones((1, 5), np.float32))
    assert np.isfinite(found).all()
