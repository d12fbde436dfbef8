"""Randomness for modules: from a generator that the caller passes, or one that follows torch's."""

import numpy as np
import torch
from torch import nn


class RandomModule(nn.Module):
    """A module that changes what it gets at random.

    With a generator it always does. Without one it does so only in training mode, like `nn.Dropout`, and what it draws
    follows `torch.manual_seed`. So it works in `nn.Sequential`, and has no effect in what `torch.export` makes of a
    module in evaluation mode. `torch.compile` leaves the drawing to Python.
    """

    def generator(self, rng: np.random.Generator | None) -> np.random.Generator | None:
        """The generator to draw from; None where nothing is to be changed."""
        if rng is None and self.training:
            return np.random.default_rng(int(torch.randint(2**63 - 1, ()).item()))
        return rng
