"""Speed of the back-end: `python -m benchmarks.backend [--only WORD ...] [--one-core] [--json PATH]`.

PLDA training and scoring, cosine scoring and AS-norm on synthetic embeddings, compared with scikit-learn and SciPy
where they have the same, and with Kaldi's programs where they are on PATH.
"""

import argparse
from collections.abc import Callable

import numpy as np

from benchmarks.kaldi_programs import plda_scoring, plda_training
from benchmarks.measure.limits import FLOAT64
from benchmarks.measure.tasks import Task, add_arguments, measure, one_core_limits, report

DIM = 200
N_SPEAKERS, N_UTTERANCES = 7000, 14
N_TRIALS, N_TRIAL_UTTERANCES = 37_720, 4708  # as many as VoxCeleb1-O has
N_ENROL, N_TEST = 10_000, 10_000
COHORT, TOP_N = 5000, 300


def embeddings(seed: int, n_speakers: int, n_utterances: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, DIM) float32 of speakers that differ less on later axes, and (N,) who speaks."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_utterances)
    speakers = rng.normal(size=(n_speakers, DIM)) * np.linspace(3, 0.3, DIM)
    return (speakers[y] + rng.normal(size=(len(y), DIM))).astype(np.float32), y


def trials() -> tuple[np.ndarray, np.ndarray]:
    """(P,), (P,) rows of the enrolment and test sides of random trials."""
    first, second = np.random.default_rng(1).integers(0, N_TRIAL_UTTERANCES, (2, N_TRIALS))
    return first, second


def train() -> Callable[[], object]:
    from pysid.backend import Plda

    X, y = embeddings(0, N_SPEAKERS, N_UTTERANCES)
    return lambda: Plda().fit(X, y)


def score_trials() -> Callable[[], object]:
    plda, X, (i, j) = _model(), embeddings(1, N_TRIAL_UTTERANCES, 1)[0], trials()
    return lambda: plda.terms(plda.transform(X), plda.transform(X)).pairs(i, j)


def score_matrix() -> Callable[[], object]:
    plda, enrol, test = _model(), embeddings(1, N_ENROL, 1)[0], embeddings(2, N_TEST, 1)[0]
    return lambda: plda.score(plda.transform(enrol), plda.transform(test))


def score_norm() -> Callable[[], object]:
    from pysid.backend import AdaptiveScoreNorm, PldaBackend

    norm = AdaptiveScoreNorm(PldaBackend.from_parts(_model()), TOP_N).fit(embeddings(2, COHORT, 1)[0])
    X, (i, j) = embeddings(1, N_TRIAL_UTTERANCES, 1)[0], trials()
    return lambda: norm.score_pairs(X, X, i, j)


def cosine(by: str) -> Callable[[], object]:
    enrol, test = (embeddings(seed, N_ENROL, 1)[0].astype(np.float64) for seed in (1, 2))
    if by == "scikit-learn":
        from sklearn.metrics.pairwise import cosine_similarity

        return lambda: cosine_similarity(enrol, test)
    if by == "SciPy":
        from scipy.spatial.distance import cdist

        return lambda: cdist(enrol, test, "cosine")
    from pysid.backend import cosine_scores

    return lambda: cosine_scores(enrol, test)


def _model():
    from pysid.backend import Plda

    return Plda().fit(*embeddings(0, 500, N_UTTERANCES))


def tasks() -> list[Task]:
    n = N_SPEAKERS * N_UTTERANCES
    all_pairs = 2.0 * N_ENROL * N_TEST * DIM
    against_cohort = 2 * (2.0 * N_TRIAL_UTTERANCES * COHORT * DIM)
    matrix = f"{N_ENROL:,} x {N_TEST:,}"
    training = f"PLDA training, {N_SPEAKERS:,} speakers, {n:,} vectors"
    norm = f"AS-norm of {N_TRIALS:,} trials, cohort {COHORT:,}, best {TOP_N}"
    projection = 2 * (2.0 * N_TRIAL_UTTERANCES * DIM**2)
    return [
        Task(training, "pysid", n, "vectors", 2.0 * n * DIM**2, FLOAT64, train),
        Task(f"PLDA scoring, {N_TRIALS:,} trials", "pysid", N_TRIALS, "trials", projection, FLOAT64, score_trials),
        Task(f"PLDA scoring, {matrix}", "pysid", N_ENROL * N_TEST, "trials", all_pairs, FLOAT64, score_matrix),
        Task(norm, "pysid", N_TRIALS, "trials", against_cohort, FLOAT64, score_norm),
        *(
            Task(f"cosine, {matrix}", by, N_ENROL * N_TEST, "trials", all_pairs, FLOAT64, cosine, (by,))
            for by in ("pysid", "scikit-learn", "SciPy")
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backend", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[""], help="tasks whose names have one of these")
    add_arguments(parser)
    arguments = parser.parse_args()
    limits = one_core_limits()
    chosen = [task for task in tasks() if any(word in f"{task.what} {task.by}" for word in arguments.only)]
    measurements = [measure(task, limits, not arguments.one_core) for task in chosen]
    X, y = embeddings(0, N_SPEAKERS, N_UTTERANCES)
    pairs = np.column_stack(trials())
    measurements += plda_training(X, y) + plda_scoring(_model(), embeddings(1, N_TRIAL_UTTERANCES, 1)[0], pairs)
    report(arguments, limits, measurements)


if __name__ == "__main__":
    main()
