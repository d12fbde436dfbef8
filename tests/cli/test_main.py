"""What all subcommands share: exit statuses, one line for an error, one for Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress

import pytest

from pysid.cli import commands
from pysid.errors import DataError, PysidWarning


def raising(error):
    def app():
        raise error

    return app


def test_a_data_error_is_one_line(pysid, monkeypatch):
    monkeypatch.setattr(commands, "app", raising(DataError("a.ark: broken:\nhere\r\nand there")))
    assert pysid("validate", "x").error == "a.ark: broken: here and there"


def test_an_os_error_is_one_line(pysid, monkeypatch):
    monkeypatch.setattr(commands, "app", raising(PermissionError(13, "Permission denied", "out/scores")))
    assert pysid("validate", "x").error == "out/scores: Permission denied"


def test_a_bug_is_not_hidden(pysid, monkeypatch):
    monkeypatch.setattr(commands, "app", raising(ValueError("a programmer's mistake")))
    with pytest.raises(ValueError, match="mistake"):
        pysid("validate", "x")


def test_only_own_warnings_are_shown(pysid, monkeypatch):
    def app():
        warnings.warn("the scale looks wrong", PysidWarning, stacklevel=1)
        warnings.warn("some library changes", FutureWarning, stacklevel=1)

    monkeypatch.setattr(commands, "app", app)
    assert pysid("validate", "x").err == "pysid: warning: the scale looks wrong\n"


def test_a_warning_is_said_once(pysid, monkeypatch):
    def app():
        for _ in range(2):
            with warnings.catch_warnings():  # as libraries do, after which Python says all again
                warnings.warn("the scale looks wrong", PysidWarning, stacklevel=1)

    monkeypatch.setattr(commands, "app", app)
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


@pytest.mark.parametrize("module", ["typer", "torch"])
def test_ctrl_c_during_imports_says_one_line(module):
    code = (
        "import os, signal, sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from pysid.cli.main import main\n"
        "main()"
    )
    command = [sys.executable, "-c", code, "verify", "a.wav", "b.wav"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "pysid: stopped\n")
