"""Transcripts with speakers: the words that a recogniser found, given to the turns of a diarization.

>>> from pysid.segments import Segment, Turn
>>> words = Transcript([Word(0.0, 0.5, "Good"), Word(0.5, 1.0, "morning."), Word(1.2, 1.6, "Hello!")])
>>> turns = [Turn(Segment(0.0, 1.1), "anna"), Turn(Segment(1.1, 2.0), "ben")]
>>> for utterance in utterances(with_speakers(words, turns)):
...     print(f"{utterance.speaker}: {utterance.text}")
anna: Good morning.
ben: Hello!
"""

from collections.abc import Sequence

from pysid.segments import Turn
from pysid.transcript.assign import NEAREST_S, assign_speakers
from pysid.transcript.recognisers import read_transcript
from pysid.transcript.sentences import MAX_STRAY_WORDS, smooth
from pysid.transcript.utterances import Utterance, utterances
from pysid.transcript.words import Transcript, Word

__all__ = ["Transcript", "Utterance", "Word", "read_transcript", "utterances", "with_speakers"]


def with_speakers(
    transcript: Transcript,
    turns: Sequence[Turn],
    *,
    nearest_s: float = NEAREST_S,
    max_stray_words: int = MAX_STRAY_WORDS,
) -> Transcript:
    """A transcript whose words have the speakers of the turns.

    Args:
        nearest_s: see `assign_speakers`.
        max_stray_words: that a sentence may lose to another speaker without being torn, see `smooth`; 0 leaves all.
    """
    words = assign_speakers(transcript.words, turns, nearest_s)
    return Transcript(smooth(words, max_stray_words) if max_stray_words else words, transcript.language)
