"""Statistics lose the digits that they lose in Kaldi, and nothing else changes."""

import numpy as np
import pytest

from pysid.nnet3.file import read_nnet3
from pysid.nnet3.rewrite import as_rewritten, read_directly, rewritten_moments

LINES = [
    "input-node name=input dim=3",
    "component-node name=r component=r input=input",
    "component-node name=b component=b input=r",
    "output-node name=output input=b",
]


def test_means_that_single_precision_holds_stay():
    mean, variance = np.array([0.5, -2.0], np.float32), np.array([1.0, 0.25], np.float32)
    for found, stored in zip(rewritten_moments(mean, variance, 4.0), (mean, variance), strict=True):
        np.testing.assert_array_equal(found, stored)
        assert found.dtype == np.float32


def test_a_variance_far_below_the_square_of_the_mean_is_off():
    """Squares of single precision: a mean of 1000 leaves 1e-7 of a million, which is 0.06 or so."""
    _, variance = rewritten_moments(np.array([1000.1], np.float32), np.array([0.01], np.float32), 3.0)
    assert abs(variance[0] - 0.01) < 0.2
    assert variance[0] != np.float32(0.01)


@pytest.fixture
def model(make_nnet3):
    relu = "<Dim> 3 <ValueAvg> [ 0.1 0.2 0.3 ] <DerivAvg> [ 0.1 0.2 0.3 ] <Count> 7"
    relu += " <OderivRms> [ 0.1 0.2 0.3 ] <OderivCount> 0 <SelfRepairScale> 0.1"
    norm = "<Dim> 3 <BlockDim> 3 <Epsilon> 0.001 <TargetRms> 1 <TestMode> F <Count> 7"
    norm += " <StatsMean> [ 100.1 0.2 0.3 ] <StatsVar> [ 0.1 0.2 0.3 ]"
    return make_nnet3(
        LINES,
        {
            "r": f"<RectifiedLinearComponent> {relu} </RectifiedLinearComponent>",
            "b": f"<BatchNormComponent> {norm} </BatchNormComponent>",
        },
    )


def test_only_statistics_change(model):
    again = as_rewritten(model)
    assert again.lines == model.lines
    for name, statistics in (("r", {"ValueAvg", "DerivAvg", "OderivRms"}), ("b", {"StatsMean", "StatsVar"})):
        old, new = model.components[name], again.components[name]
        assert (new.type, list(new.fields)) == (old.type, list(old.fields))
        changed = {key for key in old.fields if not np.array_equal(old[key], new[key])}
        assert changed <= statistics and changed
    assert again.components["r"]["OderivRms"].tolist() == [0, 0, 0]  # of no frames
    np.testing.assert_allclose(again.components["b"]["StatsMean"], [100.1, 0.2, 0.3], rtol=1e-6)


def test_a_network_read_directly_goes_through_it_once(model):
    assert {record.n_rewrites for record in model.components.values()} == {2}
    assert {record.n_rewrites for record in read_directly(model).components.values()} == {1}


NETWORKS = ["small", "etdnn", "tdnnf"]


@pytest.mark.parametrize("name", NETWORKS)
def test_batch_norm_statistics_lose_the_digits_that_kaldi_loses(golden, name):
    n_changed = 0
    text, binary = (read_nnet3(golden / "nnet3" / f"{name}.{kind}").components for kind in ("txt", "raw"))
    for node, record in binary.items():
        if record.type == "BatchNormComponent":
            moments = rewritten_moments(record["StatsMean"], record["StatsVar"], record["Count"])
            for key, values in zip(("StatsMean", "StatsVar"), moments, strict=True):
                printed = np.array([f"{x:.7g}" for x in values.tolist()], np.float32)
                np.testing.assert_array_equal(printed, text[node][key])
                n_changed += int((printed != record[key]).sum())
    assert n_changed > 0
