"""The script that chooses settings of diarization, on the example conversation."""

import shutil
import sys
from pathlib import Path

import pytest

from pysid.diarization.pipeline import Diarizer
from pysid.model.directory import find_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tune(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes" / "diarization")
    import tune

    yield tune
    for name in ("tune", "experiment", "analyse"):
        sys.modules.pop(name, None)


def test_the_best_of_each_group_is_written(tune, tmp_path, monkeypatch):
    data = tmp_path / "exp" / "data" / "meeting"
    data.mkdir(parents=True)
    example = ROOT / "examples" / "conversation"
    (data / "wav.scp").write_text(f"meeting {example / 'meeting.ogg'}\n")
    shutil.copy(example / "meeting.rttm", data / "ref.rttm")
    (data / "all.uem").write_text("meeting 1 0.0 80.0\n")
    few = {name: values[:1] for name, values in tune.SPEECH.items()} | {"onset": (0.4, 1.0), "offset": (0.2,)}
    monkeypatch.setattr(tune, "SPEECH", few)
    # With such an Fa everything is one speaker, and the network's overlap costs more than it gives.
    monkeypatch.setattr(tune, "GROUPS", ({"clustering.fa": (1e-6, 0.3)}, {"turns.min_turn_s": (50.0, 0.0)}))
    out = tmp_path / "tuned"
    command = ["tune.py", tmp_path / "exp", "meeting", "--model", find_model("default"), "--out", out]
    monkeypatch.setattr(sys, "argv", [str(x) for x in command])
    tune.main()
    for name in find_model("default").iterdir():
        if name.name != "diarization.json":
            shutil.copy(name, out)
    config = Diarizer.load(out).config
    assert (config.vad.kind, config.clustering.kind, config.clustering.fa) == ("network", "vbx", 0.3)
    assert config.turns.min_turn_s == 0.0 and config.speech.onset == 0.4
