"""How many speak at each moment: nobody, one, or several at once.

A small network that is trained on conversations of which this is known, such as `pysid prepare conversations` makes. It
reads the log-mel features that an embedding network reads, so that in diarization it costs next to nothing.
"""

from pysid.activity.detector import Activity, ActivityDetector
from pysid.activity.network import ActivityConfig, ActivityNetwork

__all__ = [
    "Activity",
    "ActivityConfig",
    "ActivityDetector",
    "ActivityNetwork",
]
