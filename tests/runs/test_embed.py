"""Embeddings of a corpus as a file: the same bytes whoever makes them, and however often they are stopped or killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.toolkit_golden import write_model
from pysid.diarization.windows import WindowConfig
from pysid.embedding.xvector import XVector
from pysid.errors import DataError, Skipped
from pysid.io.ark.archive import read_vectors
from pysid.io.tables import read_table
from pysid.model.speaker_model import SpeakerModel
from pysid.parallel import processes
from pysid.parallel.workers import Workers
from pysid.runs.embed import EmbedWork, embed, embed_to_file
from pysid.runs.inputs import WindowInputs, open_inputs

TWO = Workers(2)
PARENT = "$(awk '{print $4}' /proc/$PPID/stat)"  # in a shell that a worker has started: who has started the worker


@pytest.fixture(scope="module")
def opened(model):
    return SpeakerModel.load(model)


@pytest.fixture
def entries(dev):
    """wav.scp of the development voices: 36 of them, 3 shards."""
    return {key: str(dev / path) for key, path in read_table(dev / "wav.scp").items()}


def with_command(entries, key, command, n=10**6):
    """The entries, but before that utterance is read a shell command runs, at most `n` times."""
    marker = f"{key}.ran"
    once = f"if [ $(cat {marker} 2>/dev/null | wc -l) -lt {n} ]; then echo >> {marker}; {command}; fi"
    return {**entries, key: f"{once}; cat {entries[key]} |"}


def write_scp(path, entries):
    path.write_text("".join(f"{key} {entry}\n" for key, entry in entries.items()))
    return str(path)


def embed_entries(model, folder, entries, name="x.ark", workers=TWO):
    scp = write_scp(folder / "wav.scp", entries)
    return embed_to_file(model, open_inputs([scp], model, allow_pipes=True), folder / name, workers)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("x."))


def assert_whole(folder, vectors):
    assert files(folder) == ["x.ark", "x.scp"]
    assert (folder / "x.ark").read_bytes() == vectors.with_suffix(".ark").read_bytes()
    names = list(read_table(vectors))
    assert list(read_table(folder / "x.scp")) == names


@pytest.mark.slow
def test_two_processes_one_of_which_is_killed(opened, entries, n_computed, tmp_path):
    """Nothing is lost, the archive is the same to the last bit, and what is skipped is listed in the same order."""
    names = list(entries)
    entries |= {names[30]: "nowhere.wav", names[2]: "false |", names[17]: "empty.wav"}
    Path("empty.wav").touch()
    expected = embed_entries(opened, tmp_path, entries, "one.ark", Workers())
    whole = (tmp_path / "one.ark").read_bytes()
    entries = with_command(entries, names[20], "kill -9 $PPID", n=1)
    n_computed.clear()
    n_done, skipped = embed_entries(opened, tmp_path, entries)
    assert Path(f"{names[20]}.ran").exists() and not n_computed
    assert (n_done, list(skipped.reasons.items())) == (33, list(expected[1].reasons.items()))
    assert list(skipped.reasons) == [names[i] for i in (2, 17, 30)]
    assert (tmp_path / "x.ark").read_bytes() == whole
    assert files(tmp_path) == ["x.ark", "x.scp"]


@pytest.mark.slow
def test_what_kills_every_process_costs_nothing_else(
    opened, model, vectors, entries, n_computed, tmp_path, monkeypatch
):
    monkeypatch.setattr(processes, "ATTEMPTS", 1)
    names = list(entries)
    deadly = with_command(entries, names[3], "kill -9 $PPID")
    message = f"killed again and again, .* over 16 of 36 utterances from '{names[0]}' to '{names[15]}'; all others are"
    with pytest.raises(DataError, match=message):
        embed_entries(opened, tmp_path, deadly)
    assert files(tmp_path) == ["x.ark.partial", "x.ark.shards"]
    assert embed_entries(opened, tmp_path, entries, workers=Workers())[0] == 36
    assert len(n_computed) == 16
    assert_whole(tmp_path, vectors)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "jobs"), [("kill -9 $PPID", 1), (f"kill -INT {PARENT}; sleep 600", 2)])
def test_a_run_that_is_killed_leaves_nothing_half_and_the_next_one_goes_on(
    opened, model, vectors, entries, tmp_path, how, jobs
):
    """A kill of the only process, and Ctrl-C in one that has two others work."""
    entries = with_command(entries, list(entries)[20], f"echo $PPID > worker; {how}", n=1)
    scp, out = write_scp(tmp_path / "wav.scp", entries), tmp_path / "x.ark"
    command = [sys.executable, "-m", "pysid", "embed", scp, str(out), "-m", str(model), "--allow-pipes"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    stopped = subprocess.run(
        [*command, "--jobs", str(jobs)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # in the background shells ignore Ctrl-C
    )
    assert stopped.returncode != 0 and "Traceback" not in stopped.stderr
    assert not {"x.ark", "x.scp"} & set(files(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("worker").read_text()), signal.SIGTERM)
    assert embed_entries(opened, tmp_path, entries, workers=Workers())[0] == 36
    assert_whole(tmp_path, vectors)


class Stop(Exception):
    """The moment of a kill."""


@pytest.fixture
def stopped(opened, entries, tmp_path, monkeypatch):
    """A run that was stopped in the second of three shards; its inputs."""
    inputs = open_inputs([write_scp(tmp_path / "wav.scp", entries)], opened)
    original, n = opened.features, [0]

    def features(waves, **options):
        n[0] += 1
        if n[0] > 20:
            raise Stop
        return original(waves, **options)

    with monkeypatch.context() as patch:
        patch.setattr(opened, "features", features)
        with pytest.raises(Stop):
            embed_to_file(opened, inputs, tmp_path / "x.ark")
    assert files(tmp_path) == ["x.ark.partial", "x.ark.shards"]
    return inputs


@pytest.fixture
def n_computed(opened, monkeypatch):
    """How many utterances' features were computed, by way of its length."""
    original, computed = opened.features, []
    monkeypatch.setattr(opened, "features", lambda waves, **options: computed.append(1) or original(waves, **options))
    return computed


