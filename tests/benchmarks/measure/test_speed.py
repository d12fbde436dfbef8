"""The benchmarks of speed as a user runs them, at their smallest."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import frontend, xvector
from benchmarks.measure.speed import RUNS, best_of
from benchmarks.networks import count_operations
from pysid.embedding.xvector import XVectorConfig

ROOT = Path(__file__).parents[3]


def run(module, *arguments):
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_table_and_a_file(tmp_path):
    path = tmp_path / "speed.json"
    text = run("embedding", "--one-core", "--rounds", "1", "--only", "reading", "--json", str(path))
    found = json.loads(path.read_text())
    (line,) = found["speeds"]
    assert line["by"] == "pysid" and line["one_core"] > 1 and 0.05 < line["peak_gib"] < 4 and line["all_cores"] is None
    assert min(found["limits"].values()) > 1e9
    assert "| of that: reading | pysid " in text and "limits of one core: products" in text


@pytest.mark.parametrize("kind", ["mfcc", "fbank"])
@pytest.mark.parametrize("peer", [frontend.torchaudio, frontend.native_fbank])
def test_peers_compute_the_same(peer, kind):
    if peer is frontend.native_fbank:
        pytest.importorskip("kaldi_native_fbank")
    ((ours,), (theirs,)) = (make(kind, (0.5,))() for make in (frontend.ours, peer))
    torch.testing.assert_close(torch.as_tensor(theirs), ours[0], rtol=0, atol=2e-2)


@torch.inference_mode()
def test_all_ways_of_extraction():
    found = np.array([x for _, x in xvector.embeddings((0.6, 0.7), "float32", {})()])
    assert found.shape == (2, 512)
    np.testing.assert_allclose(torch.cat(xvector.plain((0.6, 0.7))()), found, rtol=1e-4, atol=1e-4)
    assert [x.shape for x in xvector.conv1d((0.6,))()] == [(1, 512)]
    assert len(xvector.windows((3.0,))()) == 3


def test_length_against_cost(tmp_path):
    path, figure = tmp_path / "length.json", tmp_path / "length.svg"
    run("length", "--minutes", "0.1", "0.2", "--json", str(path), "--figure", str(figure))
    short, long = json.loads(path.read_text())["costs"]
    assert (short["minutes"], long["minutes"]) == (0.1, 0.2)
    assert min(short["frontend_s"], short["network_s"]) > 0
    assert "<svg" in figure.read_text()


def test_a_profile_of_a_short_utterance(tmp_path):
    path = tmp_path / "short.json"
    text = run("short", "--model", "xvector", "--seconds", "0.5", "--json", str(path))
    (found,) = json.loads(path.read_text())["utterances"]
    assert 0 < found["limit_s"] < found["total_s"] < 1
    assert found["parts_s"]["products of frames, convolutions"] > found["parts_s"]["pooling"] > 0
    assert "| xvector, 0.5 s" in text


def test_operations_of_kaldis_network():
    """5.36 million a frame, and the first layer after pooling."""
    config = XVectorConfig()
    per_frame = count_operations(config, 1014) - count_operations(config, 1013)
    assert per_frame == 2 * (150 * 512 + 2 * 1536 * 512 + 512 * 512 + 512 * 1500)
    assert count_operations(config, 15) > 2 * 3000 * 512 + per_frame


def test_the_first_round_does_not_count():
    calls = []
    times = best_of([lambda: calls.append("a"), lambda: calls.append("b")], 2)
    assert calls == ["a"] * RUNS + ["b"] * RUNS + (["a"] * RUNS + ["b"] * RUNS) * 2
    assert all(0 <= t < 1 for t in times)
