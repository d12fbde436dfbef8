"""`XVector` into Kaldi's files, whose networks compute the same."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.nnet3.file import read_nnet3
from pysid.nnet3.from_xvector import export_xvector
from pysid.nnet3.graph import load_nnet3
from pysid.nnet3.to_xvector import load_xvector

LAYERS = (FrameLayerConfig(6, (-2, 0, 1)), FrameLayerConfig(7, (-3,)), FrameLayerConfig(5))


@pytest.fixture
def trained():
    """A small network with batch-norm statistics."""

    def make(**options):
        torch.manual_seed(0)
        network = XVector(XVectorConfig(4, LAYERS, segment_dims=(6, 3), **options)).train()
        for _ in range(30):
            network.classifier_input(torch.randn(8, 20, 4) + 1)
        return network.eval()

    return make


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("options", [{}, {"order": "norm-relu", "embedding_layer": 1}])
def test_an_exported_network_computes_the_same(trained, tmp_path, options, binary):
    network = trained(**options)
    path = tmp_path / "final.raw"
    export_xvector(network, path, binary=binary)
    x = torch.randn(3, 25, 4)
    n_frames = torch.tensor([25, 11, 19])
    rtol = 1e-4 if binary else 1e-3
    torch.testing.assert_close(load_nnet3(path)(x, n_frames), network(x, n_frames), rtol=rtol, atol=rtol)
    again = load_xvector(path)
    if not options:
        assert again.config == replace(network.config, kaldi_rounding=True)
        torch.testing.assert_close(again(x, n_frames), network(x, n_frames), rtol=rtol, atol=rtol)


def test_an_exported_classifier_computes_the_same(trained, tmp_path):
    network, output = trained(), nn.Linear(3, 9)
    export_xvector(network, tmp_path / "final.raw", output)
    x = torch.randn(3, 25, 4)
    with torch.no_grad():
        expected = output(network.classifier_input(x)[0]).log_softmax(-1)
    torch.testing.assert_close(load_nnet3(tmp_path / "final.raw")(x), expected, rtol=1e-4, atol=1e-4)
    assert load_xvector(tmp_path / "final.raw").config == replace(network.config, kaldi_rounding=True)


def test_an_export_has_the_lines_of_kaldis_recipe(golden, tmp_path):
    kaldis = read_nnet3(golden / "nnet3" / "small.raw")
    network = load_xvector(golden / "nnet3" / "small.raw")
    export_xvector(network, tmp_path / "final.raw", nn.Linear(20, 8))
    ours = read_nnet3(tmp_path / "final.raw")
    assert [line.text for line in ours.lines] == [line.text for line in kaldis.lines]
    for name, record in ours.components.items():
        assert record.type == kaldis.components[name].type
        assert list(record.fields) == list(kaldis.components[name].fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "attention"}, "needs pooling='statistics', got 'attention'"),
        ({"unbiased_std": True}, "needs unbiased_std=False, got True"),
        ({"norm_affine": True}, "needs norm_affine=False, got True"),
        ({"frame_layers": (FrameLayerConfig(4, (-1, 1), 1),)}, "needs padding=0, got 1"),
    ],
)
def test_other_networks_cannot_be_exported(tmp_path, options, message):
    network = XVector(XVectorConfig(**{"frame_layers": LAYERS, "segment_dims": (4,), **options}))
    with pytest.raises(ValueError, match=message):
        export_xvector(network, tmp_path / "final.raw")
