"""`pysid kaldi` as a subcommand: what it does not know itself is the program's."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pysid.cli import kaldi

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.chdir(GOLDEN)
    monkeypatch.setenv("PYSID_ALLOW_PIPES", "0")
    app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    app.command("kaldi", context_settings=kaldi.CONTEXT_SETTINGS)(kaldi.kaldi)
    app.callback()(lambda: None)
    return lambda *words: CliRunner().invoke(app, ["kaldi", *words])


def test_options_are_the_programs(run):
    result = run("copy-vector", "--binary=false", "--change-dim=1", "--", "backend/mean.vec", "-")
    assert (result.exit_code, result.stdout) == (0, " [ -0.1372277 ]\n")
    assert "Usage: copy-vector" in run("copy-vector", "--help").stderr
    assert run("copy-vector", "--bin=false", "a", "b").exit_code == 255
    assert run("copy-vector").exit_code == 1


def test_own_options(run, tmp_path):
    (tmp_path / "a.scp").write_text("a echo 3 |\n")
    words = ["copy-int-vector", f"scp:{tmp_path}/a.scp", "ark,t:-"]
    assert run(*words).exit_code == 255
    assert run("--allow-pipes", *words).stdout == "a 3 \n"
    assert "copy-feats" in run("--list").stdout
    assert "--install-shims DIR" in run("--help").stdout
    assert run().exit_code == 2
