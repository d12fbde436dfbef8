"""pysid's own JSON of a transcript, see `pysid.transcript.formats.json`."""

from pysid.io.json_values import JsonValue
from pysid.transcript.words import Word

NAME = "pysid transcript"
EXPECTED = "'utterances' with 'words'"
VERSION = 1


def recognises(document: JsonValue) -> bool:
    """Whether a document is a transcript of pysid's."""
    value = document.value
    return isinstance(value, dict) and value.get("kind") == "transcript" and "utterances" in value


def read(document: JsonValue) -> list[Word]:
    """Its words, with their speakers.

    Raises:
        ValueError: it is of another version, or damaged.
    """
    version = document["version"].number()
    if version != VERSION:
        raise ValueError(f"expected version {VERSION}, got {version:g}")
    words = []
    for utterance in document["utterances"].items():
        speaker = utterance.get("speaker")
        for word in utterance["words"].items():
            confidence = word.get("confidence")
            words.append(
                Word(
                    word["start_s"].seconds(),
                    word["end_s"].seconds(),
                    word["text"].text(),
                    None if confidence is None else confidence.number(),
                    glued="glued" in word,
                    ends_segment="ends_segment" in word,
                    estimated="estimated" in word,
                    speaker=None if speaker is None else speaker.text(),
                )
            )
    return words
