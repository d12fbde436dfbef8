"""A segmentation network in a model directory."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.segmentation.files import read_segmenter, write_segmenter
from pysid.segmentation.network import MelNet, MelNetConfig

SMALL = MelNetConfig(feature_dim=9, channels=(8, 12, 12), hidden=8, n_heads=2)
FEATURES = FbankConfig(n_mels=8, use_energy=True, snip_edges=False)


@pytest.fixture
def written(tmp_path) -> Path:
    torch.manual_seed(0)
    network = MelNet(SMALL)
    network(5 + torch.randn(2, 100, 9))
    write_segmenter(tmp_path, network, FEATURES)
    return tmp_path


@pytest.mark.parametrize("half", [False, True])
def test_it_is_what_it_was_after_writing_and_reading(written, half):
    known = read_segmenter(written)
    write_segmenter(written / "again", known.network, FEATURES, half)
    read = read_segmenter(written / "again")
    assert read.features == FEATURES and read.network.config == SMALL
    x = 5 + torch.randn(2, 60, 9)
    torch.testing.assert_close(read(x), known(x), atol=2e-2 if half else 0, rtol=0)
    sizes = [(folder / "segmentation.safetensors").stat().st_size for folder in (written, written / "again")]
    assert (sizes[1] < 0.8 * sizes[0]) == half


def test_damaged_files(written):
    weights = written / "segmentation.safetensors"
    tensors = safetensors.torch.load_file(weights)
    weights.write_bytes(safetensors.torch.save({k: v for k, v in tensors.items() if k != "output.weight"}))
    message = r"segmentation\.safetensors: does not fit segmentation\.json: lacks 1 tensors, such as 'output.weight'"
    with pytest.raises(DataError, match=message):
        read_segmenter(written)
    weights.write_bytes(b"no")
    with pytest.raises(DataError, match=r"segmentation\.safetensors: expected a safetensors file"):
        read_segmenter(written)
    plain = json.loads((written / "segmentation.json").read_text())
    plain["network"]["feature_dim"] = 5
    (written / "segmentation.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match=r"network\.feature_dim is 5, but the features have 9"):
        read_segmenter(written)
    plain["features"]["snip_edges"] = True
    (written / "segmentation.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match="must be filter banks with use_energy, without htk_compat and snip_edges"):
        read_segmenter(written)
    (written / "segmentation.json").unlink()
    assert read_segmenter(written) is None
