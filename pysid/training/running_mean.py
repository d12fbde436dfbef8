"""The mean of a network's weights over the steps of its training, late ones counting most.

Source: B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on Control and
Optimization, 1992; the exponential form as in A. Tarvainen and H. Valpola, "Mean teachers are better role models",
NeurIPS 2017.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class RunningMean:
    """The mean of the weights and of the batch norms' statistics.

    Args:
        decay: in (0, 1): the share of the mean that a step leaves as it was. At the first steps it is less, so that
            the weights at the start do not count for long.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._mean = {name: x.detach().clone() for name, x in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the mean towards the weights after step `step`, counted from 1."""
        share = 1 - min(self.decay, step / (step + 9))
        for name, x in network.state_dict().items():
            if x.is_floating_point():
                self._mean[name].lerp_(x, share)
            else:
                self._mean[name].copy_(x)

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """The network has the mean within the context, and its own weights again after it."""
        own = {name: x.detach().clone() for name, x in network.state_dict().items()}
        network.load_state_dict(self._mean)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def state_dict(self) -> dict[str, Tensor]:
        """The mean, by the names of the weights."""
        return self._mean

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Takes a mean that was saved."""
        for name, x in self._mean.items():
            x.copy_(state[name])
