"""ONNX graphs as embedding networks: the graph is fed what its configuration says, and misfits are told."""

import dataclasses
import pickle
import sys

import numpy as np
import pytest
import torch

from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.onnx_network import OnnxConfig, OnnxNetwork
from pysid.errors import DataError
from pysid.frontend import CmvnConfig, Fbank, FbankConfig, FrontendConfig, MfccConfig

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

DIM, WIDTH = 6, 4
WEIGHTS = np.random.default_rng(0).normal(size=(DIM, WIDTH)).astype(np.float32)
FLOAT = onnx.TensorProto.FLOAT
CONFIG = OnnxConfig(DIM, WIDTH, subtract_mean=False)


def graph(shape=("B", "T", DIM), layout="BTD", *, pool="ReduceMax", domain="", keepdims=0, element=FLOAT):
    """A model: the largest value of each feature over time (or what `pool` takes), times WEIGHTS."""
    helper = onnx.helper
    weights = WEIGHTS.astype(helper.tensor_dtype_to_np_dtype(element))
    nodes = [
        helper.make_node(pool, ["feats"], ["pooled"], domain=domain, axes=[layout.index("T")], keepdims=keepdims),
        helper.make_node("MatMul", ["pooled", "weights"], ["embs"]),
    ]
    return model(nodes, shape, element, [onnx.numpy_helper.from_array(weights, "weights")])


def model(nodes, shape, element=FLOAT, weights=(), outputs=("embs",)):
    helper = onnx.helper
    inputs = [helper.make_tensor_value_info("feats", element, shape)]
    values = [helper.make_tensor_value_info(name, element, None) for name in outputs]
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("toolkit", 1)]
    return helper.make_model(
        helper.make_graph(nodes, "speaker", inputs, values, weights), opset_imports=opsets, ir_version=8
    )


def network(config=CONFIG, *args, **options):
    return OnnxNetwork(graph(*args, **options).SerializeToString(), "m.onnx", config)


@pytest.fixture
def features():
    return torch.randn(3, 50, DIM, generator=torch.Generator().manual_seed(0))


def expected(frames):
    return frames.max(0).values.numpy() @ WEIGHTS


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        ("BTD", ("B", "T", DIM)),
        ("BTD", (1, None, None)),
        ("BDT", ("B", DIM, "T")),
        ("BDT", (1, DIM, "T")),
    ],
)
def test_both_layouts_padded_or_not(features, layout, shape):
    opened = network(dataclasses.replace(CONFIG, layout=layout), shape, layout)
    assert opened.config.context == 0
    np.testing.assert_allclose(opened(features), [expected(x) for x in features], rtol=1e-5)
    features[1, 20:] = 100.0  # of no account
    counts = torch.tensor([50, 20, 1])
    wanted = [expected(x[:n]) for x, n in zip(features, counts, strict=True)]
    np.testing.assert_allclose(opened(features, counts), wanted, rtol=1e-5)
    assert opened(features[:0]).shape == (0, WIDTH)


@pytest.mark.parametrize(("element", "tolerance"), [(onnx.TensorProto.FLOAT16, 1e-2), (onnx.TensorProto.DOUBLE, 1e-6)])
def test_other_precisions(features, element, tolerance):
    opened = network(CONFIG, element=element)
    assert opened(features).dtype == torch.float32
    np.testing.assert_allclose(opened(features), [expected(x) for x in features], atol=tolerance)


def test_the_mean_is_that_of_each_utterance(features):
    opened = network(dataclasses.replace(CONFIG, subtract_mean=True))
    counts = torch.tensor([50, 20, 7])
    wanted = [expected(x[:n] - x[:n].mean(0)) for x, n in zip(features, counts, strict=True)]
    np.testing.assert_allclose(opened(features, counts), wanted, rtol=1e-5, atol=1e-5)


def test_the_energy_is_left_out(features):
    opened = network(dataclasses.replace(CONFIG, feature_dim=DIM + 1, skip_energy=True))
    with_energy = torch.cat([torch.full((3, 50, 1), 9.0), features], 2)
    np.testing.assert_array_equal(opened(with_energy), network()(features))


