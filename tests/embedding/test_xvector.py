import re
from pathlib import Path

import pytest
import torch
import yaml

from pysid.config import from_plain
from pysid.embedding.networks import n_parameters
from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig

SMALL = XVectorConfig(
    feature_dim=6,
    frame_layers=(
        FrameLayerConfig(8, (-2, -1, 0, 1, 2)),
        FrameLayerConfig(8, (-2, 0, 2)),
        FrameLayerConfig(8, (-3, 0, 3)),
        FrameLayerConfig(10),
    ),
    segment_dims=(7, 5),
    attention_dim=4,
)


def settled(config: XVectorConfig) -> XVector:
    """A network whose batch norms have seen some data, in eval mode."""
    torch.manual_seed(0)
    model = XVector(config)
    for _ in range(30):
        model.classifier_input(torch.randn(8, 40, config.feature_dim))
    return model.eval()


def test_default_is_voxceleb_v2() -> None:
    model = XVector()
    shapes = [tuple(layer.affine.weight.shape) for layer in [*model.frame_layers, *model.segment_layers]]
    assert shapes == [
        (512, 150),
        (512, 1536),
        (512, 1536),
        (512, 512),
        (1500, 512),
        (512, 3000),
        (512, 512),
    ]
    assert model.config.context == 14 and not list(model.frame_layers[0].norm.parameters())


@pytest.mark.parametrize("pooling", ["statistics", "attention"])
@pytest.mark.parametrize("port", [False, True], ids=["kaldi", "port"])
def test_batch_equals_one_by_one(pooling: str, port: bool) -> None:
    config = XVectorConfig(**{**vars(SMALL), "pooling": pooling})
    model = settled(config.as_published_port() if port else config)
    lengths = torch.tensor([40, 17, 25])
    x = torch.randn(3, 40, 6)
    x[1, 17:] = 1e4  # what stands behind the end must not matter
    together = model(x, lengths)
    for i, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(together[i], model(x[i : i + 1, :n])[0], rtol=1e-5, atol=1e-5)
    order = [2, 0, 1]
    torch.testing.assert_close(model(x[order], lengths[order]), together[order], rtol=1e-5, atol=1e-5)


def test_embedding_is_the_affine_output_of_the_chosen_layer() -> None:
    model = settled(SMALL)
    other = XVector(XVectorConfig(**{**vars(SMALL), "embedding_layer": 1})).eval()
    other.load_state_dict(model.state_dict())
    x = torch.randn(2, 30, 6)
    first = model(x)
    assert first.shape == (2, 7)
    expected = other.segment_layers[1].affine(other.segment_layers[0].activate(first))
    torch.testing.assert_close(other(x), expected)


def test_port_differs_where_it_should() -> None:
    port = SMALL.as_published_port()
    assert (port.context, port.order, port.norm_eps) == (8, "norm-relu", 1e-5)
    layer = XVector(port).frame_layers[0].eval()
    assert len(list(layer.norm.parameters())) == 2
    assert (layer(torch.randn(1, 20, 6)) >= 0).all()  # the ReLU comes last


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 30, 5), r"\(batch, frames, 6\), got \(2, 30, 5\)"), ((2, 14, 6), "more than 14 frames, got 14")],
)
def test_wrong_input(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settled(SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embedding_layer": 2}, r"in \[0, 1\], got 2"),
        ({"feature_dim": 0}, "must be positive"),
        ({"frame_layers": ()}, "at least one frame layer"),
    ],
)
def test_wrong_configuration(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        XVectorConfig(**{**vars(SMALL), **change})


def test_the_topology_of_x_vector_kaldi_tf() -> None:
    """docs/models.md, against local/tf/models.py, ModelWithoutDropout: kernels 5, 5, 7, 1, 1, as many frames out as in.

    Each layer has weights, a bias, and a scale and an offset of its batch norm.
    """
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(network:\n.*?)```", page, re.DOTALL)
    config = from_plain(XVectorConfig, yaml.safe_load(block)["network"], "docs/models.md")
    assert config.context == 0 and config.embedding_layer == 0 and config.order == "relu-norm"
    sizes, kernels = [30, 512, 512, 512, 512, 1536], [5, 5, 7, 1, 1]
    expected = sum(k * a * b + 3 * b for k, a, b in zip(kernels, sizes, sizes[1:], strict=False))
    expected += sum(a * b + 3 * b for a, b in [(2 * 1536, 512), (512, 512)])
    with torch.device("meta"):
        assert n_parameters(XVector(config)) == expected
