"""Parts of some work: all of them, once, and those over which every process was lost are named at the end."""

from dataclasses import dataclass

from pysid.parallel.run import run_parts
from pysid.parallel.workers import Workers


@dataclass(frozen=True)
class Evaluate:
    """Evaluates expressions; `functools.partial` and `eval` are what a new process knows without the tests."""

    def open(self):
        return eval


def test_in_this_process_it_is_opened_once_or_given():
    seen = []
    found = list(run_parts(Evaluate(), ["1", "2"], lambda item: seen.append(item) or f"{item} + 1", Workers()))
    assert found == [("1", 2), ("2", 3)] and seen == ["1", "2"]
    assert list(run_parts(Evaluate(), [1, 2], str, Workers(), opened=lambda part: part * 2)) == [(1, "11"), (2, "22")]


def test_nothing_to_do_opens_nothing():
    assert list(run_parts(Evaluate(), [], str, Workers(cluster="tcp://127.0.0.1:9"))) == []
