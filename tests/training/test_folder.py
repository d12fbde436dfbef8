"""One training a folder: of one configuration, and by one run at a time."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.lock import output_lock
from pysid.training.checkpoint import Progress
from pysid.training.folder import alone, claim, claim_data, identify, write_table


@dataclass(frozen=True)
class Length:
    n_epochs: int = 3
    max_steps: int | None = None


@dataclass(frozen=True)
class Config:
    out: str
    rate: float = 0.1
    allow_pipes: bool = False
    trainer: Length = field(default_factory=Length)


def write_state(out: Path, progress: Progress) -> None:
    state = out / f"state-{progress.step:08d}"
    state.mkdir(parents=True)
    (state / "progress.json").write_text(json.dumps(asdict(progress)))


def test_a_folder_with_states_belongs_to_its_configuration(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    claim(tmp_path / "out", Config(out))
    claim(tmp_path / "out", Config(out, rate=0.2))  # nothing was trained yet
    write_state(tmp_path / "out", Progress(batch=1, step=1))
    claim(tmp_path / "out", Config(out, rate=0.2, allow_pipes=True))  # which changes no weight
    with pytest.raises(DataError, match=r"out holds a training with other settings: rate \(was 0\.2, is 0\.3\)"):
        claim(tmp_path / "out", Config(out, rate=0.3))


@pytest.mark.parametrize(
    ("progress", "length", "message"),
    [
        (Progress(3, 0, 60), Length(1), "3 epochs already: expected trainer.n_epochs of 3 or more, got 1"),
        (
            Progress(1, 5, 25),
            Length(1),
            "2 epochs already (the last of them begun): expected trainer.n_epochs of 2 or more, got 1",
        ),
        (Progress(0, 9, 9), Length(3, 8), "9 steps already: expected trainer.max_steps of 9 or more, got 8"),
    ],
)
def test_a_training_is_not_cut_below_what_is_done(
    progress: Progress, length: Length, message: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    claim(out, Config(str(out)))
    write_state(out, progress)
    before = (out / "train.json").read_text()
    with pytest.raises(DataError) as error:
        claim(out, Config(str(out), trainer=length))
    assert str(error.value) == f"{out} holds {message}"
    assert (out / "train.json").read_text() == before
    claim(out, Config(str(out), trainer=Length(progress.epoch + (progress.batch > 0), progress.step)))


def test_a_training_goes_on_with_its_own_data(tmp_path: Path) -> None:
    out, own = tmp_path / "out", identify(["a", "b"], np.array([30, 20]), np.array([0, 1]))
    claim_data(out, own, dry_run=True)
    assert not out.exists()
    claim(out, Config(str(out)), identify(["a"]))
    claim(out, Config(str(out)), own)  # nothing was trained yet
    write_state(out, Progress(step=1))
    claim(out, Config(str(out)), own)
    before = {path.name: path.read_text() for path in out.glob("*.json")}
    others = {
        "2 utterances, now 3": identify(["a", "b", "c"], np.array([30, 20, 9]), np.array([0, 1, 1])),
        "2 utterances as now, but other ones": identify(["a", "b"], np.array([30, 21]), np.array([0, 1])),
    }
    for differ, data in others.items():
        with pytest.raises(DataError) as error:
            claim(out, Config(str(out), allow_pipes=True), data)
        assert str(error.value) == (
            f"{out} holds a training on other data ({differ}: by names, lengths or speakers): go on with the data it "
            "began with, or choose another out="
        )
    assert {path.name: path.read_text() for path in out.glob("*.json")} == before
    (out / "data.json").unlink()  # of an earlier version
    claim(out, Config(str(out)), others["2 utterances, now 3"])
    assert not (out / "data.json").exists()


def test_nothing_is_written_where_a_check_fails(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DataError("other speakers")

    out = tmp_path / "out"
    claim(out, Config(str(out)), check=refuse)  # there is nothing to check yet
    write_state(out, Progress(step=1))
    before = (out / "train.json").read_text()
    with pytest.raises(DataError, match="other speakers"):
        claim(out, Config(str(out), allow_pipes=True), check=refuse)
    assert (out / "train.json").read_text() == before


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
