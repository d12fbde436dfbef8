"""From embeddings and a trial list to scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.backend.chain import Backend
from pysid.backend.score_norm import AdaptiveScoreNorm
from pysid.embed import embed, open_inputs
from pysid.errors import DataError, Skipped
from pysid.io.ark import read_vectors
from pysid.io.tables import Trial, read_spk2utt, read_trials, write_scores
from pysid.model import DEFAULT_MODEL, SpeakerModel
from pysid.progress import say


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
    scorer = backend if cohort is None else AdaptiveScoreNorm(backend, min(top_n, len(cohort))).fit(cohort)
    scores[usable] = scorer.score_pairs(enrolments.vectors, tests, i, j, enrolments.counts)
    return scores


def score_list(
    trials_path: Path,
    audio: str,
    out: Path,
    *,
    model: str | None = None,
    kind: str | None = None,
    enrol_spk2utt: Path | None = None,
    cohort: str | None = None,
    top_n: int = 300,
    calibrate: bool = False,
    device: str = "cpu",
    allow_pipes: bool = False,
) -> None:
    """What `pysid score` does: see its options.

    Raises:
        DataError: a file that is missing or malformed, an utterance or speaker of the trial list that does not
            exist, or no trial that can be scored.
    """
    if kind not in (None, "plda", "cosine"):
        raise DataError(f"--backend must be plda or cosine, got {kind!r}")
    trials = read_trials(trials_path)
    spk2utt = None if enrol_spk2utt is None else read_spk2utt(enrol_spk2utt)
    opened = SpeakerModel.load(model or DEFAULT_MODEL, device)
    scorer = opened.scorer(kind)
    if calibrate and scorer.calibration_ is None:
        raise DataError("this model has no calibration for that back-end")
    known, embeddings, skipped = _embeddings(opened, audio, trials, spk2utt, allow_pipes)
    _check_names(trials, trials_path, spk2utt, known, audio)
    if not embeddings:
        raise DataError(f"no utterance of {audio} has an embedding; {skipped.summary(len(skipped), 3)}")
    enrolments = enrol(embeddings, spk2utt)
    background = None if cohort is None else np.stack([x for _, x in read_vectors(cohort)])
    values = score_trials(scorer, trials, enrolments, embeddings, background, top_n)
    if calibrate and scorer.calibration_ is not None:
        values = scorer.calibration_.transform(values)
    scored = [(t.enrol, t.test, float(x)) for t, x in zip(trials, values, strict=True) if np.isfinite(x)]
    if not scored:
        raise DataError(f"no trial of {trials_path} could be scored; {skipped.summary(len(skipped), 3)}")
    write_scores(out, scored)
    if len(skipped):
        say(skipped.summary(len(known)))
        say(f"left out {len(trials) - len(scored)} of {len(trials)} trials")


def _embeddings(
    model: SpeakerModel,
    source: str,
    trials: Sequence[Trial],
    spk2utt: Mapping[str, Sequence[str]] | None,
    allow_pipes: bool,
) -> tuple[set[str], dict[str, np.ndarray], Skipped]:
    """All names of the source, and the embeddings of those that the trials need."""
    enrolled = {t.enrol for t in trials} if spk2utt is None else {x for utts in spk2utt.values() for x in utts}
    needed = enrolled | {t.test for t in trials}
    skipped = Skipped()
    if source.startswith(("scp:", "ark:")) or source.endswith((".npz", ".ark")):
        vectors = {k: v for k, v in read_vectors(source, allow_pipes=allow_pipes) if k in needed}
        return set(vectors), vectors, skipped
    inputs = open_inputs([source], model, allow_pipes)
    known = set(inputs.keys or ())
    vectors = dict(embed(model, inputs, skipped, done=known - needed))
    return known, vectors, skipped


def _check_names(
    trials: Sequence[Trial],
    path: Path,
    spk2utt: Mapping[str, Sequence[str]] | None,
    known: set[str],
    source: str,
) -> None:
    """Every name of the trial list must exist; the message has the line of the first that does not."""
    enrollable = known if spk2utt is None else set(spk2utt)
    for number, trial in enumerate(trials, start=1):
        if trial.enrol not in enrollable:
            where = source if spk2utt is None else "the enrolment list"
            raise DataError(f"{path}:{number}: {trial.enrol!r} is not in {where}")
        if trial.test not in known:
            raise DataError(f"{path}:{number}: {trial.test!r} is not in {source}")
