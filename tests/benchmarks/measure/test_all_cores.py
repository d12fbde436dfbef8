"""Work on all cores at a time, with what two of them would note."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.measure.all_cores import all_cores_seconds

WORK_S = 0.02


def noting(folder):
    """Notes when it is made ready, and when it works."""
    (folder / f"made-{os.getpid()}-{time.monotonic_ns()}").touch()

    def work():
        (folder / f"done-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(WORK_S)

    return work


def notes(folder: Path, kind: str) -> dict[str, int]:
    """How often each process noted this."""
    found: dict[str, int] = {}
    for path in folder.glob(f"{kind}-*"):
        process = path.name.split("-")[1]
        found[process] = found.get(process, 0) + 1
    return found


@pytest.mark.parametrize(("fresh", "made", "done"), [(True, 3, 3), (False, 1, 4)])
def test_every_core_does_the_whole_work(monkeypatch, tmp_path, fresh, made, done):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert all_cores_seconds(noting, (tmp_path,), 3, fresh) >= WORK_S
    assert sorted(notes(tmp_path, "made").values()) == [made, made]
    assert sorted(notes(tmp_path, "done").values()) == [done, done]


def test_one_core_is_not_measured_twice(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert all_cores_seconds(noting, (), 1, True) is None
