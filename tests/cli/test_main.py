"""What all subcommands share: lazy imports, help, exit statuses, one line for an error."""

import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress

import pytest

from pysid import __version__
from pysid.cli import main as console
from pysid.errors import DataError, PysidWarning

COMMANDS = [
    ["validate"],
    ["augment"],
    ["features"],
    ["train"],
    ["embed"],
    ["convert-kaldi"],
    ["diarize"],
    ["fit-backend"],
    ["score"],
    ["verify"],
    ["enroll"],
    ["identify"],
    ["speakers", "list"],
    ["speakers", "remove"],
    ["prepare", "commonvoice"],
    ["eval", "eer"],
]


def test_the_command_line_imports_nothing_heavy():
    code = (
        "import sys, pysid.cli.main\n"
        "heavy = {'torch', 'torchaudio', 'numpy', 'scipy', 'sklearn', 'soundfile', 'yaml', 'accelerate'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_version(pysid):
    assert pysid("--version").out == f"pysid {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(pysid, command):
    outcome = pysid(*command, "--help")
    assert outcome.status == 0
    assert f"Example: pysid {' '.join(command)} " in outcome.out
    assert pysid(*command, "-h").out == outcome.out


@pytest.mark.parametrize("command", [[], ["eval"], ["prepare"], ["speakers"]], ids=" ".join)
def test_help_lists_the_commands(pysid, command):
    outcome = pysid(*command, "--help")
    assert outcome.status == 0
    for path in COMMANDS:
        if path[:-1] == command:
            assert path[-1] in outcome.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_wrong_usage_is_status_2(pysid, command):
    for arguments in ([], ["--no-such-option", "a", "b", "c"]):
        outcome = pysid(*command, *arguments)
        assert outcome.status == 2, outcome
        assert "Usage: " in outcome.err
        assert outcome.out == ""


def test_an_unknown_command_is_status_2(pysid):
    assert pysid("diarise").status == 2


def raising(error):
    def app():
        raise error

    return app


def test_a_data_error_is_one_line(pysid, monkeypatch):
    monkeypatch.setattr(console, "app", raising(DataError("a.ark: broken:\nhere\r\nand there")))
    assert pysid("validate", "x").error == "a.ark: broken: here and there"


def test_an_os_error_is_one_line(pysid, monkeypatch):
    monkeypatch.setattr(console, "app", raising(PermissionError(13, "Permission denied", "out/scores")))
    assert pysid("validate", "x").error == "out/scores: Permission denied"


def test_a_bug_is_not_hidden(pysid, monkeypatch):
    monkeypatch.setattr(console, "app", raising(ValueError("a programmer's mistake")))
    with pytest.raises(ValueError, match="mistake"):
        pysid("validate", "x")


def test_only_own_warnings_are_shown(pysid, monkeypatch):
    def app():
        warnings.warn("the scale looks wrong", PysidWarning, stacklevel=1)
        warnings.warn("some library changes", FutureWarning, stacklevel=1)

    monkeypatch.setattr(console, "app", app)
    assert pysid("validate", "x").err == "pysid: warning: the scale looks wrong\n"


def test_a_warning_is_said_once(pysid, monkeypatch):
    def app():
        for _ in range(2):
            with warnings.catch_warnings():  # as libraries do, after which Python says all again
                warnings.warn("the scale looks wrong", PysidWarning, stacklevel=1)

    monkeypatch.setattr(console, "app", app)
    for _ in range(2):
        assert pysid("validate", "x").err == "pysid: warning: the scale looks wrong\n"


def test_as_a_module(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "pysid", "validate", tmp_path / "nowhere"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (1, "")
    assert "got no such folder" in result.stdout


def test_a_reader_that_goes_away_is_no_error(dev):
    command = f"{sys.executable} -m pysid validate {dev / 'nowhere'} | true"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""


def test_a_reader_of_errors_that_goes_away_is_no_error(dev):
    command = f"{sys.executable} -m pysid eval eer {dev / 'nowhere'} {dev / 'nowhere'} 2>&1 >&- | true"
    status = "echo ${PIPESTATUS[0]}"
    result = subprocess.run(["bash", "-c", f"{command}; {status}"], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("1\n", "")


def test_ctrl_c_says_one_line(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "pysid", "eval", "eer", str(fifo), str(fifo)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # In the background shells ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    writer = None
    while writer is None:  # until it waits for somebody to write
        with suppress(OSError):
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "pysid: stopped\n") and process.returncode == 130
    os.close(writer)
