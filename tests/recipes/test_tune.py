"""The script that chooses settings of diarization, with the example."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.diarization.files import with_settings
from pysid.diarization.pipeline import Diarizer
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm, write_rttm
from pysid.model.directory import find_model
from pysid.segments import Segment, Turn

ROOT = Path(__file__).parents[2]
END_S = 22.0  # of the example that is heard here


@pytest.fixture(scope="module")
def recipe():
    """The modules of the recipe, by name."""
    names = ("tune", "analyse")
    sys.path.insert(0, str(ROOT / "recipes" / "diarization"))
    try:
        import analyse
        import tune
    finally:
        sys.path.pop(0)
    yield {"tune": tune, "analyse": analyse}
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def exp(tmp_path):
    """The folder of an experiment with one set, the beginning of the example conversation."""
    data = tmp_path / "exp" / "data" / "meeting"
    data.mkdir(parents=True)
    example = ROOT / "examples" / "conversation" / "meeting"
    wave, _ = read_audio(example.with_suffix(".ogg"), sample_rate=16000, end_s=END_S)
    write_audio(data / "meeting.wav", wave, 16000)
    turns = read_rttm(example.with_suffix(".rttm"))["meeting"]
    heard = [
        Turn(Segment(x.segment.start_s, min(x.segment.end_s, END_S)), x.speaker)
        for x in turns
        if x.segment.start_s < END_S
    ]
    write_rttm(data / "ref.rttm", {"meeting": heard})
    (data / "wav.scp").write_text("meeting meeting.wav\n")
    (data / "all.uem").write_text(f"meeting 1 0.0 {END_S}\n")
    return tmp_path / "exp"


def run(module, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
    module.main()


@pytest.mark.slow
def test_the_best_of_each_group_is_written_and_nothing_is_done_twice(recipe, exp, tmp_path, monkeypatch):
    tune = recipe["tune"]
    few = {name: values[:1] for name, values in tune.SPEECH.items()} | {"onset": (0.4, 1.0), "offset": (0.2,)}
    monkeypatch.setattr(tune, "SPEECH", few)
    # With such an Fa everything is one speaker, with such a threshold everybody is another; no turn is so long.
    last = {"turns.min_turn_s": (50.0, 0.0)}
    groups = {
        "uniform": ({"clustering.fa": (1e-6, 0.3)}, last),
        "local": ({"windows.shift_s": (5.0,), "clustering.threshold": (-1.0, 0.3)}, last),
    }
    monkeypatch.setattr(tune, "GROUPS", groups)
    monkeypatch.setattr(tune, "ONSETS", (0.5,))
    out = tmp_path / "tuned"
    command = [exp, "meeting", "--model", find_model("default"), "--out", out]
    run(tune, monkeypatch, *command, "--windows", "uniform")
    for path in find_model("default").iterdir():
        if path.name != "diarization.json":
            shutil.copy(path, out)
    config = Diarizer.load(out).config
    assert (config.vad.kind, config.clustering.kind, config.clustering.fa) == ("network", "vbx", 0.3)
    assert config.turns.min_turn_s == 0.0 and config.speech.onset == 0.4

    run(tune, monkeypatch, *command)  # the local windows are new
    (folder,) = (exp / "tuning").iterdir()
    results = json.loads((folder / "results.json").read_text())
    trials = [x for x in results.values() if "der" in x]
    assert sorted(x["windows"] for x in trials) == ["local"] * 4 + ["uniform"] * 5  # and second speakers
    least = min(trials, key=lambda x: x["der"])
    assert Diarizer.load(out).config.windows.kind == least["windows"]
    assert {x["limit"] for x in trials} == {None} and {x["right_count"] for x in trials} <= {0.0, 1.0}
    rows = (folder / "trials.tsv").read_text().splitlines()
    assert len(rows) == 1 + len(trials) and rows[1].split("\t")[3] == f"{least['der']:.4f}"

    monkeypatch.setattr(tune, "work", None)  # nothing is left for it
    before = (out / "diarization.json").read_text()
    run(tune, monkeypatch, *command)
    assert (out / "diarization.json").read_text() == before


def test_an_analysis_with_overlap_is_kept_whole(recipe, exp, tmp_path):
    diarizer = Diarizer.load(settings={"overlap.onset": 0.2, "overlap.offset": 0.1})
    analysis = diarizer.analyse(exp / "data" / "meeting" / "meeting.wav")
    recipe["analyse"].save(tmp_path / "x.npz", analysis)
    kept = recipe["analyse"].load(tmp_path / "x.npz", diarizer)
    # Re-segmentation reads the features, which are kept in half precision.
    turns, expected = diarizer.assign(kept).turns, diarizer.assign(analysis).turns
    assert [turn.speaker for turn in turns] == [turn.speaker for turn in expected]
    for edge in ("start_s", "end_s"):
        times = [[getattr(turn.segment, edge) for turn in some] for some in (turns, expected)]
        np.testing.assert_allclose(*times, atol=0.1)
    assert np.array_equal(kept.overlap, analysis.overlap)
    assert np.array_equal(kept.heard.active, analysis.heard.active) and kept.local is None


def test_an_analysis_of_local_windows_is_kept_whole(recipe, exp, tmp_path):
    diarizer = Diarizer.load(settings={"windows.kind": "local", "windows.shift_s": 5.0})
    analysis = diarizer.analyse(exp / "data" / "meeting" / "meeting.wav")
    recipe["analyse"].save(tmp_path / "x.npz", analysis)
    kept = recipe["analyse"].load(tmp_path / "x.npz", diarizer)
    assert diarizer.assign(kept).turns == diarizer.assign(analysis).turns
    other = diarizer.with_config(with_settings(diarizer.config, {"clustering.threshold": 0.99}))
    assert other.assign(kept).turns == other.assign(analysis).turns != diarizer.assign(kept).turns
    assert np.array_equal(kept.local.speech.active, analysis.local.speech.active)
