"""What config.json may say."""

import json
import shutil
from pathlib import Path

import pytest

from pysid.embedding.extract import ExtractConfig
from pysid.embedding.xvector import XVectorConfig
from pysid.errors import DataError
from pysid.frontend import VOXCELEB
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel


@pytest.fixture
def copy(model, tmp_path):
    return Path(shutil.copytree(model, tmp_path / "copy"))


def test_a_config_whose_parts_do_not_fit():
    network = XVectorConfig(feature_dim=24)
    with pytest.raises(DataError, match=r"network.feature_dim is 24, but the frontend gives 30"):
        ModelConfig(VOXCELEB, network)
    with pytest.raises(DataError, match=r"extract.min_chunk_size is 14, but the network needs chunks of more than 14"):
        ModelConfig(VOXCELEB, extract=ExtractConfig(min_chunk_size=14))
    assert ModelConfig(VOXCELEB, extract=ExtractConfig(min_chunk_size=15)).sample_rate == 16000


def edit(directory, **changes):
    plain = json.loads((directory / "config.json").read_text())
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            plain[part][key] = value
        else:
            plain[part] = value
    (directory / "config.json").write_text(json.dumps(plain))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network__layers": 3}, "config.json: unknown key 'network.layers'; known here: feature_dim, "),
        ({"network__segment_dims": "16"}, "config.json: 'network.segment_dims' must be a list, got '16'"),
        ({"network__segment_dims": []}, "config.json: network: an x-vector network needs at least one"),
        ({"network__feature_dim": 24}, "config.json: network.feature_dim is 24, but the frontend gives 30"),
        ({"extract__min_chunk_size": 3}, "config.json: extract.min_chunk_size is 3, but"),
        ({"extract__pad_input": "no"}, "config.json: 'extract.pad_input' must be true or false, got 'no'"),
        ({"frontend": None}, "config.json: 'frontend' must be a group of settings, got None"),
        ({"network__segment_dims": [16, 17]}, "model.safetensors: does not fit config.json: "),
        ({"network__segment_dims": [16]}, "does not fit config.json: has superfluous 4 tensors, such as "),
        ({"network__segment_dims": [16, 16, 16]}, "does not fit config.json: lacks 4 tensors, such as "),
    ],
)
def test_a_config_that_was_edited(copy, changes, message):
    edit(copy, **changes)
    with pytest.raises(DataError) as error:
        SpeakerModel.load(copy)
    assert str(error.value).startswith(str(copy)) and message in str(error.value)
    assert "\n" not in str(error.value)
