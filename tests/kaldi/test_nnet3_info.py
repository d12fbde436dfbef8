"""Networks in words and figures, as nnet3-info prints them."""

from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.nnet3_info import component_info, network_info, summary
from pysid.nnet3.file import read_nnet3

NETWORKS = Path(__file__).parents[1] / "golden" / "kaldi" / "nnet3"


def test_it_is_what_kaldi_prints():
    assert network_info(read_nnet3(NETWORKS / "small.raw")) == (NETWORKS / "info_small.txt").read_text()


@pytest.mark.parametrize("name", ["etdnn", "tdnnf"])
def test_other_networks(name):
    model = read_nnet3(NETWORKS / f"{name}.raw")
    out = network_info(model)
    lines = [line for line in out.splitlines() if line.startswith("component name=")]
    assert lines == [f"component name={name} type={component_info(x)}" for name, x in model.components.items()]
    assert "left-context: 0\nright-context: " in out
    parameters = sum(
        x[key].size
        for x in model.components.values()
        if "LearningRate" in x.fields
        for key in ("Params", "LinearParams", "BiasParams")
        if key in x.fields
    )
    assert f"\nnum-parameters: {parameters}\n" in out


def test_a_vector_of_few_values_is_shown_whole():
    assert summary(np.array([-3.14159, 12.6, 0.0])) == "[ -3.1 13 0 ]"


def test_a_vector_of_many_values_is_shown_in_percentiles():
    text = summary(np.arange(101)[::-1])
    assert text.startswith("[percentiles(0,1,2,5 10,20,50,80,90 95,98,99,100)=(0,1.0,2.0,5.0 10,20,50,80,90 95,98,99,1")
    assert text.endswith(f"00), mean=50, stddev={np.arange(101).std():.3g}]")


def test_a_network_without_input(tmp_path):
    text = (NETWORKS / "small.txt").read_text()
    path = tmp_path / "net"
    path.write_text("".join(x for x in text.splitlines(keepends=True) if not x.startswith("input-node ")))
    with pytest.raises(DataError, match="net: expected an input-node, got none"):
        network_info(read_nnet3(path))
