"""The clustering benchmark as a user runs it, at its smallest."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_the_file_and_the_figure(tmp_path):
    path, figure = tmp_path / "clustering.json", tmp_path / "new" / "clustering.svg"
    command = [sys.executable, "-m", "benchmarks.clustering", "--n", "50", "100", "--kind", "ahc", "scipy"]
    options = ["--one-core", "--json", str(path), "--figure", str(figure), "--peer-max", "50"]
    done = subprocess.run([*command, *options], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(path.read_text())["measurements"]
    assert [(row["by"], row["count"]) for row in rows] == [("pysid", 50), ("pysid", 100), ("SciPy", 50)]
    assert len({row["remark"] for row in rows if row["count"] == 50}) == 1  # the same clusters
    assert all(row["one_core_s"] > 0 and row["share"] > 0 and row["peak_gib"] > 0 for row in rows)
    assert done.stdout.count("average linkage") == 3
    assert figure.read_text().startswith("<?xml")
