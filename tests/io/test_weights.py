"""safetensors files by hand: whatever a header says, one line."""

import json

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import nn

from pysid.errors import DataError
from pysid.io.weights import load_network, read_safetensors, save_weights


def written(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def tensor(dtype, shape, start, stop):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    ("header", "data", "length"),
    [
        (b"", b"", None),
        (b"{}", b"", 2**62),
        (b"{", b"", None),
        (b"[" * 100_000, b"", None),
        (b'{"a": 9}', b"", None),
        ({"a": tensor("BF16", [2], 0, 4)}, bytes(4), None),
        ({"a": tensor("F8_E4M3", [2], 0, 2)}, bytes(2), None),
        ({"a": tensor("C64", [1], 0, 8)}, bytes(8), None),
        ({"a": tensor("X1", [2], 0, 2)}, bytes(2), None),
        ({"a": tensor("F32", [2**62, 2**62], 0, 8)}, bytes(8), None),
        ({"a": tensor("F32", [2**40], 0, 2**42)}, bytes(8), None),
        ({"a": tensor("F32", [-2], 0, 8)}, bytes(8), None),
        ({"a": tensor("F32", [2.5], 0, 10)}, bytes(10), None),
        ({"a": tensor("F32", [2], 8, 0)}, bytes(8), None),
        ({"a": tensor("F32", [2], 0, 8), "b": tensor("F32", [2], 4, 12)}, bytes(12), None),
        ({"a": tensor("F32", [2], 0, 8)}, bytes(7), None),
    ],
)
def test_hostile_headers(tmp_path, header, data, length):
    path = written(tmp_path / "x.safetensors", header, data, length)
    with pytest.raises(DataError, match=r"x\.safetensors: expected a safetensors file, got: ") as caught:
        read_safetensors(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numbers_that_are_not_finite(tmp_path, value, kind):
    path = tmp_path / "x.safetensors"
    safetensors.numpy.save_file({"a": np.zeros(3, np.int64), "b": np.array([[0, value]], kind)}, path)
    with pytest.raises(DataError, match=r"x\.safetensors: expected finite numbers, got a NaN or an infinity in 'b'$"):
        read_safetensors(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"no such file; is .* a whole model directory"):
        read_safetensors(tmp_path / "x.safetensors")


@pytest.mark.parametrize("half", [False, True])
def test_weights_come_back(tmp_path, half):
    torch.manual_seed(0)

    def make():
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))

    network = make()
    save_weights(network, tmp_path / "x.safetensors", half)
    other = load_network(make, tmp_path / "x.safetensors")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-3 if half else 0, atol=0)


def test_weights_of_another_network(tmp_path):
    safetensors.numpy.save_file({"weight": np.ones((2, 3), np.float32)}, tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=r"does not fit config\.json: lacks 1 tensors, such as 'bias'"):
        load_network(lambda: nn.Linear(3, 2), tmp_path / "x.safetensors")
    safetensors.numpy.save_file(
        {"weight": np.ones((2, 3), np.float32), "bias": np.ones(5, np.float32)}, tmp_path / "x.safetensors"
    )
    with pytest.raises(DataError, match=r"does not fit config\.json: .*bias") as caught:
        load_network(lambda: nn.Linear(3, 2), tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)


def deep():
    return nn.Sequential(*(nn.Linear(2, 2) for _ in range(100_000)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(10**9, 10**9), "(lacks most|the network does not fit into memory)"),
        (lambda: nn.Linear(10**4, 10**4), "lacks most of the network's numbers, which are more than 60"),
        (lambda: nn.Linear(-1, 2), "Trying to create tensor with negative dimension -1"),
        (deep, "lacks most of the network's tensors, which are more than 20"),
    ],
)
def test_networks_of_any_size_that_are_not_those_of_the_weights(tmp_path, make, message):
    save_weights(nn.Linear(2, 2), tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=rf"x\.safetensors: does not fit config\.json: {message}"):
        load_network(make, tmp_path / "x.safetensors")
