"""WeSpeaker's residual networks; against the toolkit itself: tests/model/toolkits."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.networks import n_parameters
from pysid.embedding.resnet import ResNet, wespeaker_resnet

SMALL = replace(wespeaker_resnet(50, feature_dim=17, embedding_dim=5, channels=4), blocks=(2, 1, 1, 1))


@pytest.mark.parametrize(("depth", "millions"), [(34, 6.63), (152, 19.81), (221, 23.79), (293, 28.62)])
def test_parameters_are_those_that_the_toolkit_names(depth: int, millions: float) -> None:
    """Of WeSpeaker examples/voxceleb/v2/README.md and, of 152 layers, runtime/onnxruntime/README.md.

    They are cut off after two digits; 80 bands, 256 dimensions.
    """
    with torch.device("meta"):
        network = ResNet(wespeaker_resnet(depth))  # type: ignore[arg-type]
    assert n_parameters(network) / 1e6 == pytest.approx(millions, abs=0.01)


def test_bottlenecks_in_a_batch_equal_one_by_one() -> None:
    torch.manual_seed(0)
    network = ResNet(SMALL)
    network(torch.randn(4, 40, 17))  # batch norms see some data
    network.eval()
    utterances = [torch.randn(n, 17) for n in (41, 7, 64)]
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, torch.tensor([len(x) for x in utterances]))
        alone = torch.cat([network(x[None]) for x in utterances])
    torch.testing.assert_close(batch, alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(padded[1:2, :7] + 3.0), alone[1:2], rtol=1e-4, atol=1e-4)  # the mean is off
    fused = [x for _, x in extract(network, [("a", x.numpy()) for x in utterances], ExtractConfig(chunk_size=-1))]
    torch.testing.assert_close(torch.from_numpy(fused[0]), alone[0], rtol=1e-4, atol=1e-4)


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    network = ResNet(SMALL)
    (network(torch.randn(3, 40, 17)) * torch.randn(3, 5)).sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())
