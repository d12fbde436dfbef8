"""pyannote's JSON, in each of its forms."""

import json

import pytest

from pysid.errors import DataError
from pysid.io.json_values import JsonValue
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.formats import read_turns
from pysid.io.turns.pyannote import format_pyannote, recognises, turns_of
from pysid.segments import Segment, Turn


@pytest.mark.parametrize(
    "text",
    [
        '[{"speaker": "x", "start": 0.5, "end": 2.0}]',
        '{"jobId": "1", "status": "succeeded", "output": {"diarization": [{"speaker": "x", "start": 0.5, "end": 2}]}}',
        '{"diarization": [{"start": 0.5, "end": 2, "speaker": "x"}], "exclusive_diarization": []}',
    ],
)
def test_pyannotes_json_is_told_from_pysids(tmp_path, text):
    path = tmp_path / "call.json"
    path.write_text(text)
    assert read_turns(path) == [RecordingTurns("call", [Turn(Segment(0.5, 2.0), "x")], None)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"diarization": [{"start": 1}]}', "expected diarization[0] to be an object with 'end'"),
        (
            '{"output": {"diarization": [{"start": 1, "end": "x", "speaker": "a"}]}}',
            "expected output.diarization[0].end to be",
        ),
        ('[{"speaker": "a", "start": 3, "end": 2}]', "expected"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = tmp_path / "a.pyannote.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_turns(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_turns_keep_their_order_and_overlaps():
    turns = [Turn(Segment(1.0, 3.0), "b"), Turn(Segment(0.5, 2.0), "Zoë")]
    document = JsonValue(json.loads(format_pyannote(turns)))
    assert recognises(document) and turns_of(document) == turns
    assert format_pyannote([]) == '{"diarization": []}\n'


@pytest.mark.parametrize("other", [[], [{"start": 1, "end": 2}], {"turns": []}, {"output": []}, 3, None])
def test_other_documents_are_not_taken_for_it(other):
    assert not recognises(JsonValue(other))
