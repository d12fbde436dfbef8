"""Scores put beside the trials they answer."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from pysid.errors import DataError, PysidWarning
from pysid.io.tables import Trial


def scored_trials(
    trials: Sequence[Trial],
    scores: Mapping[tuple[str, str], float],
    trials_name: object,
    scores_name: object,
    *,
    allow_missing: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The score of each trial, (P,), and whether it is a target trial, (P,) bool.

    They come in the order of `scores`, which is that of the file: Kaldi's minDCF depends on it where scores are equal.
    Scores of pairs that are not trials are left out, and a repeated trial counts once.

    Args:
        trials_name, scores_name: where the two come from, for messages.
        allow_missing: leave out trials without a score.
    Raises:
        DataError: a trial has no score or no "target"/"nontarget", or there are no trials of one kind.
    Warns:
        PysidWarning: repeated trials.
    """
    once = list(dict.fromkeys(trials))
    if len(once) < len(trials):
        message = f"{trials_name}: {len(trials) - len(once)} of {len(trials)} trials are repeated, and count once"
        warnings.warn(message, PysidWarning, stacklevel=2)
    trials = once
    place = {pair: i for i, pair in enumerate(scores)}
    missing = [t for t in trials if (t.enrol, t.test) not in place]
    if missing and not allow_missing:
        raise DataError(
            f"{len(missing)} of {len(trials)} trials in {trials_name} have no score in {scores_name}; the first is "
            f"'{missing[0].enrol} {missing[0].test}'"
        )
    scored = [t for t in trials if (t.enrol, t.test) in place] if missing else list(trials)
    scored.sort(key=lambda t: place[t.enrol, t.test])
    unknown = next((t for t in scored if t.is_target is None), None)
    if unknown is not None:
        raise DataError(
            f"{trials_name}: expected 'enrol test target|nontarget' on every line, got '{unknown.enrol} {unknown.test}'"
        )
    is_target = np.array([t.is_target for t in scored], dtype=bool)
    if not is_target.any() or is_target.all():
        kind = "nontarget" if is_target.any() else "target"
        raise DataError(f"{trials_name}: expected target and nontarget trials, got no {kind} trial")
    return np.array([scores[t.enrol, t.test] for t in scored]), is_target


def split_scores(
    trials: Sequence[Trial], scores: Mapping[tuple[str, str], float], trials_name: object, scores_name: object
) -> tuple[np.ndarray, np.ndarray]:
    """The scores of target trials, (n,), and of nontarget trials, (m,); see `scored_trials`.

    Args:
        trials: with the truth of each.
        scores: {(enrol, test): score}.
        trials_name, scores_name: what to call the files in messages.
    """
    values, is_target = scored_trials(trials, scores, trials_name, scores_name)
    return values[is_target], values[~is_target]
