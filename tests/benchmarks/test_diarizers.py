"""The table of ways to diarize, with ways whose answers are known; and recordings joined from clips."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import diarization, diarizers
from pysid.io.turns.rttm import read_rttm
from pysid.segments import Segment, Turn

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def meeting(tmp_path):
    folder = tmp_path / "meeting"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"meeting {EXAMPLES / 'conversation' / 'meeting.ogg'}\n")
    shutil.copy(EXAMPLES / "conversation" / "meeting.rttm", folder / "ref.rttm")
    (folder / "all.uem").write_text("meeting 1 0.0 80.0\n")
    return folder


def test_a_line_for_each_answer(meeting, capsys):
    truth = read_rttm(meeting / "ref.rttm")["meeting"]
    everything = [Turn(Segment(0.0, 80.0), "one")]
    waves = []

    def both(wave):
        waves.append(wave)
        return {"raw": truth, "merged": everything}

    systems = [diarizers.System("a", both), diarizers.System("b", lambda wave: {"": []})]
    lines = diarizers.measure(systems, meeting, None)
    assert [x["system"] for x in lines] == ["a, raw", "a, merged", "b"]
    assert [x["right_count"] for x in lines] == [1.0, 0.0, 0.0]
    assert lines[0]["DER"] == 0 < lines[1]["DER"] and lines[1]["confusion"] > 0 and lines[2]["missed"] == 1
    assert len(waves) == 2  # the first call does not count
    assert waves[0].ndim == 1 and np.abs(waves[0]).max() > 1000
    diarizers.show_lines(lines)
    assert "a, merged" in capsys.readouterr().out


def test_turns_of_another_package():
    segments = [{"start": 2.0, "end": 3.0, "speaker": "SPEAKER_02"}, {"start": 0.0, "end": 0.0, "speaker": "x"}]
    segments.append({"start": np.float64(0.5), "end": 1, "speaker": "SPEAKER_01"})
    assert diarizers._turns(segments) == [
        Turn(Segment(0.5, 1.0), "SPEAKER_01"),
        Turn(Segment(2.0, 3.0), "SPEAKER_02"),
    ]


def test_recordings_are_joined_from_the_clips_of_some_speakers(tmp_path):
    pieces = diarization.corpus_pieces(EXAMPLES / "dev", 2)
    every = diarization.corpus_pieces(EXAMPLES / "dev", 1000)
    assert 0 < len(pieces) < len(every) and all(0 < np.abs(x).max() <= 1 for x in pieces)
    diarization.write_recording(tmp_path / "x.flac", 0.5, pieces)
    info = soundfile.info(tmp_path / "x.flac")
    assert (info.frames, info.samplerate) == (30 * 16000, 16000)
    cost = diarization.Cost(60, "default", 2, 30.0, 50.0, 1.0, 3, 2)
    assert cost.times_real_time == 120
