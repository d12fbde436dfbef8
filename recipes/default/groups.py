"""Error rates of groups of verification trials, such as those of one language, each with what it rests on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from pysid.metrics.detection import cllr, equal_error_rate, min_cllr, min_dcf
from pysid.speakers.decision import OperatingPoint

MIN_TRIALS = 100  # of a kind, for a rate over them, and
MIN_SPEAKERS = 5  # who have target trials; with fewer there is no figure
PRIORS = (0.5, 0.01)  # operating points: of equal costs


@dataclass(frozen=True)
class Scored:
    """A scored trial.

    Attributes:
        score: calibrated, a log-likelihood ratio in nats; without a calibration, as the back-end gives it.
    """

    enrol: str
    test: str
    is_target: bool
    score: float


def figures(trials: Iterable[Scored], speaker: Mapping[str, str], calibrated: bool) -> dict[str, Any]:
    """Error rates as fractions, None where there are too few trials or speakers for one.

    Args:
        speaker: of each enrolment utterance.
        calibrated: the scores are log-likelihood ratios, so that there are decisions and a Cllr.
    """
    trials = list(trials)
    target = np.array([x.score for x in trials if x.is_target])
    nontarget = np.array([x.score for x in trials if not x.is_target])
    n_speakers = len({speaker[x.enrol] for x in trials if x.is_target})
    result: dict[str, Any] = {"n_target": len(target), "n_nontarget": len(nontarget), "n_speakers": n_speakers}
    some_targets = len(target) >= MIN_TRIALS and n_speakers >= MIN_SPEAKERS
    some_nontargets = len(nontarget) >= MIN_TRIALS
    both = some_targets and some_nontargets
    result["eer"] = equal_error_rate(target, nontarget)[0] if both else None
    result["min_dcf"] = {str(p): min_dcf(target, nontarget, p)[0] if both else None for p in (0.01, 0.001)}
    result["cllr"] = cllr(target, nontarget) if both and calibrated else None
    result["min_cllr"] = min_cllr(target, nontarget) if both else None
    for prior in PRIORS if calibrated else ():
        threshold = OperatingPoint(p_target=prior).llr_threshold
        result[f"miss@{prior}"] = float((target < threshold).mean()) if some_targets else None
        result[f"false_alarm@{prior}"] = float((nontarget >= threshold).mean()) if some_nontargets else None
    return result


def by_group(
    trials: Sequence[Scored], group_of: Callable[[Scored], str | None], order: Sequence[str] = ()
) -> dict[str, list[Scored]]:
    """Trials by group, those of `order` first, the others by size; a trial of the group None is in none."""
    groups: dict[str, list[Scored]] = {name: [] for name in order}
    for trial in trials:
        name = group_of(trial)
        if name is not None:
            groups.setdefault(name, []).append(trial)
    rest = sorted((name for name in groups if name not in order), key=lambda name: -len(groups[name]))
    return {name: groups[name] for name in [*order, *rest] if groups[name]}


HEADINGS = ("trials", "same", "other", "speakers", "EER %", "minDCF 0.01", "Cllr, min.", "miss, false alarm %")


def table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """A line a group: the numbers of trials and speakers, then the figures; "-" where there are too few.

    The last columns are errors at the threshold of each of `PRIORS`.
    """
    last = [f"{HEADINGS[-1]} at prior {prior}" for prior in PRIORS]
    result = Table(*HEADINGS[:-1], *last)
    for name, x in rows.items():
        cells = [_percent(x["eer"]), _number(x["min_dcf"]["0.01"]), _pair(_number, x["cllr"], x["min_cllr"])]
        cells += [_pair(_percent, x.get(f"miss@{p}"), x.get(f"false_alarm@{p}")) for p in PRIORS]
        result.add_row(name, f"{x['n_target']:,}", f"{x['n_nontarget']:,}", str(x["n_speakers"]), *cells)
    return result


def _pair(write: Callable[[float | None], str], *values: float | None) -> str:
    return "-" if all(value is None for value in values) else ", ".join(map(write, values))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
