"""Local segmentation: who speaks when within a window of some seconds, overlapping speech included.

For each frame of a window, a network gives the probabilities of sets of local speakers (`powerset`). Its speakers are
those of the window alone: matching them to those of the next is left to diarization (`pysid.diarization`).

Sources: A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
Interspeech 2023; H. Bredin and A. Laurent, "End-to-end speaker segmentation for overlap-aware resegmentation",
Interspeech 2021.
"""

from pysid.segmentation.powerset import Powerset
from pysid.segmentation.protocol import FrameGrid, SegmentationNetwork

__all__ = ["FrameGrid", "Powerset", "SegmentationNetwork"]
