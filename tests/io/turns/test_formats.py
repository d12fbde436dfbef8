"""The registry of formats."""

from pysid.io.turns.audacity import read_labels
from pysid.io.turns.formats import FORMATS
from pysid.io.turns.json import read_turns_json
from pysid.io.turns.rttm import read_rttm
from pysid.segments import Segment, Turn

TURNS = [Turn(Segment(0.5, 2.0), "Zoë"), Turn(Segment(1.5, 3.25), "b")]


def test_each_format_writes_the_turns(tmp_path):
    paths = {}
    for name, (ending, format_turns) in FORMATS.items():
        paths[name] = tmp_path / f"meeting{ending}"
        paths[name].write_text(format_turns("meeting", TURNS, 4.0), encoding="utf-8")
    assert read_rttm(paths["rttm"]) == {"meeting": TURNS}
    assert read_labels(paths["audacity"]) == TURNS
    assert read_turns_json(paths["json"]) == ("meeting", TURNS, 4.0)
    assert paths["srt"].read_text(encoding="utf-8").startswith("1\n00:00:00,500 --> 00:00:02,000\nZoë\n")
    assert paths["vtt"].read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n<v Zoë>")
    assert "xmax = 4.000" in paths["textgrid"].read_text(encoding="utf-8")


def test_endings_tell_formats_apart():
    assert len({ending for ending, _ in FORMATS.values()}) == len(FORMATS)
