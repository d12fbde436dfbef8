"""Plain x-vector networks from Kaldi's files into `XVector` and back."""

from dataclasses import replace

import kaldiio
import numpy as np
import pytest
import torch
from torch import nn

from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.errors import DataError
from pysid.io.kaldi.files import new_writer
from pysid.nnet3.file import put_nnet3, read_nnet3
from pysid.nnet3.from_xvector import export_xvector
from pysid.nnet3.graph import load_nnet3
from pysid.nnet3.to_xvector import load_xvector

PARITY = {
    "xvectors": ("small.raw", "extract.config", 0),
    "xvectors_tdnn7": ("small.txt", "extract_tdnn7.config", 1),
    "xvectors_etdnn": ("etdnn.raw", "extract_etdnn.config", 0),
}
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


@pytest.mark.parametrize("archive", sorted(PARITY))
def test_matches_kaldi(golden, archive):
    name, config, embedding_layer = PARITY[archive]
    network = load_xvector(golden / "nnet3" / name, golden / "nnet3" / config)
    assert not network.training
    assert network.config.embedding_layer == embedding_layer
    reference = dict(kaldiio.load_ark(str(golden / "nnet3" / f"{archive}.ark")))
    features = dict(kaldiio.load_ark(str(golden / "feats" / "nnet_input.ark")))
    for key in ("espeak_dem1_1", "flite_slt_2", "noise_white"):
        with torch.no_grad():
            got = network(torch.from_numpy(features[key].copy())[None])[0].numpy()
        assert np.linalg.norm(got - reference[key]) < 1e-4 * np.linalg.norm(reference[key]), key


def test_the_configuration_is_read_off_the_network(golden):
    assert load_xvector(golden / "nnet3" / "small.raw").config == XVectorConfig(
        feature_dim=30,
        frame_layers=(
            FrameLayerConfig(24, (-2, -1, 0, 1, 2)),
            FrameLayerConfig(24, (-2, 0, 2)),
            FrameLayerConfig(24, (-3, 0, 3)),
            FrameLayerConfig(24),
            FrameLayerConfig(60),
        ),
        segment_dims=(20, 20),
        kaldi_rounding=True,
    )
    assert len(load_xvector(golden / "nnet3" / "etdnn.raw").config.frame_layers) == 10


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


def test_other_networks_are_named(golden):
    with pytest.raises(DataError, match=r"tdnnf\.txt:\d+: node tdnnf2\.noop: expected a plain x-vector network"):
        load_xvector(golden / "nnet3" / "tdnnf.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "output-node name=output input=tdnn5.affine\n",
            "a.config:1: expected input=tdnn6.affine or tdnn7.affine",
        ),
        ("# nothing\n", "a.config: expected an output-node with the name output, got none"),
    ],
)
def test_an_extract_config_must_name_a_segment_layer(golden, tmp_path, text, message):
    (tmp_path / "a.config").write_text(text)
    with pytest.raises(DataError, match=message):
        load_xvector(golden / "nnet3" / "small.raw", tmp_path / "a.config")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"<RightContext> 10000", b"<RightContext> 99", None),
        (
            b"<LeftContext> 0",
            b"<LeftContext> 9",
            "expected <LeftContext> 0 in a plain x-vector network, got 9",
        ),
        (b"<OutputStddevs> T", b"<OutputStddevs> F", "expected <OutputStddevs> True"),
        (b"<TargetRms> 1 ", b"<TargetRms> 2 ", "expected a target of 1 and one block"),
        (b"<Epsilon> 0.001 ", b"<Epsilon> 0.01 ", "expected one epsilon in all batch norms, got"),
        (
            b"component=tdnn1.relu ",
            b"component=tdnn1.batchnorm ",
            "node tdnn1.batchnorm: .*got a second norm",
        ),
        (
            b"input=Round(stats-pooling-0-10000, 1)",
            b"input=Round(stats-pooling-0-10000, 2)",
            "got the input Round",
        ),
    ],
)
def test_small_deviations_from_plain_are_named(golden, tmp_path, old, new, message):
    data = (golden / "nnet3" / "small.txt").read_bytes()
    assert old in data
    (tmp_path / "final.txt").write_bytes(data.replace(old, new, 1))
    if message is None:
        load_xvector(tmp_path / "final.txt")
    else:
        with pytest.raises(DataError, match=message):
            load_xvector(tmp_path / "final.txt")


def test_a_network_cut_off_at_its_embedding_is_plain_too(golden, tmp_path):
    full = read_nnet3(golden / "nnet3" / "small.raw", golden / "nnet3" / "extract.config")
    cut = {"tdnn6.relu", "tdnn6.batchnorm", "output.affine", "output.log-softmax"}
    cut |= {f"tdnn7.{part}" for part in ("affine", "relu", "batchnorm")}
    lines = tuple(line for line in full.lines if line.node.name not in cut)
    writer = new_writer()
    put_nnet3(writer, type(full)(lines, full.components, "cut"), binary=True)
    (tmp_path / "cut.raw").write_bytes(writer.content())
    network = load_xvector(tmp_path / "cut.raw")
    assert network.config.segment_dims == (20,)
    x = torch.randn(2, 40, 30)
    whole = load_xvector(golden / "nnet3" / "small.raw", golden / "nnet3" / "extract.config")
    torch.testing.assert_close(network(x), whole(x))
