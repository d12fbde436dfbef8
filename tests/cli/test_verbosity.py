"""`--quiet`, `--verbose`, completion, and tables of options at 80 columns."""

import os
import re
import subprocess
import sys

import pytest

from pysid.cli.commands import app


def commands(group, path=()):
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, (*path, inner.name))
    for command in group.registered_commands:
        yield (*path, command.name)


ALL = [path for path in commands(app) if path != ("kaldi",)]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_them_and_breaks_no_word(pysid, monkeypatch, path):
    monkeypatch.setenv("COLUMNS", "80")
    out = pysid(*path, "--help").out
    assert "--quiet" in out and "--verbose" in out
    assert "…" not in out
    types = re.sub("[<>]=| < ", "", out)  # without bounds, and input redirected in an example
    assert all(x.count("<") == x.count(">") for x in types.splitlines()), out


def test_quiet_is_quiet(pysid, small_features, tmp_path):
    (tmp_path / "a.yaml").write_text(f"train: {small_features}\nout: {tmp_path / 'out'}\n")
    network = "network={frame_layers: [{dim: 8}], segment_dims: [8, 8]}"
    chunks = "chunks={min_frames: 20, max_frames: 40, batch_size: 4, min_utterance_frames: 1, min_utterances: 1}"
    command = ("train", tmp_path / "a.yaml", network, chunks, "trainer.device=cpu", "trainer.n_workers=0", "--dry-run")
    assert "dry run" in pysid(*command).err
    assert pysid(*command, "--quiet").err == ""
    assert "dry run" in pysid(*command, "--verbose").err
    assert pysid(*command, "-q", "-v").status == 2


def test_verbose_shows_where_an_error_comes_from(pysid, tmp_path):
    missing = tmp_path / "a.yaml"
    assert "Traceback" not in pysid("train", missing).err
    outcome = pysid("train", missing, "--verbose")
    assert outcome.status == 1 and "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1] == f"pysid: {missing}: cannot read the file: No such file or directory"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    environment = {**os.environ, "_PYSID_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "pysid dia"}
    environment |= {"COMP_WORDS": "pysid dia", "COMP_CWORD": "1", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    program = "from pysid.cli.main import main; import sys; sys.argv[0] = 'pysid'; main()"
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "diarize" in run.stdout and "verify" not in run.stdout
