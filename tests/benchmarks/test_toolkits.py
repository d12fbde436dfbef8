"""The benchmark of other toolkits' networks as a user runs it, at its smallest."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.toolkit_golden import FOLDER

ROOT = Path(__file__).parents[2]


def test_the_tables_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "toolkits.json"
    command = [sys.executable, "-m", "benchmarks.toolkits", "--seconds", "1", "--rounds", "1", "--only", "LSTM"]
    done = subprocess.run([*command, "--json", str(path)], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    assert [x["case"] for x in found["parity"]] == sorted(x.stem for x in FOLDER.glob("*.json"))
    (speed,) = found["speed"]
    assert speed["network"] == "GE2E's LSTM" and speed["ms_per_s"] > 0 and 1_400_000 < speed["parameters"] < 1_450_000
    assert "resemblyzer" in done.stdout and "1.42 M" in done.stdout
