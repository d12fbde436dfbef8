"""Speaker identification and diarization: the Kaldi VoxCeleb x-vector system in plain Python and PyTorch."""

from typing import TYPE_CHECKING

from pysid._version import __version__

if TYPE_CHECKING:
    from pysid.model import SpeakerModel

__all__ = ["__version__", "load"]


def load(path_or_name: str | None = None, device: str = "cpu") -> "SpeakerModel":
    """Opens a speaker model: a model directory, or one that ships with pysid by its name (the default one if None).

    Raises:
        pysid.errors.DataError: there is no such model, or it is damaged.
    """
    from pysid.model import DEFAULT_MODEL, SpeakerModel

    return SpeakerModel.load(path_or_name or DEFAULT_MODEL, device)
