r"""Turns of one recording as JSON, for programs and web pages.

    {
      "version": 1,
      "recording": "meeting",
      "duration_s": 12.5,
      "speakers": [
        {"speaker": "anna", "speaking_s": 1.5, ...}, ...],
      "turns": [
        {"start_s": 0.5, "end_s": 2.0, "speaker": "anna"}, ...]
    }

Times are in seconds from the start of the recording, to the millisecond. Speakers come in the order in which they
first talk; where two turns of one speaker overlap, `speaking_s` counts the time once. A reader should ignore
keys that it does not know; another `version` means that those above have changed.

What a diarization adds:

- `exclusive_turns`: like `turns`, with one speaker at a time.
- of a turn, `confidence`: see `pysid.diarization.confidence`.
- of a speaker, `share` of the time that all talk; `clean_s`, the seconds in which the speaker talks alone; `snr_db`;
  `embedding`, the voice, made of that speech by the model whose fingerprint is in `model` (biometric data: do not pass
  it on without asking); with a database, `identity`: `name`, `accepted`, `score`, `llr`, `probability`, `runner_up`,
  `runner_up_probability`.

>>> import json
>>> json.loads(format_turns_json("meeting", [Turn(Segment(0.5, 2.0), "anna")], 12.5))["speakers"]
[{'speaker': 'anna', 'speaking_s': 1.5}]
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.json_values import JsonValue, named_errors, read_json
from pysid.io.turns.cues import RecordingTurns, by_speaker, cues, milliseconds
from pysid.segments import Segment, Turn

VERSION = 1


@dataclass(frozen=True)
class TurnDetails:
    """What is known of turns besides who speaks when.

    Attributes:
        exclusive: the turns with one speaker at a time; None leaves them out.
        speakers: {speaker: more keys and plain values}.
        confidences: of the turns, each in [0, 1] or None; None leaves them out.
        model: fingerprint of the model of the embeddings.
    """

    exclusive: Sequence[Turn] | None = None
    speakers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    confidences: Sequence[float | None] | None = None
    model: str | None = None


class StoredVoice(NamedTuple):
    """The voice of a speaker as JSON holds it: the embedding (E,), its model, and the seconds that it was made of."""

    recording: str
    embedding: np.ndarray
    model: str
    clean_s: float


def format_turns_json(
    recording: str, turns: Sequence[Turn], duration_s: float, details: TurnDetails = TurnDetails()
) -> str:
    """The document, in the order of `turns`; a turn shorter than a millisecond after rounding is left out.

    Args:
        recording: its name.
        turns: of it.
        duration_s: its length.
        details: what else is known about turns and speakers.
    """
    confidences: Sequence[float | None] = [None] * len(turns) if details.confidences is None else details.confidences
    rounded = [
        (cue, confidence) for turn, confidence in zip(turns, confidences, strict=True) for cue in _rounded([turn])
    ]
    talks = by_speaker(turn for turn, _ in rounded)
    document = {
        "version": VERSION,
        "recording": recording,
        "duration_s": milliseconds(duration_s) / 1000,
        **({} if details.model is None else {"model": details.model}),
        "speakers": [
            {
                "speaker": speaker,
                "speaking_s": round(sum(segment.duration_s for segment in segments), 3),
                **details.speakers.get(speaker, {}),
            }
            for speaker, segments in talks.items()
        ],
        "turns": [
            _row(turn) | ({} if details.confidences is None else {"confidence": confidence})
            for turn, confidence in rounded
        ],
        **({} if details.exclusive is None else {"exclusive_turns": [_row(x) for x in _rounded(details.exclusive)]}),
    }
    return _laid_out(document) + "\n"


def _rounded(turns: Sequence[Turn]) -> list[Turn]:
    return [Turn(Segment(cue.start_ms / 1000, cue.end_ms / 1000), cue.speaker) for cue in cues(turns)]


def _row(turn: Turn) -> dict[str, Any]:
    return {"start_s": turn.segment.start_s, "end_s": turn.segment.end_s, "speaker": turn.speaker}


def _laid_out(document: Mapping[str, Any]) -> str:
    """JSON with a line for each speaker and each turn."""
    parts = []
    for key, value in document.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value:
            rows = ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in value)
            text = f"[\n    {rows}\n  ]"
        parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}"


def read_turns_json(path: PathLike) -> RecordingTurns:
    """Reads what `format_turns_json` wrote.

    Raises:
        DataError: the file cannot be read, is not JSON, has another version, or a value is absent or of another kind.
    """
    document = read_json(path)
    with named_errors(path):
        version = document["version"].number()
        if version != VERSION:
            raise ValueError(f"expected version {VERSION}, got {version:g}")
        turns = [json_turn(turn, "start_s", "end_s") for turn in document["turns"].items()]
        return RecordingTurns(document["recording"].text(), turns, document["duration_s"].seconds())


def read_voice(path: PathLike, speaker: str) -> StoredVoice:
    """The voice of a speaker that `pysid diarize --format json` wrote.

    Raises:
        DataError: as in `read_turns_json`; or no speaker has this name, or there is no embedding.
    """
    document = read_json(path)
    names = {turn.speaker for turn in read_turns_json(path).turns}
    if speaker not in names:
        listed = ", ".join(sorted(names)[:8]) or "nobody"
        raise DataError(f"{path}: expected the name of a speaker, got {speaker!r}; those who speak: {listed}")
    with named_errors(path):
        rows = [row for row in document["speakers"].items() if row["speaker"].text() == speaker]
        if not rows or "model" not in document or "embedding" not in rows[0] or rows[0]["embedding"].value is None:
            raise ValueError(
                f"expected the embedding of {speaker!r}, got none: give the recording as well, or make the file anew "
                "with pysid diarize --format json"
            )
        vector = np.array([x.number() for x in rows[0]["embedding"].items()], dtype=np.float32)
        return StoredVoice(document["recording"].text(), vector, document["model"].text(), rows[0]["clean_s"].seconds())


def json_turn(turn: JsonValue, start: str, end: str) -> Turn:
    """The turn in an object with "speaker" and these keys. Raises ValueError.

    Args:
        turn: the object.
        start, end: names of its times, which are seconds.
    """
    start_s, end_s = turn[start].seconds(), turn[end].seconds()
    if start_s > end_s:
        raise ValueError(f"expected {turn.place} to start before it ends, got {start_s} and {end_s}")
    return Turn(Segment(start_s, end_s), turn["speaker"].text())