@pytest.mark.parametrize("skip_energy", [False, True])
def test_unit_scale_is_that_of_a_waveform_scaled_down(skip_energy):
    """Also where the waveform is so quiet that the floor of the logarithm has its say."""
    wave = 3000 * torch.randn(1, 16000, generator=torch.Generator().manual_seed(0))
    wave[0, 4000:6000] = 0.0
    wave[0, 6000:9000] *= 1e-5
    banks = FbankConfig(n_mels=DIM, use_energy=skip_energy)
    at_int16 = Fbank(banks)(wave)
    at_unit = Fbank(FbankConfig(n_mels=DIM))(wave / 32768)
    assert (at_unit == at_unit.min()).all(2).sum() > 20
    c = OnnxConfig(DIM + skip_energy, WIDTH, skip_energy=skip_energy, subtract_mean=False, wave_scale="unit")
    c.check(FrontendConfig(features=banks), ExtractConfig())
    np.testing.assert_allclose(network(c)._prepare(at_int16[0]), at_unit[0], atol=2e-5)


def test_a_fixed_number_of_frames_is_met_by_cutting_and_padding(features):
    c = dataclasses.replace(CONFIG, fixed_frames=20)
    opened = network(c, (1, 20, DIM))
    assert c.context == 19
    chunks = ExtractConfig(chunk_size=20, min_chunk_size=20)
    c.check(FrontendConfig(features=FbankConfig(n_mels=DIM)), chunks)
    x = features[0].numpy()
    ((_, embedding),) = extract(opened, [("a", x)], chunks)
    parts = [(20, x[:20]), (20, x[20:40]), (10, x[40:])]
    wanted = sum(n * expected(torch.from_numpy(part)) for n, part in parts) / 50
    np.testing.assert_allclose(embedding, wanted, rtol=1e-5)
    with pytest.raises(DataError, match=r"takes 20 frames, so extract.chunk_size and .* must be 20,"):
        c.check(FrontendConfig(features=FbankConfig(n_mels=DIM)), ExtractConfig(chunk_size=20))


def test_one_of_several_outputs(features):
    content = graph()
    content.graph.output.append(onnx.helper.make_tensor_value_info("pooled", FLOAT, None))
    with pytest.raises(DataError, match=r"^m.onnx: network.output is not set; the graph has embs, pooled$"):
        OnnxNetwork(content.SerializeToString(), "m.onnx", CONFIG)
    opened = OnnxNetwork(content.SerializeToString(), "m.onnx", dataclasses.replace(CONFIG, output="embs"))
    np.testing.assert_allclose(opened(features)[0], expected(features[0]), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        (("B", "T", 5), {}, r"expected an input of the shape \(B, T, 6\), layout BTD, got \(B, T, 5\)$"),
        (("B", DIM, "T"), {}, r"expected an input of the shape \(B, T, 6\), layout BTD, got \(B, 6, T\)$"),
        ((1, DIM, 20), {}, r"expected an input of the shape \(B, T, 6\), layout BTD, got \(1, 6, 20\)$"),
        (("B", "T", DIM), {"skip_energy": True}, r"expected .* shape \(B, T, 5\), layout BTD, got \(B, T, 6\)$"),
        (("B", DIM, 20), {"layout": "BDT"}, "the graph takes 20 frames: set network.fixed_frames to that$"),
        (("B", 20, DIM), {"fixed_frames": 30}, "the graph takes 20 frames: set network.fixed_frames to that$"),
        ((8, "T", DIM), {}, r"expected an input of the shape \(B, T, 6\), layout BTD, got \(8, T, 6\)$"),
        (("B", None), {}, r"expected an input of the shape \(B, T, 6\), layout BTD, got \(B, \?\)$"),
        (("B", "S", "T", DIM), {}, r"expected an input of the shape .*, got \(B, S, T, 6\)$"),
        (("B", "T", DIM), {"input": "wave"}, "network.input is 'wave'; the graph has feats$"),
        (("B", "T", DIM), {"output": "y"}, "network.output is 'y'; the graph has embs$"),
    ],
)
def test_a_graph_that_is_not_as_configured(shape, changes, message):
    content = model([onnx.helper.make_node("Identity", ["feats"], ["embs"])], shape).SerializeToString()
    with pytest.raises(DataError, match=f"^m.onnx: {message}"):
        OnnxNetwork(content, "m.onnx", dataclasses.replace(CONFIG, **changes))


