"""The benchmark of a large corpus as a user runs it, with a small one."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_start_is_measured(tmp_path):
    path = tmp_path / "size.json"
    command = [sys.executable, "-m", "benchmarks.size", "--n-utterances", "600", "--batch-size", "4", "--batches", "3"]
    done = subprocess.run([*command, "--json", str(path)], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    starts = json.loads(path.read_text())["starts"]
    assert [start["what"] for start in starts[:2]] == ["pysid train, audio, augmented", "pysid train, stored features"]
    for start in starts:
        assert all(seconds > 0 for seconds in start["parts"].values()) and 0 < start["peak_gib"] < 4
    for start in starts[:2]:
        assert "first batch" in start["parts"] and len(start["reader_gib"]) == 2
    assert done.stdout.count("GiB") == len(starts) + 2
