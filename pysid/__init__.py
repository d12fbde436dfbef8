"""Speaker identification and diarization: the Kaldi VoxCeleb x-vector system in plain Python and PyTorch."""

from typing import TYPE_CHECKING

from pysid._version import __version__

if TYPE_CHECKING:
    from pysid.api import LoadedModel

__all__ = ["__version__", "load"]


def load(path_or_name: str | None = None, device: str = "cpu") -> "LoadedModel":
    """Opens a speaker model, which embeds, verifies and diarizes.

    Args:
        path_or_name: a model directory, an `.onnx` file, or a model that ships with pysid: "default" (as None is) or
            "xvector".
        device: "cpu", "cuda" or "cuda:N".
    Raises:
        pysid.errors.DataError: there is no such model, or it is damaged.
    """
    from pysid.api import LoadedModel
    from pysid.model.directory import DEFAULT_MODEL

    return LoadedModel.load(path_or_name or DEFAULT_MODEL, device)
