"""Optimizers and learning-rate schedules, as functions of the step alone."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass(frozen=True)
class OptimizerConfig:
    """Configuration of the optimizer and of its learning rate.

    Attributes:
        kind: "adam", "adamw" or "sgd".
        learning_rate, final_learning_rate: at the start (after the warm-up) and at the end of the training.
        schedule: how the rate goes from one to the other: "exponential" (Kaldi's), "cosine", "linear" or
            "constant" (then the final rate does not apply).
        warmup_steps: steps in which the rate climbs linearly to `learning_rate`.
        momentum, nesterov: SGD only.
        weight_decay: on every weight matrix; vectors (biases, batch norm) have none.
        max_grad_norm: longer gradients are scaled down to this length; 0 for no limit.
    """

    kind: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-4
    schedule: Literal["exponential", "cosine", "linear", "constant"] = "exponential"
    warmup_steps: int = 0
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    max_grad_norm: float = 5.0

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.final_learning_rate <= 0:
            raise ValueError(
                f"learning rates must be positive, got {self.learning_rate} and {self.final_learning_rate}"
            )
        if min(self.warmup_steps, self.weight_decay, self.max_grad_norm) < 0 or not 0 <= self.momentum < 1:
            raise ValueError("warmup_steps, weight_decay and max_grad_norm must not be negative, momentum in [0, 1)")

    def rate_at(self, step: int, n_steps: int) -> float:
        """Learning rate of step `step` of `n_steps`, from 0.

        >>> c = OptimizerConfig(learning_rate=1.0, final_learning_rate=0.01, warmup_steps=2)
        >>> [round(c.rate_at(step, 6), 3) for step in range(6)]
        [0.5, 1.0, 1.0, 0.316, 0.1, 0.032]
        """
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(n_steps - self.warmup_steps, 1)
        first, last = self.learning_rate, self.final_learning_rate
        if self.schedule == "exponential":
            return first * (last / first) ** done
        if self.schedule == "cosine":
            return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
        if self.schedule == "linear":
            return first + (last - first) * done
        return first


def make_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer that `config` names, over the parameters of `model`."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.kind == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.nesterov)
    kind = torch.optim.AdamW if config.kind == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.learning_rate)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the rate of all parameter groups."""
    groups: Iterable[dict[str, object]] = optimizer.param_groups
    for group in groups:
        group["lr"] = rate
