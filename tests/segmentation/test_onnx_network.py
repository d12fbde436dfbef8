import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.segmentation.onnx_network import OnnxSegmentation
from pysid.segmentation.pyannote import PyanNet

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper  # noqa: E402

METADATA = {
    "sample_rate": "16000",
    "window_size": "16000",
    "receptive_field_size": "991",
    "receptive_field_shift": "270",
    "num_speakers": "3",
    "powerset_max_classes": "2",
}


def graph(n_classes=7, stride=270, metadata=METADATA, shape=("N", 1, "T"), n_inputs=1):
    """Of samples (N, 1, T) the absolute values every `stride`, as so many classes of unlike weight."""
    weights = helper.make_tensor("W", TensorProto.FLOAT, [n_classes, 1, 1], [float(i) for i in range(n_classes)])
    inputs = [helper.make_tensor_value_info(f"x{i or ''}", TensorProto.FLOAT, shape) for i in range(n_inputs)]
    nodes = [
        helper.make_node("Abs", ["x"], ["a"]),
        helper.make_node("Conv", ["a", "W"], ["c"], strides=[stride], kernel_shape=[1]),
        helper.make_node("Transpose", ["c"], ["y"], perm=[0, 2, 1]),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "F", n_classes])
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, [output], [weights]), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    helper.set_model_props(model, metadata)
    return model.SerializeToString()


def test_sizes_come_from_the_metadata():
    network = OnnxSegmentation(graph(), "g.onnx")
    assert (network.powerset.n_speakers, network.powerset.max_together) == (3, 2)
    assert network.grid.step_s == 270 / 16000
    assert network.grid.first_s == (991 - 270) / 2 / 16000
    assert network.grid.window_s == 1.0


def test_without_metadata_they_are_found_out():
    network = OnnxSegmentation(graph(n_classes=11, metadata={}), "g.onnx")
    assert (network.powerset.n_speakers, network.powerset.max_together) == (4, 2)
    assert network.grid.step_s == pytest.approx(270 / 16000, rel=1e-2)
    assert network.grid.window_s == 10.0


def test_samples_are_scaled_and_classes_sum_to_one():
    network = OnnxSegmentation(graph(), "g.onnx")
    found = network(torch.full((2, 2700), 32768.0))
    expected = torch.arange(7.0).log_softmax(0)
    torch.testing.assert_close(found, expected.expand(2, 10, 7))


def test_a_graph_for_one_length_gets_shorter_windows_padded():
    network = OnnxSegmentation(graph(shape=(1, 1, 2700), metadata={}), "g.onnx")
    assert network.grid.window_s == 2700 / 16000
    assert network(torch.ones(3, 2700)).shape == (3, 10, 7)
    assert network(torch.ones(1, 1350)).shape == (1, 5, 7)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (graph(n_classes=6), "expected classes for the sets of some speakers, got 6 of 3 speakers, 2 at once"),
        (graph(n_classes=6, metadata={}), "got 6 of unknown speakers"),
        (graph(n_inputs=2), r"expected one input of samples, \(batch, 1, samples\), got x .*, x1 "),
        (graph(metadata={"sample_rate": "many"}), "expected a positive whole number as sample_rate"),
        (graph(metadata={"sample_rate": "9" * 5000}), "expected a positive whole number as sample_rate"),
        (graph(metadata={"num_speakers": "9" * 9}), "expected classes for the sets of some speakers, got 7 of 9999999"),
        (b"nothing", "g.onnx: expected an ONNX model"),
    ],
)
def test_other_graphs_are_refused(content, message):
    with pytest.raises(DataError, match=message):
        OnnxSegmentation(content, "g.onnx")


def test_an_export_gives_what_the_network_gives(tmp_path):
    torch.manual_seed(0)
    network = PyanNet().eval()
    network.low_hz.data[:, 0] = torch.linspace(0, 3000, 40)
    network.band_hz.data[:, 0] = torch.linspace(20, 400, 40)

    class Unit(torch.nn.Module):  # samples within [-1, 1], as pyannote's own
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x[:, 0] * 32768)

    path = tmp_path / "segmentation.onnx"
    torch.onnx.export(
        Unit().eval(),
        (torch.randn(2, 1, 16000),),
        str(path),
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "N", 2: "T"}, "y": {0: "N", 1: "T"}},
        opset_version=17,
        dynamo=False,
    )
    exported = OnnxSegmentation.read(path)
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 1000, (2, 24000)).astype(np.float32))
    with torch.no_grad():
        torch.testing.assert_close(exported(x), network(x), rtol=1e-3, atol=1e-3)
