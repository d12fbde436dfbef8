import pytest
import torch

from pysid.embedding.campplus import CamPlusPlus, CamPlusPlusConfig
from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.fused.campplus import FusedCamPlusPlus
from pysid.embedding.fused.forms import fused_form

SMALL = CamPlusPlusConfig(
    feature_dim=17, head_channels=4, channels=12, growth=4, bottleneck=8, layers=(2, 3, 2), embedding_dim=6
)


@pytest.fixture(scope="module")
def network() -> CamPlusPlus:
    """One whose batch norms have seen some data and have scales of their own."""
    torch.manual_seed(0)
    made = CamPlusPlus(SMALL)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d) and module.affine:
            torch.nn.init.normal_(module.weight, 1.0, 0.3)
            torch.nn.init.normal_(module.bias, 0.0, 0.3)
    for _ in range(3):
        made(torch.randn(4, 60, 17))
    return made.eval()


@pytest.mark.parametrize("n_frames", [1, 2, 37, 199, 200, 201, 640])
def test_it_gives_the_numbers_of_the_network(network: CamPlusPlus, n_frames: int) -> None:
    """Around multiples of the frames that a mask is the mean of, too: 100 of every second one."""
    x = torch.randn(3, n_frames, 17)
    with torch.no_grad():
        expected = network(x)
    found = FusedCamPlusPlus(network).embed(list(x))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_lengths_may_differ_and_their_order_stays(network: CamPlusPlus) -> None:
    utterances = [torch.randn(n, 17) for n in (50, 30, 50, 90)]
    found = FusedCamPlusPlus(network).embed(utterances)
    with torch.no_grad():
        expected = torch.cat([network(x[None]) for x in utterances])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_network_itself_stays_as_it_is(network: CamPlusPlus) -> None:
    before = {name: x.clone() for name, x in network.state_dict().items()}
    FusedCamPlusPlus(network).embed([torch.randn(40, 17)])
    assert all(torch.equal(x, before[name]) for name, x in network.state_dict().items())


def test_extraction_goes_by_it(network: CamPlusPlus) -> None:
    fused = fused_form(network)
    assert isinstance(fused, FusedCamPlusPlus)
    x = torch.randn(80, 17)
    ((_, found),) = extract(network, [("a", x.numpy())], ExtractConfig(chunk_size=-1))
    torch.testing.assert_close(torch.from_numpy(found), fused.embed([x])[0], rtol=1e-6, atol=1e-6)


def test_in_half_precision_it_is_close(network: CamPlusPlus) -> None:
    x = torch.randn(1, 120, 17)
    exact, rough = (FusedCamPlusPlus(network, dtype).embed(list(x)) for dtype in (torch.float32, torch.bfloat16))
    assert float(torch.cosine_similarity(exact, rough)) > 0.98 and not torch.equal(exact, rough)
