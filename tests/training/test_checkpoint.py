"""A state that was written comes back, and a damaged one is refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.errors import DataError
from pysid.training.checkpoint import Progress, latest_state, load_state, read_progress, save_state

accelerate = pytest.importorskip("accelerate")


@pytest.fixture
def trained() -> tuple:
    torch.manual_seed(0)
    accelerator = accelerate.Accelerator(cpu=True)
    model = nn.Linear(3, 2)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))
    accelerator.backward(model(torch.ones(1, 3)).sum())
    optimizer.step()
    return accelerator, model


def test_the_latest_state_comes_back_and_older_ones_go(tmp_path: Path, trained: tuple) -> None:
    accelerator, model = trained
    assert latest_state(tmp_path) is None and load_state(tmp_path, accelerator) is None
    for step in (5, 12):
        save_state(tmp_path, accelerator, Progress(epoch=1, step=step, epochs=[{"eer": 0.5}]))
    assert [path.name for path in tmp_path.iterdir()] == ["state-00000012"] == [latest_state(tmp_path).name]
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight.zero_()
    assert load_state(tmp_path, accelerator) == Progress(epoch=1, step=12, epochs=[{"eer": 0.5}])
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("name", ["random_states_0.pkl", "model.safetensors", "optimizer.bin", "progress.json"])
def test_a_damaged_file_is_refused(tmp_path: Path, trained: tuple, name: str) -> None:
    """Of the random state nobody would notice it otherwise."""
    accelerator, _ = trained
    save_state(tmp_path, accelerator, Progress(step=3))
    path = tmp_path / "state-00000003" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"state-00000003: cannot resume from this state: {name} is damaged$"):
        load_state(tmp_path, accelerator)
    path.unlink()
    with pytest.raises(DataError, match=f"state-00000003: cannot resume from this state: {name} is missing$"):
        load_state(tmp_path, accelerator)


def test_damaged_sums_are_refused_and_a_state_of_an_older_version_has_none(tmp_path: Path, trained: tuple) -> None:
    accelerator, _ = trained
    save_state(tmp_path, accelerator, Progress(step=3))
    sums = tmp_path / "state-00000003" / "sums.json"
    sums.write_text("{")
    with pytest.raises(DataError, match=r"sums\.json is damaged"):
        load_state(tmp_path, accelerator)
    sums.unlink()
    assert load_state(tmp_path, accelerator) == Progress(step=3)


def test_how_far_a_training_is(tmp_path: Path, trained: tuple) -> None:
    accelerator, _ = trained
    save_state(tmp_path, accelerator, Progress(epoch=2, step=3))
    state = tmp_path / "state-00000003"
    assert read_progress(state) == Progress(epoch=2, step=3)
    (state / "progress.json").write_text("{")
    with pytest.raises(DataError, match=r"state-00000003: cannot resume from this state: Expecting"):
        read_progress(state)
