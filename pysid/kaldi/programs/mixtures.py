"""gmm-global-* and fgmm-global-*: copying, converting and training mixtures of Gaussians."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pysid.errors import DataError
from pysid.io.kaldi.reader import Reader, Writer
from pysid.ivector.diag_gmm import DiagGmm
from pysid.ivector.files import (
    parse_diag_gmm,
    parse_full_gmm,
    parse_gmm_stats,
    write_diag_gmm,
    write_full_gmm,
    write_gmm_stats,
)
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.gmm_stats import GmmStats, parse_flags
from pysid.ivector.gmm_update import UpdateConfig, train, update
from pysid.ivector.ragged import Chosen, Posteriors, joined
from pysid.ivector.selection import log_sum, pruned
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX, VECTOR
from pysid.kaldi.log import six_digits
from pysid.kaldi.posterior_holders import CHOSEN
from pysid.kaldi.run import Program, Run

Gmm = DiagGmm | FullGmm

FRAMES_AT_ONCE = 20000  # of several utterances, for Gaussians with full covariances


@dataclass(frozen=True)
class Kind:
    """How one kind of mixture is read and written, and what Kaldi calls it."""

    parse: Callable[[Reader], Any]
    write: Callable[[Writer, Any], None]
    name: str


DIAG = Kind(parse_diag_gmm, write_diag_gmm, "diagonal-covariance")
FULL = Kind(parse_full_gmm, write_full_gmm, "full-covariance")


def save(run: Run, kind: Kind, name: str, gmm: Gmm) -> None:
    """Writes a mixture to the file that an argument names, in the format that --binary asks for.

    Args:
        run: of the program.
        kind: with diagonal or full covariances.
        name: of the file.
        gmm: the mixture.
    """
    run.save(name, lambda writer: kind.write(writer, gmm), binary=run.options["binary"])


def _copy(kind: Kind) -> Callable[[Run], int]:
    def main(run: Run) -> int:
        source, target = run.arguments
        save(run, kind, target, run.load(source, kind.parse))
        run.log.info(f"Written model to {target}")
        return 0

    return main


def _to_full(run: Run) -> int:
    gmm: DiagGmm = run.load(run.arguments[0], DIAG.parse)
    save(run, FULL, run.arguments[1], FullGmm.from_diag(gmm))
    run.log.info(f"Written full GMM to {run.arguments[1]}")
    return 0


def _to_diag(run: Run) -> int:
    gmm: FullGmm = run.load(run.arguments[0], FULL.parse)
    save(run, DIAG, run.arguments[1], gmm.to_diag())
    run.log.info(f"Written diagonal GMM to {run.arguments[1]}")
    return 0


def _init_from_feats(run: Run) -> int:
    options = run.options
    rng = np.random.default_rng(options["srand"])
    n_kept, n_gaussians, n_start = options["num-frames"], options["num-gauss"], options["num-gauss-init"]
    run.log.info(f"Reading features (will keep {n_kept} frames.)")
    x, n_read = _some_frames(run, n_kept, rng)
    if n_read < n_kept:
        run.log.warn(f"Number of frames read {n_read} was less than target number {n_kept}, using all we read.")
    else:
        share = six_digits(n_kept * 100 / n_read)
        run.log.info(f"Kept {n_kept} out of {n_read} input frames = {share}%.")
    n_start = n_start if 0 < n_start <= n_gaussians else n_gaussians
    run.log.info(f"Initializing GMM means from random frames to {n_start} Gaussians.")
    gmm = train(x, n_gaussians, n_start, options["num-iters"], _config(run), rng, run.log.info)
    save(run, DIAG, run.arguments[1], gmm)
    run.log.info(f"Wrote model to {run.arguments[1]}")
    return 0


def _some_frames(run: Run, n_kept: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Frames drawn from all features, never holding more than are drawn, and how many there were in all."""
    if n_kept < 1:
        raise DataError(f"--num-frames must be positive, got {n_kept}")
    kept: np.ndarray | None = None
    n_read = 0
    for key, features in run.read(run.arguments[0], MATRIX):
        if not len(features):
            continue
        if kept is None:
            kept = np.empty((n_kept, features.shape[1]), np.float32)
        if features.shape[1] != kept.shape[1]:
            raise DataError(
                f"Features have inconsistent dims {features.shape[1]} vs. {kept.shape[1]} (current utt is) {key}"
            )
        n_first = min(len(features), max(n_kept - n_read, 0))
        kept[n_read : n_read + n_first] = features[:n_first]
        later = features[n_first:]
        numbers = n_read + n_first + 1 + np.arange(len(later))
        chosen = rng.random(len(later)) < n_kept / numbers
        kept[rng.integers(0, n_kept, int(chosen.sum()))] = later[chosen]
        n_read += len(features)
    if kept is None:
        raise DataError(f"{run.arguments[0]}: expected features, got none")
    return kept[: min(n_read, n_kept)], n_read


