"""Checkpoints that say by the names of their tensors what they are: single files, or the only one of a folder.

3D-Speaker's CAM++, ECAPA-TDNN and ERes2Net (`campplus_cn_common.bin` and such), pyannote's copy of WeSpeaker's
ResNet34, and Resemblyzer's `pretrained.pt`.
"""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from pysid.errors import DataError
from pysid.io.checkpoint import ENDINGS, read_checkpoint
from pysid.model.toolkits import resemblyzer, speechbrain, threed_speaker, wespeaker
from pysid.model.toolkits.read import ToolkitModel

Reader = Callable[[dict[str, Tensor], Path], ToolkitModel]


def _read_ecapa(weights: dict[str, Tensor], path: Path) -> ToolkitModel:
    """SpeechBrain's and 3D-Speaker's networks of this kind differ in what they are fed with alone."""
    if path.name == speechbrain.WEIGHTS:
        raise DataError(f"{path}: expected {speechbrain.SETTINGS} beside it, as SpeechBrain has it")
    return threed_speaker.read_ecapa(weights, path)


KNOWN: dict[str, Reader] = {
    "xvector.tdnn.linear.weight": threed_speaker.read_campplus,
    "blocks.0.conv.conv.weight": _read_ecapa,
    "layer1_downsample.weight": threed_speaker.read_eres2net,
    "lstm.weight_ih_l0": resemblyzer.read,
    "resnet.seg_1.weight": wespeaker.read_pyannote,
}
"""By a tensor that only such a network has."""

SEGMENTATION = "sincnet."


def claims(path: Path) -> bool:
    """Whether a path is a checkpoint, or a folder with one and no more."""
    return _file(path) is not None


def read(path: Path) -> ToolkitModel:
    """The model of a checkpoint, by the names of its tensors.

    Raises:
        DataError: it is damaged, unknown, or needs a file beside it.
    """
    file = _file(path)
    assert file is not None
    if file.name == speechbrain.WEIGHTS and speechbrain.claims(file.parent):
        return speechbrain.read(file.parent)
    weights = read_checkpoint(file)
    if any(name.startswith(SEGMENTATION) for name in weights):
        raise DataError(f"{file}: expected a network of speaker embeddings, got one for --segmentation")
    for name, reader in KNOWN.items():
        if name in weights:
            return reader(weights, file)
    if "seg_1.weight" in weights:
        raise DataError(f"{file}: expected {wespeaker.SETTINGS} beside it, as WeSpeaker has it")
    names = ", ".join(map(repr, list(weights)[:3]))
    raise DataError(f"{file}: expected a network of a known toolkit, got tensors such as {names}")


def _file(path: Path) -> Path | None:
    """The checkpoint that a path names, or holds if it is a folder of one."""
    if path.is_file():
        return path if path.suffix in ENDINGS else None
    if not path.is_dir():
        return None
    files = [x for x in sorted(path.iterdir()) if x.suffix in ENDINGS and x.is_file()]
    return files[0] if len(files) == 1 else None
