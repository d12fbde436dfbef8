import shutil

import pytest
import torch

from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.exchange.from_kaldi import read_package
from pysid.model.speaker_model import SpeakerModel
from pysid.nnet3.from_xvector import export_xvector

NETWORK = XVectorConfig(
    feature_dim=30, frame_layers=(FrameLayerConfig(12, (-1, 0, 1)), FrameLayerConfig(16)), segment_dims=(24, 8)
)


@pytest.fixture
def package(golden, tmp_path):
    """The folder of a network of Kaldi's, in a package without a back-end."""

    def make(name="small", extract_config="extract.config", kind="raw", root="package"):
        folder = tmp_path / root / "exp" / "xvector_nnet_1a"
        folder.mkdir(parents=True)
        shutil.copy(golden / "nnet3" / f"{name}.{kind}", folder / "final.raw")
        shutil.copy(golden / "nnet3" / extract_config, folder / "extract.config")
        return dressed(golden, folder)

    return make


@pytest.fixture
def whole(golden, tmp_path):
    """The same of a network of ours, for the embeddings of Kaldi's back-end, which lies in a folder of its own."""
    folder = tmp_path / "package" / "exp" / "xvector_nnet_1a"
    (folder / "xvectors_train").mkdir(parents=True)
    torch.manual_seed(0)
    export_xvector(XVector(NETWORK), folder / "final.raw")
    for name in ("mean.vec", "transform.mat", "plda"):
        shutil.copy(golden / "backend" / name, folder / "xvectors_train")
    return dressed(golden, folder)


def dressed(golden, folder):
    (folder / "min_chunk_size").write_text("25\n")
    (folder / "max_chunk_size").write_text("10000\n")
    conf = folder / ".." / ".." / "conf"
    conf.mkdir()
    shutil.copy(golden / "feats" / "mfcc_voxceleb.conf", conf / "mfcc.conf")
    shutil.copy(golden / "feats" / "vad.conf", conf / "vad.conf")
    return folder


@pytest.fixture
def convert():
    """Reads the model of a package, through its directory."""

    def read(folder, choices=None):
        directory = folder.parent / "model"
        read_package(folder, choices).save(directory, folder)
        return SpeakerModel.load(directory), directory

    return read
