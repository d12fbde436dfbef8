"""What PyTorch is told about pages of memory."""

import os
import subprocess
import sys

import pytest

from pysid.training.memory import LARGE_PAGES, ask_for_large_pages

CODE = """
import resource, torch
from pysid.training.memory import ask_for_large_pages
if {asked}: ask_for_large_pages()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.zeros(2**25)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_a_setting_of_the_users_stays(monkeypatch):
    monkeypatch.setenv(LARGE_PAGES, "0")
    ask_for_large_pages()
    assert os.environ[LARGE_PAGES] == "0"
    monkeypatch.delenv(LARGE_PAGES)
    ask_for_large_pages()
    assert os.environ[LARGE_PAGES] == "1"


@pytest.mark.slow
def test_large_tensors_take_few_pages(monkeypatch):
    path = "/sys/kernel/mm/transparent_hugepage/enabled"
    if not os.path.exists(path) or "[madvise]" not in open(path).read():  # noqa: SIM115
        pytest.skip("large pages are not for those who ask")
    monkeypatch.delenv(LARGE_PAGES, raising=False)
    command = [sys.executable, "-c"]
    few, many = (int(subprocess.check_output([*command, CODE.format(asked=asked)])) for asked in (True, False))
    assert few < many / 4  # 128 MiB are 64 large pages, or 32,768
