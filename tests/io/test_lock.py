"""Two runs into one output, and runs that were killed."""

import os
import signal
import subprocess
import sys

import pytest

from pysid.errors import DataError
from pysid.io.lock import output_lock

HOLD = """
import os, sys, time
from pysid.io.lock import output_lock
with output_lock(sys.argv[1]):
    if os.fork() == 0:  # a worker that outlives its parent
        os.write(1, b"held\\n")  # it runs, so it has let go of its parent's locks
        os.read(0, 1)
        os._exit(0)
    time.sleep(600)
"""


def test_a_second_run_is_told(tmp_path):
    path = tmp_path / "new" / "out.ark"
    with output_lock(path):
        with pytest.raises(DataError, match=rf"^{path}: another run is writing this"), output_lock(path):
            pass
        with output_lock(tmp_path / "new" / "other.ark"):
            pass
    with output_lock(path):
        path.touch()
    assert os.listdir(path.parent) == ["out.ark"]


def test_links_to_one_output(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    with output_lock(tmp_path / "out"), pytest.raises(DataError, match="another run"), output_lock(tmp_path / "link"):
        pass


def test_a_lock_ends_with_its_process(tmp_path):
    path = tmp_path / "out"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], text=True, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(DataError, match="another run"), output_lock(path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with output_lock(path):  # though its child is alive: that ends with its standard input, which closes below
            pass
    assert os.listdir(tmp_path) == []


def test_a_stream_is_not_locked():
    with output_lock("/dev/null"), output_lock("/dev/null"):
        pass
    assert not os.path.exists("/dev/.null.lock")
