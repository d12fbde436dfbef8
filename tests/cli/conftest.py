"""The console command inside the test process: exit status, standard output and standard error."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pysid.cli.main import main


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """What the one line of a fatal error says; the command must have ended with status 1 and that line."""
        lines = self.err.splitlines()
        assert self.status == 1, (self.status, self.err)
        assert [line for line in lines if line.startswith("pysid: ")] == lines[-1:], self.err
        assert "Traceback" not in self.err
        return lines[-1].removeprefix("pysid: ")


@pytest.fixture
def pysid(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs `pysid` with the given arguments; an exception other than SystemExit fails the test."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["pysid", *map(str, arguments)])
        capsys.readouterr()
        status: object = 0
        with warnings.catch_warnings():  # main takes over how warnings are shown
            warnings.simplefilter("default")
            try:
                main()
            except SystemExit as exit_:
                status = exit_.code or 0
        out, err = capsys.readouterr()
        if isinstance(status, str):  # Python prints it and exits with 1
            return Outcome(1, out, f"{err}{status}\n")
        assert isinstance(status, int)
        return Outcome(status, out, err)

    return run
