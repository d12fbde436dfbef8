"""Local segmentation: who speaks when within a window of some seconds, overlapping speech included.

A network gives for each frame of a window the probabilities of sets of local speakers (`powerset`). Its speakers are
those of the window alone: who of one window is who of the next is for diarization to find (`pysid.diarization`).

Sources: A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
Interspeech 2023; H. Bredin and A. Laurent, "End-to-end speaker segmentation for overlap-aware resegmentation",
Interspeech 2021.
"""

from pysid.segmentation.powerset import Powerset
from pysid.segmentation.protocol import FrameGrid, SegmentationNetwork

__all__ = ["FrameGrid", "Powerset", "SegmentationNetwork"]
