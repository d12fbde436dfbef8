"""What needs no training; `run.sh --smoke` is the whole of it."""

import subprocess
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[2] / "recipes" / "commonvoice"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "run.sh", *options], check=False, cwd=RECIPE, capture_output=True, text=True)


@pytest.mark.parametrize("config", ["smoke.yaml", "smoke-ecapa.yaml", "smoke-campplus.yaml"])
def test_a_configuration_is_taken_with_the_smoke_run(config: str) -> None:
    done = run("--smoke", "--config", f"conf/{config}", "--stage", "9")  # past the last
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_configuration_that_is_not_there() -> None:
    done = run("--smoke", "--config", "conf/none.yaml")
    assert done.returncode != 0 and "--config: no such file: conf/none.yaml" in done.stderr
