"""Gaussian mixtures of frames: one of all the speech of a recording, and the same adapted to each of its speakers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

FRAMES_PER_COMPONENT = 50  # a mixture has fewer components where there would be fewer frames for each
MIN_VARIANCE = 0.01  # of the variance of all frames
N_EM_ITERATIONS = 20
BLOCK = 10_000  # frames worked on together


@dataclass(frozen=True, eq=False)
class FrameMixtures:
    """S mixtures of K Gaussians with diagonal covariances, which the mixtures share.

    Frames are normalised first: less `centre` (D,), divided by `scale` (D,). All attributes are in that space.

    Attributes:
        weights: (S, K), rows add to 1.
        means: (S, K, D).
        variances: (K, D).
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    @property
    def n_components(self) -> int:
        """Gaussians that the mixtures share."""
        return len(self.variances)

    def log_densities(self, frames: np.ndarray) -> np.ndarray:
        """(T, S) float32 of frames (T, D): log density of each under each mixture."""
        scores = np.empty((len(frames), len(self.weights)), dtype=np.float32)
        for part in _blocks(len(frames)):
            joint = self._joint(self._normalized(frames[part]))
            top = joint.max(axis=2)
            scores[part] = top + np.log(np.exp(joint - top[..., None]).sum(axis=2))
        return scores

    def moments(
        self, frames: np.ndarray, labels: np.ndarray, n_labels: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moments of frames (T, D) by label (T,) and by the components of the first mixture.

        Args:
            frames: (T, D), as they come.
            labels: (T,) counted from 0.
            n_labels: how many there are.
        Returns:
            counts (n_labels, K), sums (n_labels, K, D), and sums of squares (K, D) of the frames of any label;
            frames labelled -1 do not count.
        """
        counts = np.zeros((n_labels, self.n_components))
        sums = np.zeros((*counts.shape, len(self.centre)))
        squares = np.zeros_like(self.variances, dtype=np.float64)
        for part in _blocks(len(frames)):
            x = self._normalized(frames[part])
            joint = self._joint(x)[:, 0]
            posteriors = np.exp(joint - joint.max(axis=1, keepdims=True))
            posteriors /= posteriors.sum(axis=1, keepdims=True)
            by_label = (labels[part, None] == np.arange(n_labels))[..., None] * posteriors[:, None]  # (B, n_labels, K)
            counts += by_label.sum(axis=0)
            sums += np.tensordot(by_label, x, axes=(0, 0))
            squares += by_label.sum(axis=1).T @ x**2
        return counts, sums, squares

    def adapted(self, frames: np.ndarray, labels: np.ndarray, n_speakers: int, relevance: float) -> "FrameMixtures":
        """The first mixture, adapted in its weights and means to the frames of each speaker.

        A speaker with few frames stays near the mixture; one without any has it unchanged.

        Args:
            frames: (T, D).
            labels: (T,) who speaks, -1 where nobody should learn.
            relevance: how many frames the mixture itself counts for: in the weights, and in the mean of a component.
        Source: J.-L. Gauvain, C.-H. Lee, "Maximum a posteriori estimation for multivariate Gaussian mixture
            observations of Markov chains", IEEE Trans. Speech and Audio Processing 2(2), 1994.
        """
        counts, sums, _ = self.moments(frames, labels, n_speakers)
        weights = (counts + relevance * self.weights[0]) / (counts.sum(axis=1, keepdims=True) + relevance)
        means = (sums + relevance * self.means[0]) / (counts[..., None] + relevance)
        return replace(self, weights=weights, means=means)

    def _normalized(self, frames: np.ndarray) -> np.ndarray:
        return ((frames - self.centre) / self.scale).astype(np.float32)

    def _joint(self, x: np.ndarray) -> np.ndarray:
        """(B, S, K) float32: log of weight times density, of normalised frames (B, D)."""
        precisions = 1 / self.variances
        square = -0.5 * x**2 @ precisions.T.astype(np.float32)  # (B, K), the same for all mixtures
        linear = (self.means * precisions).reshape(-1, x.shape[1]).astype(np.float32)
        constant = np.log(self.weights) - 0.5 * (
            (self.means**2 * precisions).sum(axis=2) + np.log(2 * np.pi * self.variances).sum(axis=1)
        )
        joint = (x @ linear.T).reshape(len(x), *self.weights.shape)
        return joint + square[:, None] + constant.astype(np.float32)


def fit_mixture(frames: np.ndarray, n_components: int, seed: int = 0) -> FrameMixtures:
    """A single mixture, by EM, of frames (T, D), T >= 1.

    Args:
        n_components: at most so many.
        seed: of the choice of the frames to start from.
    """
    from sklearn.cluster import kmeans_plusplus  # scikit-learn takes a second to import

    centre, scale = frames.mean(axis=0), frames.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    n_components = max(min(n_components, len(frames) // FRAMES_PER_COMPONENT), 1)
    means, _ = kmeans_plusplus((frames - centre) / scale, n_components, random_state=seed)
    mixture = FrameMixtures(
        centre, scale, np.full((1, n_components), 1 / n_components), means[None], np.ones_like(means)
    )
    everybody = np.zeros(len(frames), dtype=np.int64)
    for _ in range(N_EM_ITERATIONS):
        counts, sums, squares = mixture.moments(frames, everybody, 1)
        counts = np.maximum(counts, 1e-6)  # a component may lose all its frames
        means = sums / counts[..., None]
        variances = np.maximum(squares / counts[0][:, None] - means[0] ** 2, MIN_VARIANCE)
        mixture = replace(mixture, weights=counts / counts.sum(), means=means, variances=variances)
    return mixture


def _blocks(n_frames: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, n_frames)) for start in range(0, n_frames, BLOCK))
