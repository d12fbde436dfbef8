"""Learning rates, and options that cannot be."""

import itertools

import pytest

from pysid.training.optim import OptimizerConfig
from pysid.training.trainer import TrainerConfig


def test_learning_rate_schedules() -> None:
    for schedule in ("exponential", "cosine", "linear"):
        c = OptimizerConfig(schedule=schedule, learning_rate=1.0, final_learning_rate=0.01, warmup_steps=5)
        rates = [c.rate_at(step, 105) for step in range(106)]
        assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
        assert rates[5] == 1.0 and rates[105] == pytest.approx(0.01)
        assert all(a > b for a, b in itertools.pairwise(rates[5:]))
    assert OptimizerConfig(schedule="constant").rate_at(99, 100) == 1e-3


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (OptimizerConfig, {"learning_rate": 0}, "learning rates must be positive"),
        (OptimizerConfig, {"momentum": 1}, r"momentum in \[0, 1\)"),
        (TrainerConfig, {"checkpoint_minutes": 0}, "must be positive"),
    ],
)
def test_impossible_options(kind: type, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)