def with_lookup(run: Run, table: str, lookup: Any, key: str, n_frames: int) -> Any:
    """What the table has for an utterance; None, with a warning, where it is missing or of another length.

    Args:
        run: whose log gets the warning.
        table: what to call it in the warning.
        lookup: an open table.
        key: of the utterance.
        n_frames: length that is expected.
    """
    value = lookup.get(key)
    if value is None:
        run.log.warn(f"No {table} for utterance {key}")
    elif len(value) != n_frames:
        run.log.warn(f"{table} for utterance {key} has wrong size {len(value)} vs. {n_frames}")
    else:
        return value
    return None


@dataclass(frozen=True, eq=False)
class _Utterance:
    key: str
    features: np.ndarray
    chosen: Chosen | None  # None for all Gaussians
    weights: np.ndarray  # (T,) of the frames


def _utterances(run: Run) -> Iterator[_Utterance | None]:
    """Utterances with all that the options name; None for one without."""
    gselect = run.lookup(run.options["gselect"], CHOSEN) if run.options["gselect"] else None
    weights = run.lookup(run.options["weights"], VECTOR) if run.options["weights"] else None
    for key, features in run.read(run.arguments[1], MATRIX):
        chosen, weight = None, np.ones(len(features), np.float32)
        if weights is not None:
            weight = with_lookup(run, "per-frame weights", weights, key, len(features))
        if gselect is not None and weight is not None:
            chosen = with_lookup(run, "gselect information", gselect, key, len(features))
        if weight is None or (gselect is not None and chosen is None):
            yield None
        else:
            yield _Utterance(key, features, chosen, weight)


def _acc_stats(kind: Kind) -> Callable[[Run], int]:
    def main(run: Run) -> int:
        gmm: Gmm = run.load(run.arguments[0], kind.parse)
        stats = GmmStats.zeros(gmm, parse_flags(run.options["update-flags"]))
        n_done = n_errors = 0
        likelihood = weight = 0.0
        waiting: list[_Utterance] = []

        def work_off() -> None:
            nonlocal likelihood, weight
            if waiting:
                added = _accumulate(gmm, stats, waiting)
                likelihood, weight = likelihood + added[0], weight + added[1]
                waiting.clear()

        for utterance in _utterances(run):
            if utterance is None:
                n_errors += 1
                continue
            waiting.append(utterance)
            n_done += 1
            if sum(len(one.features) for one in waiting) >= FRAMES_AT_ONCE:
                work_off()
        work_off()
        run.log.info(f"Done {n_done} files; {n_errors} with errors.")
        average = six_digits(likelihood / weight) if weight else "-nan"
        run.log.info(f"Overall likelihood per frame = {average} over {six_digits(weight)} (weighted) frames.")
        run.save(run.arguments[2], lambda writer: write_gmm_stats(writer, stats, gmm.dim), binary=run.options["binary"])
        run.log.info(f"Written accs to {run.arguments[2]}")
        return 0 if n_done else 1

    return main


def _accumulate(gmm: Gmm, stats: GmmStats, utterances: list[_Utterance]) -> tuple[float, float]:
    """Adds utterances; gives their log likelihood and the weight of their frames."""
    x = np.concatenate([one.features for one in utterances])
    weights = np.concatenate([one.weights for one in utterances]).astype(np.float32)
    chosen = [one.chosen for one in utterances if one.chosen is not None]
    if chosen:
        both = joined(chosen)
        posteriors, totals = pruned(gmm.log_likelihoods_of(x, both), both)
        scaled = posteriors.weights * weights[posteriors.frames]
        stats.add(x, Posteriors(posteriors.counts, posteriors.gaussians, scaled))
    else:
        table = gmm.log_likelihoods(x)
        totals = log_sum(table)
        stats.add_all(x, np.exp(table - totals[:, None]) * weights[:, None])
    used = weights != 0
    return float((totals[used] * weights[used]).sum(dtype=np.float64)), float(weights.sum(dtype=np.float64))


def _sum_accs(run: Run) -> int:
    target, *sources = run.arguments
    total: GmmStats | None = None
    dim = 0
    for source in sources:
        stats: GmmStats = run.load(source, parse_gmm_stats)
        total = stats if total is None else total + stats
        dim = stats.first.shape[1] if stats.first.size else dim
    assert total is not None
    summed = total
    run.save(target, lambda writer: write_gmm_stats(writer, summed, dim), binary=run.options["binary"])
    run.log.info(f"Written stats to {target}")
    return 0


def _est(kind: Kind) -> Callable[[Run], int]:
    def main(run: Run) -> int:
        model, source, target = run.arguments
        gmm: Gmm = run.load(model, kind.parse)
        step = update(gmm, run.load(source, parse_gmm_stats), _config(run), parse_flags(run.options["update-flags"]))
        for g in step.removed:
            run.log.warn(f"Too little data - removing Gaussian {g}")
        if step.n_floored:
            run.log.warn(f"{step.n_floored} variances floored")
        average = six_digits(step.improvement / step.count) if step.count else "-nan"
        run.log.info(
            f"Overall objective function improvement is {average} per frame over {six_digits(step.count)} frames."
        )
        new = step.gmm
        if run.options["mix-up"]:
            new = new.split(run.options["mix-up"], run.options["perturb-factor"], np.random.default_rng(0))
        save(run, kind, target, new)
        run.log.info(f"Written model to {target}")
        return 0

    return main


