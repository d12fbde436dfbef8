"""Speaker identification and diarization: the Kaldi VoxCeleb x-vector system in plain Python and PyTorch."""

from pysid._version import __version__

__all__ = ["__version__"]