def test_a_second_run_does_what_is_missing(opened, vectors, stopped, n_computed, tmp_path):
    assert embed_to_file(opened, stopped, tmp_path / "x.ark")[0] == 36
    assert len(n_computed) == 20
    assert_whole(tmp_path, vectors)


def test_a_torn_archive_is_not_gone_on_with(opened, vectors, stopped, n_computed, tmp_path):
    partial = tmp_path / "x.ark.partial"
    partial.write_bytes(partial.read_bytes()[:-1])
    assert embed_to_file(opened, stopped, tmp_path / "x.ark")[0] == 36
    assert len(n_computed) == 36
    assert_whole(tmp_path, vectors)


def test_a_stopped_run_of_another_model_is_not_gone_on_with(opened, stopped, tmp_path):
    torch.manual_seed(1)
    other = SpeakerModel(opened.config, XVector(opened.config.network))
    embed_to_file(other, stopped, tmp_path / "x.ark")
    found, expected = dict(read_vectors(tmp_path / "x.ark")), dict(embed(other, stopped, Skipped()))
    assert list(found) == list(expected)
    for key, vector in expected.items():
        assert np.linalg.norm(found[key] - vector) <= 1e-5 * np.linalg.norm(vector)


def test_a_stopped_run_of_other_utterances_is_not_gone_on_with(opened, vectors, stopped, entries, tmp_path):
    some = dict(list(entries.items())[2:])
    embed_entries(opened, tmp_path, some, workers=Workers())
    assert list(dict(read_vectors(tmp_path / "x.ark"))) == list(some)
    moved = tmp_path / "moved.ogg"
    moved.write_bytes(Path(entries["slt-0"]).read_bytes())
    embed_entries(opened, tmp_path, {**entries, "alicia-0": str(moved)}, workers=Workers())
    found = dict(read_vectors(tmp_path / "x.ark"))
    np.testing.assert_allclose(found["alicia-0"], dict(read_vectors(vectors))["slt-0"], atol=1e-4)


def test_a_finished_file_is_replaced(opened, small, dev, tmp_path):
    """Else a second run, with a better model, would silently leave the old embeddings."""
    for name in ("x.ark", "x.npz"):
        embed_to_file(opened, open_inputs([str(small)], opened), tmp_path / name)
        embed_to_file(opened, open_inputs([str(dev / "audio" / "slt-0.ogg")], opened), tmp_path / name)
        assert list(dict(read_vectors(tmp_path / name))) == ["slt-0"]


def test_npz_has_the_same(opened, vectors, dev, tmp_path):
    embed_to_file(opened, open_inputs([str(dev)], opened), tmp_path / "x.npz")
    found, expected = dict(read_vectors(tmp_path / "x.npz")), dict(read_vectors(vectors))
    assert list(found) == list(expected)
    for key, vector in expected.items():
        np.testing.assert_array_equal(found[key], vector)
    assert files(tmp_path) == ["x.npz"]


def test_windows(opened, small_features, tmp_path):
    config = WindowConfig(duration_s=1.0, shift_s=0.5, min_s=0.4)
    windows = WindowInputs(open_inputs([str(small_features)], opened), opened, config)
    n_done, _ = embed_to_file(opened, windows, tmp_path / "x.ark")
    found, expected = dict(read_vectors(tmp_path / "x.ark")), dict(embed(opened, windows, Skipped()))
    assert list(found) == list(expected) and n_done == len(expected) > 6
    for key, vector in expected.items():
        np.testing.assert_allclose(found[key], vector, atol=1e-5 * np.abs(vector).max())


def test_nothing_to_write_leaves_no_output(opened, tmp_path):
    for name in ("x.ark", "x.npz"):
        with pytest.raises(DataError, match="nothing to write: 1 skipped, the first is nowhere"):
            embed_to_file(opened, open_inputs([str(tmp_path / "nowhere.wav")], opened), tmp_path / name)
    assert files(tmp_path) == []


def test_a_worker_with_another_model(opened, model):
    with pytest.raises(DataError, match=r"small: a worker has another model under this path"):
        EmbedWork(str(model), "0" * 64, "cpu", None).open()
    in_memory = SpeakerModel(opened.config, opened.network)
    with pytest.raises(ValueError, match="need a model that was read from a file"):
        embed_to_file(in_memory, open_inputs(["a.wav"], opened), Path("x.ark"), TWO)


def test_workers_open_a_model_of_another_toolkit(entries, tmp_path):
    (tmp_path / "theirs").mkdir()
    theirs = SpeakerModel.load(write_model("resemblyzer", tmp_path / "theirs"))
    assert embed_entries(theirs, tmp_path, entries, "one.ark", Workers())[0] == 36
    assert embed_entries(theirs, tmp_path, entries)[0] == 36
    assert (tmp_path / "x.ark").read_bytes() == (tmp_path / "one.ark").read_bytes()
