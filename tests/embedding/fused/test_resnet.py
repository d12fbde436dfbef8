"""A residual network without batch norms behind its convolutions gives the network's numbers."""

from dataclasses import replace

import pytest
import torch

from pysid.embedding.fused import resnet as fused_resnet
from pysid.embedding.fused.forms import fused_form
from pysid.embedding.fused.resnet import FusedResNet
from pysid.embedding.resnet import ResNet, ResNetConfig

SMALL = ResNetConfig(feature_dim=17, channels=(4, 6), blocks=(2, 1), strides=((1, 1), (2, 2)), embedding_dim=5)
CONFIGS = {
    "statistics": SMALL,
    "squeezed": replace(SMALL, squeeze=2, pooling="attentive"),
    "attention": ResNetConfig(
        feature_dim=16, skip_energy=False, channels=(4, 6), blocks=(1, 1), strides=((1, 1), (2, 1)), pooling="attention"
    ),
}


def settled(config: ResNetConfig) -> ResNet:
    """A network in eval mode whose batch norms do something."""
    torch.manual_seed(0)
    network = ResNet(config)
    for name, x in network.named_parameters():
        if ".excite." in name or ".scores." in name:
            torch.nn.init.normal_(x, std=0.3)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 2.0)
            module.bias.data.normal_()
            module.get_buffer("running_mean").normal_()
            module.get_buffer("running_var").uniform_(0.5, 2.0)
    return network.eval()


def utterances(dim: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, dim, generator=generator) for n in (1, 15, 64, 201)]


@pytest.mark.parametrize("dtype, bound", [(torch.float32, 1e-5), (torch.bfloat16, 5e-2)])
@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_the_network(name: str, dtype: torch.dtype, bound: float) -> None:
    network = settled(CONFIGS[name])
    before = {key: x.clone() for key, x in network.state_dict().items()}
    data = utterances(network.config.feature_dim)
    fused = fused_form(network, dtype)
    assert isinstance(fused, FusedResNet)
    assert fused is fused_form(network, dtype)
    with torch.inference_mode():
        expected = torch.cat([network(x[None]) for x in data])
    found = fused.embed(data)
    assert found.dtype == torch.float32
    assert ((found - expected).norm(dim=1) / expected.norm(dim=1)).max() <= bound
    assert all(torch.equal(x, before[key]) for key, x in network.state_dict().items())


def test_those_of_one_length_go_together_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_resnet, "BATCH_FRAMES", 130)
    fused = FusedResNet(settled(SMALL))
    generator = torch.Generator().manual_seed(2)
    data = [torch.randn(n, 17, generator=generator) for n in (64, 15, 64, 201, 64, 15, 64, 64)]
    sizes: list[int] = []
    fused.network.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    together = fused.embed(data)
    assert sizes == [2, 2, 1, 2, 1]
    alone = torch.cat([fused.embed([x]) for x in data])
    assert ((together - alone).norm(dim=1) / alone.norm(dim=1)).max() <= 1e-5


def test_it_is_made_anew_when_a_weight_changes() -> None:
    network = settled(SMALL)
    first = fused_form(network)
    network.stem.norm.bias.data.add_(1.0)
    with torch.no_grad():
        network.stem.conv.weight.mul_(2.0)
    second = fused_form(network)
    assert first is not None and second is not None and second is not first
    (x,) = utterances(17)[-1:]
    with torch.inference_mode():
        assert torch.allclose(second.embed([x]), network(x[None]), atol=1e-4)


def test_none_in_training_and_no_utterances() -> None:
    assert fused_form(settled(SMALL).train()) is None
    assert FusedResNet(settled(SMALL)).embed([]).shape == (0, 5)
