"""Mixtures of Gaussians, and utterances that vary around one."""

import numpy as np
import pytest

from pysid.ivector import DiagGmm, FullGmm, Posteriors

G, D, T = 7, 4, 60


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def full(rng):
    factors = rng.normal(size=(G, D, D))
    covars = factors @ factors.swapaxes(1, 2) + 0.5 * np.eye(D)
    return FullGmm.of(rng.dirichlet(np.full(G, 3.0)), rng.normal(0, 3, (G, D)), covars)


@pytest.fixture
def diag(rng):
    return DiagGmm.of(rng.dirichlet(np.full(G, 3.0)), rng.normal(0, 3, (G, D)), rng.uniform(0.5, 2, (G, D)))


@pytest.fixture
def x(rng):
    return rng.normal(0, 3, (T, D)).astype(np.float32)


@pytest.fixture
def gmm(rng):
    return FullGmm.of(rng.dirichlet(np.full(6, 5.0)), rng.normal(0, 4, (6, 3)), np.tile(np.eye(3), (6, 1, 1)))


@pytest.fixture
def utterances(gmm, rng):
    """Draws utterances whose means lie off the mixture's along two directions."""

    n_gaussians, dim = gmm.means.shape

    def draw(n=30, frames=80):
        directions = rng.normal(0, 0.6, (2, n_gaussians, dim))
        features, posteriors = [], []
        for _ in range(n):
            means = gmm.means + np.einsum("k,kgd->gd", rng.normal(size=2), directions)
            owner = rng.integers(0, n_gaussians, frames)
            features.append((means[owner] + rng.normal(size=(frames, dim))).astype(np.float32))
            posteriors.append(Posteriors(np.ones(frames, int), owner, np.ones(frames, np.float32)))
        return features, posteriors

    return draw
