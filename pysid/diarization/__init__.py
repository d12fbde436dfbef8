"""Who spoke when: from a recording to turns of speakers.

>>> from pysid.diarization import Diarizer, SpeakerCount
>>> diarization = Diarizer.load()("meeting.wav", SpeakerCount(maximum=6))  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from pysid.diarization.steps import SpeakerCount

if TYPE_CHECKING:
    from pysid.diarization.pipeline import Diarizer
    from pysid.diarization.result import Diarization

__all__ = ["Diarization", "Diarizer", "SpeakerCount"]


def __getattr__(name: str) -> Any:
    """Imports the pipeline, and torch with it, when it is asked for: the clustering alone needs NumPy only."""
    if name in ("Diarization", "Diarizer"):
        from pysid.diarization import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