def _config(run: Run) -> UpdateConfig:
    options = run.options
    return UpdateConfig(
        min_weight=options["min-gaussian-weight"],
        min_occupancy=options["min-gaussian-occupancy"],
        min_variance=options["min-variance" if "min-variance" in options else "variance-floor"],
        max_condition=options.get("max-condition", 1e4),
        remove_low_count=options["remove-low-count-gaussians"],
    )


_BINARY = Option("binary", True, "Write output in binary mode")
_FLAGS = Option("update-flags", "mvw", "Which parameters will be updated: letters out of mvw")
_ACC_OPTIONS = (
    _BINARY,
    _FLAGS,
    Option("gselect", "", "Table of the Gaussians to look at in each frame"),
    Option("weights", "", "Table of the weights of the frames"),
)
_COUNTS = (
    Option("min-gaussian-weight", 1e-5, "Gaussians of less weight are removed"),
    Option("remove-low-count-gaussians", True, "Remove Gaussians that have too little data"),
)
_DIAG_UPDATE = (
    *_COUNTS,
    Option("min-gaussian-occupancy", 10.0, "Gaussians of fewer frames are removed"),
    Option("min-variance", 0.001, "Least variance"),
)
_FULL_UPDATE = (
    *_COUNTS,
    Option("min-gaussian-occupancy", 100.0, "Gaussians of fewer frames are removed"),
    Option("variance-floor", 0.001, "Least eigenvalue of a covariance"),
    Option("max-condition", 1e4, "Largest condition number of a covariance"),
)
_EST_OPTIONS = (
    _BINARY,
    _FLAGS,
    Option("mix-up", 0, "If not 0, split Gaussians up to this number"),
    Option("perturb-factor", 0.01, "By how many deviations the means of the two halves are moved"),
)
_AT_LEAST_TWO = range(2, 1_000_000)


def _trained(kind: Kind, prefix: str, options: tuple[Option, ...]) -> dict[str, Program]:
    return {
        f"{prefix}-copy": Program(
            f"Copy a {kind.name} GMM.\nUsage: {prefix}-copy [options] <model-in> <model-out>",
            (2,),
            _copy(kind),
            (_BINARY,),
        ),
        f"{prefix}-acc-stats": Program(
            f"Accumulate statistics for training a {kind.name} GMM.\n"
            f"Usage: {prefix}-acc-stats [options] <model-in> <feature-rspecifier> <stats-out>",
            (3,),
            _acc_stats(kind),
            _ACC_OPTIONS,
        ),
        f"{prefix}-sum-accs": Program(
            f"Sum statistics for {kind.name} GMM training.\n"
            f"Usage: {prefix}-sum-accs [options] <stats-out> <stats-in1> <stats-in2> ...",
            _AT_LEAST_TWO,
            _sum_accs,
            (_BINARY,),
        ),
        f"{prefix}-est": Program(
            f"Estimate a {kind.name} GMM from statistics.\n"
            f"Usage: {prefix}-est [options] <model-in> <stats-in> <model-out>",
            (3,),
            _est(kind),
            (*_EST_OPTIONS, *options),
        ),
    }


PROGRAMS = {
    **_trained(DIAG, "gmm-global", _DIAG_UPDATE),
    **_trained(FULL, "fgmm-global", _FULL_UPDATE),
    "gmm-global-to-fgmm": Program(
        "Convert a diagonal-covariance GMM to a full-covariance GMM.\n"
        "Usage: gmm-global-to-fgmm [options] <gmm-in> <fgmm-out>",
        (2,),
        _to_full,
        (_BINARY,),
    ),
    "fgmm-global-to-gmm": Program(
        "Convert a full-covariance GMM to a diagonal-covariance GMM.\n"
        "Usage: fgmm-global-to-gmm [options] <fgmm-in> <gmm-out>",
        (2,),
        _to_diag,
        (_BINARY,),
    ),
    "gmm-global-init-from-feats": Program(
        "Train a diagonal-covariance GMM, from random frames on, with the features in memory.\n"
        "Usage: gmm-global-init-from-feats [options] <feature-rspecifier> <model-out>",
        (2,),
        _init_from_feats,
        (
            _BINARY,
            Option("num-gauss", 100, "Number of Gaussians"),
            Option("num-gauss-init", 0, "Number of Gaussians at the start, which are split later; 0 for all"),
            Option("num-iters", 50, "Number of iterations"),
            Option("num-frames", 200000, "Number of frames to hold and to train on, drawn from all"),
            Option("srand", 0, "Seed of the random numbers, which are not Kaldi's"),
            Option("num-threads", 4, "No effect: threads of the statistics"),
            *_DIAG_UPDATE,
        ),
    ),
}
