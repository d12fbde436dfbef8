"""docs/names.md and docs/transcripts.md: their jobs are done as they stand, command by command."""

import re
import shlex
from pathlib import Path

import pytest

from pysid.io.turns.rttm import read_rttm

ROOT = Path(__file__).parents[2]


@pytest.fixture
def done(pysid, tmp_path, monkeypatch):
    """Runs the commands of the section "One job" of a page, in a folder with the examples; gives their outputs."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)

    def run(page: str):
        (job,) = re.findall(r"^## One job.*?(?=^## |\Z)", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)
        commands = [shlex.split(line) for line in re.findall(r"^    pysid (.+)$", job, re.MULTILINE)]
        outcomes = [pysid(*command) for command in commands]
        for command, outcome in zip(commands, outcomes, strict=True):
            assert outcome.status == 0, (command, outcome.err)
        return job, outcomes

    return run


def test_names(done, tmp_path):
    job, outcomes = done("names.md")
    assert len(outcomes) == 6
    found = read_rttm(tmp_path / "results" / "followup.rttm")["followup"]
    truth = read_rttm(ROOT / "examples" / "conversation" / "followup.rttm")["followup"]
    expected = {"anna": "Anna", "david": "David", "erik": "speaker1"}
    for turn in truth:
        middle_s = (turn.segment.start_s + turn.segment.end_s) / 2
        (speaker,) = [x.speaker for x in found if x.segment.start_s < middle_s < x.segment.end_s]
        assert speaker == expected[turn.speaker]
    assert "Anna: " in outcomes[3].out and [line.split()[0] for line in outcomes[4].out.splitlines()] == [
        "Anna",
        "David",
    ]
    (code,) = re.findall(r"```python\n(.*?)```", job, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # our own page
    voices = {voice.speaker: voice for voice in names["found"].voices}
    assert voices["Anna"].identity.accepted


def test_transcripts(done, tmp_path):
    job, outcomes = done("transcripts.md")
    assert len(outcomes) == 4
    blocks = re.findall(r"```\n(\[.*?)```", job, re.DOTALL)
    assert len(blocks) == 1 and blocks[0].count("\n") == 2
    text = (tmp_path / "results" / "meeting.transcript.txt").read_text()
    assert "Anna" not in text, "the last command has written it anew, without names"
    subtitles = (tmp_path / "results" / "meeting.transcript.srt").read_text()
    assert "Anna: Good morning" in subtitles and "David: " in subtitles
    table = (tmp_path / "results" / "meeting.transcript.md").read_text()
    for line in blocks[0].splitlines():
        time, name, said = re.fullmatch(r"\[(.+?)\] (\w+): (.+)", line).groups()
        assert f"**{name}** ({time})  \n{said}\n" in table
    assert 'id="words"' in (tmp_path / "results" / "meeting.html").read_text()
