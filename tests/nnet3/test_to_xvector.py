"""Plain x-vector networks from Kaldi's files into `XVector`."""

import kaldiio
import numpy as np
import pytest
import torch

from pysid.embedding.xvector import FrameLayerConfig, XVectorConfig
from pysid.errors import DataError
from pysid.io.kaldi.files import new_writer
from pysid.nnet3.file import put_nnet3, read_nnet3
from pysid.nnet3.to_xvector import load_xvector

PARITY = {
    "xvectors": ("small.raw", "extract.config", 0),
    "xvectors_tdnn7": ("small.txt", "extract_tdnn7.config", 1),
    "xvectors_etdnn": ("etdnn.raw", "extract_etdnn.config", 0),
}


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
