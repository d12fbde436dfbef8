"""Trials: pairs of an enrolled speaker and an utterance, and their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pysid.backend.chain import Backend
from pysid.backend.score_norm import AdaptiveScoreNorm
from pysid.errors import DataError
from pysid.io.tables import Trial


@dataclass(frozen=True)
class Enrolments:
    """Enrolled speakers, or single utterances.

    Attributes:
        names: E names, as the first column of a trial list has them.
        vectors: (E, D) mean embedding of each.
        counts: (E,) utterances each mean is of.
    """

    names: Sequence[str]
    vectors: np.ndarray
    counts: np.ndarray


def enrol(embeddings: Mapping[str, np.ndarray], spk2utt: Mapping[str, Sequence[str]] | None = None) -> Enrolments:
    """Enrolments of several utterances each, or with None one of every utterance.

    A speaker's utterances without an embedding do not count; a speaker with none at all is left out.

    Source: kaldi/src/ivectorbin/ivector-mean.cc.
    """
    if spk2utt is None:
        names = list(embeddings)
        return Enrolments(names, np.stack([embeddings[x] for x in names]), np.ones(len(names), dtype=int))
    own = {speaker: [embeddings[x] for x in utts if x in embeddings] for speaker, utts in spk2utt.items()}
    own = {speaker: vectors for speaker, vectors in own.items() if vectors}
    if not own:
        raise DataError("no enrolled speaker has an utterance with an embedding")
    means = np.stack([np.mean(vectors, axis=0) for vectors in own.values()])
    return Enrolments(list(own), means, np.array([len(vectors) for vectors in own.values()]))


def score_trials(
    backend: Backend,
    trials: Sequence[Trial],
    enrolments: Enrolments,
    embeddings: Mapping[str, np.ndarray],
    cohort: np.ndarray | None = None,
    top_n: int = 300,
) -> np.ndarray:
    """The score of each trial, (P,); NaN where a side has no embedding.

    Args:
        embeddings: of the test utterances, {name: (D,)}.
        cohort: (N, D) embeddings of other speakers, for adaptive score normalisation with its `top_n` nearest.
    """
    row = {name: i for i, name in enumerate(enrolments.names)}
    names = list(embeddings)
    column = {name: i for i, name in enumerate(names)}
    usable = np.array([t.enrol in row and t.test in column for t in trials], dtype=bool)
    scores = np.full(len(trials), np.nan)
    if not usable.any():
        return scores
    kept = [t for t, ok in zip(trials, usable, strict=True) if ok]
    i = np.array([row[t.enrol] for t in kept])
    j = np.array([column[t.test] for t in kept])
    tests = np.stack([embeddings[name] for name in names])
    scorer = backend if cohort is None else AdaptiveScoreNorm(backend, max(2, min(top_n, len(cohort)))).fit(cohort)
    scores[usable] = scorer.score_pairs(enrolments.vectors, tests, i, j, enrolments.counts)
    return scores
