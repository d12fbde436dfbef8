"""The fused form of a network gives the network's numbers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from pysid.embedding.fused import frame_stream
from pysid.embedding.fused.forms import fused_form
from pysid.embedding.fused.xvector import FusedXVector
from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig

SMALL = XVectorConfig(
    feature_dim=6,
    frame_layers=(
        FrameLayerConfig(130, (-2, -1, 0, 1, 2)),
        FrameLayerConfig(140, (-2, 0, 2)),  # wide enough to be a sum of products
        FrameLayerConfig(8, (-3, 1, 3)),
        FrameLayerConfig(10),
    ),
    segment_dims=(7, 5),
    n_heads=2,
    attention_dim=4,
)
CONFIGS = {
    "kaldi": SMALL,
    "as Kaldi rounds": replace(SMALL, kaldi_rounding=True),
    "unbiased": replace(SMALL, unbiased_std=True),
    "second segment layer": replace(SMALL, embedding_layer=1),
    "attention": replace(SMALL, pooling="attention"),
    "norm before the ReLU": replace(SMALL, order="norm-relu"),
    "affine norm": replace(SMALL, norm_affine=True),
    "published port": SMALL.as_published_port(),
    "published port, attention": replace(SMALL.as_published_port(), pooling="attention", embedding_layer=1),
}
LENGTHS = (15, 16, 63, 64, 65, 200)


def settled(config: XVectorConfig) -> XVector:
    """A network in eval mode whose batch norms do something."""
    generator = torch.Generator().manual_seed(0)
    network = XVector(config)
    for name, x in [*network.named_parameters(), *network.named_buffers()]:
        if name.endswith("num_batches_tracked"):
            continue
        values = torch.randn(x.shape, generator=generator)
        if "norm" in name:
            values = values.abs() + 0.3 if "mean" not in name else 0.5 * values
        x.data.copy_(values / x.shape[1] ** 0.5 if x.ndim == 2 else values)
    return network.eval()


def utterances(*lengths: int, dim: int = 6) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, dim, generator=generator) for n in lengths]


def one_by_one(network: XVector, data: list[torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([network(x[None]) for x in data])


def assert_same(ours: torch.Tensor, expected: torch.Tensor, bound: float = 3e-6) -> None:
    difference = (ours - expected).norm(dim=1) / expected.norm(dim=1)
    assert difference.max() <= bound, difference


@pytest.mark.parametrize("block", [1024, 64, 16])
@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_the_network(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_stream, "BLOCK_FRAMES", block)
    network = settled(CONFIGS[name])
    fused = fused_form(network)
    assert fused is not None
    data = utterances(*LENGTHS)
    # Kaldi's variance is a difference of sums, which magnifies the last bit.
    assert_same(fused.embed(data), one_by_one(network, data), 5e-6 if name == "as Kaldi rounds" else 3e-6)
    # Nothing is left of the utterance before: the other way round, and again. (To the last bit this is not so on all
    # machines: what a matrix product rounds may depend on where in memory its operands lie.)
    assert_same(fused.embed(data[::-1]).flip(0), fused.embed(data), 1e-6)
    for x in data:
        with torch.inference_mode():
            expected = network.frame_level(x[None])[0][0]
        torch.testing.assert_close(fused.frames(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("block", [1024, 64])
@pytest.mark.parametrize("name", ["kaldi", "as Kaldi rounds", "unbiased", "attention", "norm before the ReLU"])
def test_windows(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_stream, "BLOCK_FRAMES", block)
    network = settled(CONFIGS[name])
    fused = fused_form(network)
    assert fused is not None
    (x,) = utterances(200)
    bounds = [(0, 200), (0, 50), (25, 75), (50, 100), (51, 66), (150, 200), (25, 75)]
    assert_same(fused.embed_windows(x, bounds), one_by_one(network, [x[a:b] for a, b in bounds]), 2e-6)


def test_kaldis_network_at_its_size() -> None:
    network = settled(XVectorConfig())
    fused = fused_form(network)
    assert fused is not None
    data = utterances(40, 1500, dim=30)
    assert_same(fused.embed(data), one_by_one(network, data))


@pytest.mark.parametrize("block", [1024, 64])
@pytest.mark.parametrize("name", ["kaldi", "as Kaldi rounds", "attention", "published port"])
def test_half_precision_is_close(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_stream, "BLOCK_FRAMES", block)
    network = settled(CONFIGS[name])
    data = utterances(200, 300)
    half = fused_form(network, torch.bfloat16)
    assert half is not None and half is not fused_form(network)
    assert_same(half.embed(data), one_by_one(network, data), 2e-2)
    assert half.embed(data).dtype == torch.float32


def test_no_utterances() -> None:
    assert FusedXVector(settled(SMALL)).embed([]).shape == (0, 7)


def test_it_is_kept_until_a_weight_changes() -> None:
    network, data = settled(SMALL), utterances(30)
    first = fused_form(network)
    assert first is fused_form(network)
    with torch.no_grad():
        network.frame_layers[1].affine.weight.mul_(1.5)  # type: ignore[union-attr, operator]
    second = fused_form(network)
    assert second is not None and second is not first
    assert_same(second.embed(data), one_by_one(network, data))
    network.load_state_dict({k: 0.5 * v for k, v in network.state_dict().items()})
    third = fused_form(network)
    assert third is not None
    assert_same(third.embed(data), one_by_one(network, data))
    network.train()(torch.randn(4, 40, 6))  # batch norms take in what they see
    network.eval()
    fourth = fused_form(network)
    assert fourth is not None
    assert_same(fourth.embed(data), one_by_one(network, data))


def test_a_network_made_in_inference_mode() -> None:
    with torch.inference_mode():
        network = settled(SMALL)
        fused = fused_form(network)
        assert fused is fused_form(network)
        network.frame_layers[0].affine.bias.mul_(2.0)  # type: ignore[union-attr, operator]
    again, data = fused_form(network), utterances(30)
    assert fused is not None and again is not None
    assert_same(again.embed(data), one_by_one(network, data))


class Other(XVector):
    """A network that computes something else."""


def test_what_has_none() -> None:
    assert fused_form(settled(SMALL).train()) is None
    assert fused_form(settled(SMALL).double()) is None
    assert fused_form(Other(SMALL).eval()) is None
    assert fused_form(torch.nn.Linear(2, 2).eval()) is None
    padded = (*SMALL.frame_layers[:-1], FrameLayerConfig(10, (-1, 0, 1), padding=1))
    assert fused_form(XVector(replace(SMALL, frame_layers=padded)).eval()) is None


def test_several_threads_at_a_time() -> None:
    fused, data = FusedXVector(settled(SMALL)), utterances(*range(20, 60))
    expected = fused.embed(data)
    with ThreadPoolExecutor(4) as pool:
        found = torch.cat(list(pool.map(lambda x: fused.embed([x]), data * 5)))
    assert_same(found, expected.repeat(5, 1))


@pytest.mark.parametrize(
    ("shape", "message"), [((30, 5), r"\(frames, 6\), got \(30, 5\)"), ((14, 6), "more than 14 frames, got 14")]
)
def test_wrong_input(shape: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FusedXVector(settled(SMALL)).embed([torch.zeros(shape)])