def test_embeddings_of_another_width(features):
    opened = network(dataclasses.replace(CONFIG, embedding_dim=5))
    with pytest.raises(DataError, match=r"^m.onnx: expected embeddings of 5 dimensions, got .* shape \(1, 4\)$"):
        opened(features)


def test_further_axes_of_length_one_are_no_matter(features):
    np.testing.assert_array_equal(network(CONFIG, keepdims=1)(features), network()(features))


def test_frames_that_the_graph_cannot_do_with(features):
    opened = network(CONFIG, ("B", None, None))
    with pytest.raises(DataError, match=r"^m.onnx: cannot embed 50 frames: [^\[\n]*$"):
        opened(features[..., :5])


def external(folder):
    path = folder / "outside.onnx"
    onnx.save_model(graph(), path, save_as_external_data=True, size_threshold=0, location="weights.bin")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: b"", "got: No graph was found"),
        (lambda _: b"no model", "got: .*protobuf parsing failed"),
        (lambda _: pickle.dumps([1, 2]), "got: .*protobuf parsing failed"),
        (lambda _: graph().SerializeToString()[:80], "got: .*protobuf parsing failed"),
        (lambda _: graph(pool="Foo", domain="toolkit").SerializeToString(), "got: .*toolkit:Foo.* is not a regist"),
        (external, r"got: its weights are in another file; in Python, onnx.save\(onnx.load\(OLD\), NEW\)"),
    ],
    ids=["empty", "text", "pickle", "cut off", "operators of its own", "weights elsewhere"],
)
def test_what_is_not_run(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where onnxruntime would look for weights
    with pytest.raises(DataError, match=rf"^m.onnx: expected an ONNX model, {message}") as error:
        OnnxNetwork(content(tmp_path), "m.onnx", CONFIG)
    assert "\n" not in str(error.value) and "ONNXRuntimeError" not in str(error.value)


def test_integers_are_no_features():
    content = graph(element=onnx.TensorProto.INT32)
    with pytest.raises(DataError, match=r"^m.onnx: expected an input of floating-point numbers, got tensor\(int32\)"):
        OnnxNetwork(content.SerializeToString(), "m.onnx", CONFIG)


def test_without_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DataError, match=r"^m.onnx: an ONNX model needs .*: pip install 'pysid\[onnx\]'$"):
        OnnxNetwork(graph().SerializeToString(), "m.onnx", CONFIG)


@pytest.mark.parametrize(
    ("changes", "frontend", "message"),
    [
        ({"skip_energy": True}, {"features": FbankConfig()}, "skip_energy needs features with use_energy"),
        ({"skip_energy": True}, {"features": FbankConfig(use_energy=True, htk_compat=True)}, "without htk_compat"),
        ({"wave_scale": "unit"}, {"features": MfccConfig()}, "wave_scale 'unit' needs logarithmic power filter banks"),
        ({"wave_scale": "unit"}, {"features": FbankConfig(use_log=False)}, "needs logarithmic power"),
        ({"wave_scale": "unit"}, {"features": FbankConfig(use_energy=True)}, "without htk_mode, energy"),
        ({"wave_scale": "unit"}, {"features": FbankConfig(), "cmvn": CmvnConfig()}, "and CMVN"),
    ],
)
def test_a_front_end_that_does_not_fit(changes, frontend, message):
    with pytest.raises(DataError, match=f"^network.*{message}"):
        dataclasses.replace(CONFIG, **changes).check(FrontendConfig(**frontend), ExtractConfig())


@pytest.mark.parametrize("name", ["feature_dim", "embedding_dim", "min_frames", "fixed_frames"])
def test_sizes_are_positive(name):
    with pytest.raises(ValueError, match=f"^{name} must be positive, got 0$"):
        dataclasses.replace(CONFIG, **{name: 0})
