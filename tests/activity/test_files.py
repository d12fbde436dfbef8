"""The files of a detector, there and back, and what is refused of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from pysid.activity import ActivityConfig, ActivityDetector, ActivityNetwork
from pysid.activity.files import read_detector, write_detector
from pysid.errors import DataError
from pysid.frontend import FbankConfig

FEATURES = FbankConfig(n_mels=20, use_energy=True, snip_edges=False)
NETWORK = ActivityConfig(feature_dim=21, channels=16, dilations=(1, 2, 4, 8))


@pytest.fixture
def written(tmp_path) -> Path:
    torch.manual_seed(0)
    network = ActivityNetwork(NETWORK)
    network(torch.randn(2, 100, 21))
    write_detector(tmp_path, ActivityDetector(network, FEATURES))
    return tmp_path


@pytest.mark.parametrize("half", [False, True])
def test_a_detector_is_what_it_was_after_writing_and_reading(written, half):
    detector = read_detector(written)
    write_detector(written / "again", detector, half)
    x = torch.randn(50, 21)
    read = read_detector(written / "again")
    assert read.features == FEATURES and read.network.config == NETWORK
    np.testing.assert_allclose(read(x).speech, detector(x).speech, atol=1e-2 if half else 0)
    size = [(folder / "activity.safetensors").stat().st_size for folder in (written, written / "again")]
    assert (size[1] < 0.8 * size[0]) == half


def test_damaged_files(written):
    weights = written / "activity.safetensors"
    tensors = safetensors.torch.load_file(weights)
    weights.write_bytes(safetensors.torch.save({k: v for k, v in tensors.items() if k != "stem.weight"}))
    message = r"activity\.safetensors: does not fit activity\.json: lacks 1 tensors, such as 'stem.weight'"
    with pytest.raises(DataError, match=message):
        read_detector(written)
    weights.write_bytes(b"no")
    with pytest.raises(DataError, match=r"activity\.safetensors: expected a safetensors file"):
        read_detector(written)
    weights.unlink()
    with pytest.raises(DataError, match=r"activity\.safetensors: no such file"):
        read_detector(written)
    plain = json.loads((written / "activity.json").read_text())
    plain["network"]["feature_dim"] = 5
    (written / "activity.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match=r"network\.feature_dim is 5, but the features have 21"):
        read_detector(written)
    (written / "activity.json").unlink()
    assert read_detector(written) is None
