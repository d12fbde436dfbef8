"""Speed of PLDA training and scoring: `python -m benchmarks.backend [--json PATH]`."""

from collections.abc import Callable

import numpy as np

from benchmarks.speed import PRODUCT, Timing, best_of, matrix_product, product_rate, run
from pysid.backend import Plda

N_SPEAKERS, N_UTTERANCES, DIM = 2000, 14, 200
N_ENROL, N_TEST = 10_000, 10_000
TRAINING = f"PLDA training, {N_SPEAKERS:,} speakers x {N_UTTERANCES} x {DIM}, 10 iterations"
SCORING = f"PLDA scoring, {N_ENROL:,} x {N_TEST:,} x {DIM}"
SCATTER, SCORE_PRODUCT = "X'X", "enrol @ test'"


def measure(repeats: int) -> tuple[float, list[Timing]]:
    seconds = best_of({PRODUCT: matrix_product(), **tasks()}, repeats)
    timings = [
        Timing(what, seconds[what] / seconds[product], f"times one product {product}", seconds[what], "s")
        for what, product in ((TRAINING, SCATTER), (SCORING, SCORE_PRODUCT))
    ]
    return product_rate(seconds[PRODUCT]), timings


def tasks() -> dict[str, Callable[[], object]]:
    """What is timed, and for each the matrix product in double that it cannot do without."""
    X, y = embeddings(np.random.default_rng(0))
    plda = Plda().fit(X, y)
    enrol, test = X[:N_ENROL], X[-N_TEST:]
    scores = np.empty((N_ENROL, N_TEST))
    return {
        SCATTER: lambda: X.T @ X,
        TRAINING: lambda: Plda().fit(X, y),
        SCORE_PRODUCT: lambda: np.matmul(enrol, test.T, out=scores),
        SCORING: lambda: plda.score(plda.transform(enrol), plda.transform(test)),
    }


def embeddings(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(N, DIM) embeddings of speakers that differ less on later axes, and (N,) who speaks."""
    y = np.repeat(np.arange(N_SPEAKERS), N_UTTERANCES)
    speakers = rng.normal(size=(N_SPEAKERS, DIM)) * np.linspace(3, 0.3, DIM)
    return speakers[y] + rng.normal(size=(len(y), DIM)), y


if __name__ == "__main__":
    run("benchmarks.backend", measure, repeats=3)
