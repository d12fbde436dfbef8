"""Scores put beside the trials they answer."""

from collections.abc import Mapping, Sequence

import numpy as np

from pysid.errors import DataError
from pysid.io.tables import Trial


def split_scores(
    trials: Sequence[Trial], scores: Mapping[tuple[str, str], float], trials_name: object, scores_name: object
) -> tuple[np.ndarray, np.ndarray]:
    """The scores of target trials and of nontarget trials, each (n,) in the order of the list.

    Args:
        trials_name, scores_name: where the two come from, for messages.
    Raises:
        DataError: a trial has no score or no "target"/"nontarget", or one of the two kinds is absent.
    """
    missing = [t for t in trials if (t.enrol, t.test) not in scores]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(trials)} trials in {trials_name} have no score in {scores_name}; the first is "
            f"'{missing[0].enrol} {missing[0].test}'"
        )
    if any(t.is_target is None for t in trials):
        raise DataError(f"{trials_name}: expected 'enrol test target|nontarget' on every line, got trials without it")
    values = np.array([scores[t.enrol, t.test] for t in trials])
    is_target = np.array([t.is_target for t in trials], dtype=bool)
    if not is_target.any() or is_target.all():
        kind = "nontarget" if is_target.any() else "target"
        raise DataError(f"{trials_name}: expected target and nontarget trials, got no {kind} trial")
    return values[is_target], values[~is_target]
