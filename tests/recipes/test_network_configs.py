"""The settings that train other networks than Kaldi's: they fit together, and train."""

from pathlib import Path

import pytest

from pysid.embedding.networks import TrainableConfig
from pysid.model.config import ModelConfig
from pysid.training.embedding.run import read_train_config, run_training

RECIPES = Path(__file__).parents[2] / "recipes"
FILES = sorted(path for name in ("ecapa", "campplus") for path in RECIPES.glob(f"*/conf/*{name}.yaml"))
assert len(FILES) == 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_front_end_network_and_chunks_fit_each_other(path: Path) -> None:
    config = read_train_config(path)
    assert config.frontend is not None
    model = ModelConfig(config.frontend, config.network, config.extract)  # which checks it
    assert getattr(model.network, "kind", None) == path.stem.removeprefix("smoke-")
    assert config.chunks.min_frames > model.network.context and config.head.loss == "aam-softmax"


@pytest.mark.parametrize("kind", ["ecapa", "campplus"])
def test_the_smoke_runs_network_trains(kind: str, dev: Path, tmp_path: Path) -> None:
    changes = (
        f"train={dev}",
        f"dev={dev}",
        f"out={tmp_path / 'exp'}",
        "augment=null",
        "speed=null",
        "chunks.min_utterance_frames=1",
        "chunks.batch_size=8",
        "chunks.chunks_per_epoch=16",
        "trainer.n_epochs=1",
        "trainer.average_epochs=1",
    )
    config = read_train_config(RECIPES / "voxceleb" / "conf" / f"smoke-{kind}.yaml", changes)
    final = run_training(config)
    network: TrainableConfig = config.network
    assert (final / "model.safetensors").exists() and network.embedding_dim == 24
