"""An nnet3 network of any form as the embedding network of a model."""

import kaldiio
import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.io.kaldi.files import new_writer
from pysid.nnet3.config_lines import parse_config_line
from pysid.nnet3.file import put_nnet3
from pysid.nnet3.network import Nnet3Config, Nnet3Network

LINES = (
    "input-node name=input dim=2",
    "component-node name=a component=c input=Append(input, Offset(input, 2))",
    "output-node name=output input=a",
)
COMPONENT = {"c": "<NoOpComponent> <Dim> 4 </NoOpComponent>"}


@pytest.fixture
def content(make_nnet3):
    writer = new_writer(binary=False)
    put_nnet3(writer, make_nnet3(LINES, COMPONENT), binary=False)
    return writer.content()


def test_what_must_be_known_is_read_off_the_network(content):
    network = Nnet3Network(content, "net.txt")
    assert network.config == Nnet3Config(2, 4, 2)
    assert network.content == content
    x = torch.arange(10.0).reshape(1, 5, 2)
    assert network(x)[0].tolist() == [0, 1, 4, 5]  # frames 0 and 2


def test_extra_lines_move_the_output_and_are_kept(content):
    line = parse_config_line("output-node name=output input=Offset(input, 3)", "extract.config:1")
    network = Nnet3Network(content, "net.txt", [line])
    assert network.config == Nnet3Config(2, 2, 3, (line.text,))
    assert network(torch.arange(10.0).reshape(1, 5, 2))[0].tolist() == [6, 7]


def test_it_gives_kaldis_embeddings(golden):
    lines = [parse_config_line((golden / "nnet3" / "extract.config").read_text().strip(), "extract.config:1")]
    network = Nnet3Network((golden / "nnet3" / "tdnnf.raw").read_bytes(), "tdnnf.raw", lines)
    key = "espeak_dem1_1"
    features = dict(kaldiio.load_ark(str(golden / "feats" / "nnet_input.ark")))[key].copy()
    expected = dict(kaldiio.load_ark(str(golden / "nnet3" / "xvectors_tdnnf.ark")))[key]
    with torch.no_grad():
        found = network(torch.from_numpy(features)[None])[0].numpy()
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


def test_what_is_broken_is_named(content):
    with pytest.raises(DataError, match=r"^net\.txt:\d+: "):
        Nnet3Network(content[: len(content) // 2], "net.txt")
    for sizes in ((0, 4, 2), (2, 0, 2), (2, 4, -1)):
        with pytest.raises(ValueError, match="must be positive, and context must not be negative"):
            Nnet3Config(*sizes)
