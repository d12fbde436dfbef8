"""The parity command as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "kaldi"


@pytest.fixture
def parity(tmp_path):
    """Runs the command; returns the exit status and the rows of its file."""

    def run(*arguments):
        path = tmp_path / "parity.json"
        command = [sys.executable, "-m", "benchmarks.kaldi_parity", "--json", str(path), *arguments]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert path.exists(), done.stderr
        return done.returncode, json.loads(path.read_text())["rows"]

    return run


def test_every_number_is_within_its_bound(parity):
    status, rows = parity()
    assert [row for row in rows if not row["is_ok"]] == []
    assert status == 0
    assert sum(row["bound"] is not None for row in rows) >= 68  # none has lost its bound


def test_what_is_not_kaldis_is_found(parity, tmp_path):
    """A table whose files come from other commands than it says: other decisions, and other utterances."""
    (tmp_path / "feats").symlink_to(GOLDEN / "feats")
    for name in ("audio", "wav_few.scp"):
        (tmp_path / name).symlink_to(GOLDEN / name)
    mfcc = "compute-mfcc-feats --config=feats/mfcc_voxceleb.conf --dither=0 scp:wav_few.scp ark:-"
    vad = "compute-vad --config=feats/vad.conf ark:feats/mfcc_voxceleb.ark ark:-"
    lines = {"feats/mfcc_voxceleb.ark": mfcc, "feats/vad_default.ark": vad, "feats/vad.ark": vad}
    text = "".join(f"{path}\t{command}\n" for path, command in lines.items())
    (tmp_path / "commands.tsv").write_text(text)
    status, rows = parity("--reference", str(tmp_path))
    verdicts = {row["case"]: row["is_ok"] for row in rows if row["bound"] is not None}
    wrong = dict.fromkeys(["feats/mfcc_voxceleb.ark (Kaldi FFT)", "feats/vad_default.ark"], False)
    assert verdicts == {**wrong, "feats/vad.ark": True}
    assert status == 1
