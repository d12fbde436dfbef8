"""The training benchmark as a user runs it, at its smallest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_line_trains_and_times_add_up(tmp_path):
    path = tmp_path / "training.json"
    command = [sys.executable, "-m", "benchmarks.training", "--batches", "1", "--batch-size", "2", "--device", "cpu"]
    done = subprocess.run([*command, "--json", str(path)], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shares = json.loads(path.read_text())["shares"]
    assert len(shares) == 4 and {share["utterances"] for share in shares} == {2}
    assert all(min(share["waiting_s"], share["features_s"], share["network_s"]) > 0 for share in shares)
    assert all(0 < share["product_share"] < 1 and share["busy_share"] is None for share in shares)
    rows = [line.split("|") for line in done.stdout.splitlines() if "%" in line]
    for row in rows:
        assert sum(int(cell.strip(" %")) for cell in row[4:7]) == pytest.approx(100, abs=4)
    assert len(rows) == 4
