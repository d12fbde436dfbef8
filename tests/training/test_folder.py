"""One training a folder: of one configuration, and by one run at a time."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pysid.errors import DataError
from pysid.io.lock import output_lock
from pysid.training.folder import alone, claim, write_table


@dataclass(frozen=True)
class Config:
    out: str
    rate: float = 0.1
    allow_pipes: bool = False


def test_a_folder_with_states_belongs_to_its_configuration(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    claim(tmp_path / "out", Config(out))
    claim(tmp_path / "out", Config(out, rate=0.2))  # nothing was trained yet
    (tmp_path / "out" / "state-00000001").mkdir()
    claim(tmp_path / "out", Config(out, rate=0.2, allow_pipes=True))  # which changes no weight
    with pytest.raises(DataError, match=r"out holds a training with other settings: rate \(was 0\.2, is 0\.3\)"):
        claim(tmp_path / "out", Config(out, rate=0.3))


def test_a_second_training_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"

    @alone
    def run(config: Config, *, dry_run: bool = False) -> Path:
        if dry_run:
            return Path(config.out)
        with pytest.raises(DataError, match="another run is writing this"), output_lock(config.out):
            pass
        return Path(config.out)

    assert run(Config(str(out))) == out
    with output_lock(out):
        with pytest.raises(DataError, match=f"^{out}: another run is writing this"):
            run(Config(str(out)))
        assert run(Config(str(out)), dry_run=True) == out
        monkeypatch.setenv("RANK", "1")  # a process of the training that holds the lock, and that of this test
        assert run(Config(str(out))) == out


def test_a_table_of_epochs(tmp_path: Path) -> None:
    write_table(tmp_path / "x.tsv", [])
    assert not (tmp_path / "x.tsv").exists()
    write_table(tmp_path / "x.tsv", [{"epoch": 1}, {"epoch": 2, "eer": 0.123456789}])
    assert (tmp_path / "x.tsv").read_text() == "epoch\teer\n1\t\n2\t0.123457\n"
