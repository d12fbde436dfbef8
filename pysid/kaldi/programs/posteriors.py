"""gmm-gselect, fgmm-gselect, and the programs that compute posteriors and likelihoods of Gaussians."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pysid.errors import DataError
from pysid.ivector.diag_gmm import DiagGmm
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.ragged import Chosen, joined
from pysid.ivector.selection import best_gaussians, best_of, best_posteriors, log_sum, pruned
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import FLOAT, MATRIX, VECTOR
from pysid.kaldi.log import six_digits
from pysid.kaldi.posterior_holders import CHOSEN, POSTERIORS
from pysid.kaldi.programs.mixtures import DIAG, FRAMES_AT_ONCE, FULL, Kind, with_lookup
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier

_Group = list[tuple[str, np.ndarray, Any]]


def _gselect(kind: Kind) -> Callable[[Run], int]:
    def main(run: Run) -> int:
        gmm: DiagGmm | FullGmm = run.load(run.arguments[0], kind.parse)
        n = run.options["n"]
        if n < 1:
            raise DataError(f"--n must be positive, got {n}")
        if n > gmm.n_gaussians:
            run.log.warn(
                f"You asked for {n} Gaussians but GMM only has {gmm.n_gaussians}, returning this many. "
                "Note: this means the Gaussian selection is pointless."
            )
            n = gmm.n_gaussians
        writer = run.write(run.arguments[2], CHOSEN)
        likes = run.write(run.options["write-likes"], FLOAT) if run.options["write-likes"] else None
        before = run.lookup(run.options["gselect"], CHOSEN) if run.options["gselect"] else None
        tally = _Tally()
        for key, features in run.read(run.arguments[1], MATRIX):
            if before is None:
                chosen, totals = best_gaussians(gmm.log_likelihoods(features), n)
            else:
                preselected = with_lookup(run, "gselect information", before, key, len(features))
                if preselected is None:
                    tally.n_errors += 1
                    continue
                chosen, totals = best_of(gmm.log_likelihoods_of(features, preselected), preselected, n)
            writer.write(key, chosen)
            total = tally.add(totals)
            if likes is not None:
                likes.write(key, total)
            if tally.n_done % 10 == 1:
                run.log.info(
                    f"For {tally.n_done - 1}'th file, average UBM likelihood over {len(features)} frames is "
                    f"{six_digits(total / len(features))}"
                )
        return tally.report(run)

    return main


class _Tally:
    """Utterances, frames and log likelihoods so far."""

    def __init__(self) -> None:
        self.n_done = self.n_errors = self.n_frames = 0
        self.total = 0.0

    def add(self, totals: np.ndarray) -> float:
        total = float(totals.sum(dtype=np.float64))
        self.n_done, self.n_frames, self.total = self.n_done + 1, self.n_frames + len(totals), self.total + total
        return total

    @property
    def average(self) -> str:
        return six_digits(self.total / self.n_frames) if self.n_frames else "-nan"

    def report(self, run: Run) -> int:
        run.log.info(
            f"Done {self.n_done} files, {self.n_errors} with errors, average UBM log-likelihood is {self.average} over "
            f"{self.n_frames} frames."
        )
        return 0 if self.n_done else 1


def _get_post(run: Run) -> int:
    gmm: DiagGmm = run.load(run.arguments[0], DIAG.parse)
    n, least = run.options["n"], run.options["min-post"]
    if n < 1 or not 0 <= least < 1:
        raise DataError(f"expected --n above 0 and --min-post in [0, 1), got {n} and {six_digits(least)}")
    if n > gmm.n_gaussians:
        run.log.warn(f"You asked for {n} Gaussians but GMM only has {gmm.n_gaussians}, returning this many. ")
    writer, tally = run.write(run.arguments[2], POSTERIORS), _Tally()
    for key, features in run.read(run.arguments[1], MATRIX):
        if not len(features):
            run.log.warn(f"Empty features for utterance {key}")
            tally.n_errors += 1
        elif features.shape[1] != gmm.dim:
            run.log.warn(f"Dimension mismatch for utterance {key}: got {features.shape[1]}, expected {gmm.dim}")
            tally.n_errors += 1
        else:
            posteriors, totals = best_posteriors(gmm.log_likelihoods(features), n, least)
            writer.write(key, posteriors)
            tally.add(totals)
    return tally.report(run)


def _gselect_to_post(run: Run) -> int:
    model, source, gselect, target = run.arguments
    gmm: FullGmm = run.load(model, FULL.parse)
    least = run.options["min-post"]
    lookup, writer, tally = run.lookup(gselect, CHOSEN), run.write(target, POSTERIORS), _Tally()
    n_entries = 0
    for group in _groups(run, source, lookup, tally):
        both = joined([chosen for _, _, chosen in group])
        likelihoods = gmm.log_likelihoods_of(np.concatenate([features for _, features, _ in group]), both)
        ends = np.cumsum([len(chosen.gaussians) for _, _, chosen in group])[:-1]
        for (key, _, chosen), values in zip(group, np.split(likelihoods, ends), strict=True):
            posteriors, totals = pruned(values, chosen, least)
            if not np.isfinite(totals).all():
                run.log.warn(f"Skipping utterance {key} because bad posterior-sum encountered (NaN?)")
                tally.n_errors += 1
                continue
            writer.write(key, posteriors)
            tally.add(totals)
            n_entries += len(posteriors.gaussians)
    run.log.info(f"Done {tally.n_done} files; {tally.n_errors} had errors.")
    entries = six_digits(n_entries / tally.n_frames) if tally.n_frames else "-nan"
    run.log.info(
        f"Overall loglike per frame is {tally.average} with {entries} entries per frame,  over {tally.n_frames} frames"
    )
    return 0 if tally.n_done else 1


def _groups(run: Run, source: str, lookup: Any, tally: _Tally) -> Iterator[_Group]:
    """Utterances with the Gaussians chosen for their frames, some thousands of frames together."""
    group: _Group = []
    n_frames = 0
    for key, features in run.read(source, MATRIX):
        chosen: Chosen | None = with_lookup(run, "gselect information", lookup, key, len(features))
        if chosen is None:
            tally.n_errors += 1
            continue
        group.append((key, features, chosen))
        n_frames += len(features)
        if n_frames >= FRAMES_AT_ONCE:
            yield group
            group, n_frames = [], 0
    if group:
        yield group


def _frame_likes(run: Run) -> int:
    model, source, target = run.arguments
    gmm: FullGmm = run.load(model, FULL.parse)
    average = run.options["average"]
    vectors = None if average else run.write(target, VECTOR)
    averages = run.write(target, FLOAT) if average else None
    before = run.lookup(run.options["gselect"], CHOSEN) if run.options["gselect"] else None
    tally = _Tally()
    for key, features in run.read(source, MATRIX):
        if before is None:
            likes = log_sum(gmm.log_likelihoods(features))
        else:
            chosen = with_lookup(run, "gselect information", before, key, len(features))
            if chosen is None:
                tally.n_errors += 1
                continue
            likes = log_sum(chosen.table(gmm.log_likelihoods_of(features, chosen), -np.inf))
        total = tally.add(likes)
        if averages is not None:
            averages.write(key, total / len(features))
        elif vectors is not None:
            vectors.write(key, likes)
    run.log.info(f"Done {tally.n_done} files; {tally.n_errors} with errors.")
    run.log.info(f"Overall likelihood per frame = {tally.average} over {tally.n_frames} frames.")
    return 0 if tally.n_done else 1


def _scale_post(run: Run) -> int:
    source, scale, target = run.arguments
    scales = run.lookup(scale, FLOAT) if parse_rspecifier(scale) is not None else None
    try:
        factor = float(scale) if scales is None else 1.0
    except ValueError:
        raise DataError(f"Bad second argument {scale} (expected scale or scale rspecifier)") from None
    writer = run.write(target, POSTERIORS)
    n_done = n_missing = 0
    for key, posteriors in run.read(source, POSTERIORS):
        own = factor if scales is None else scales.get(key)
        if own is None:
            n_missing += 1
            continue
        writer.write(key, posteriors.scaled(own))
        n_done += 1
    run.log.info(f"Done {n_done} posteriors;  {n_missing} had no scales.")
    return 0 if n_done else 1


_GSELECT_OPTIONS = (
    Option("n", 50, "Number of Gaussians to keep of a frame"),
    Option("write-likes", "", "Table to write the log likelihood of each utterance to"),
    Option("gselect", "", "Table of the Gaussians to choose from"),
)


def _gselect_program(kind: Kind, name: str) -> Program:
    return Program(
        f"Choose the best Gaussians of each frame, of a {kind.name} GMM; the best come first.\n"
        f"Usage: {name} [options] <model-in> <feature-rspecifier> <gselect-wspecifier>",
        (3,),
        _gselect(kind),
        _GSELECT_OPTIONS,
    )


PROGRAMS = {
    "gmm-gselect": _gselect_program(DIAG, "gmm-gselect"),
    "fgmm-gselect": _gselect_program(FULL, "fgmm-gselect"),
    "gmm-global-get-post": Program(
        "Compute the posteriors of the best Gaussians of each frame, of a diagonal-covariance GMM.\n"
        "Usage: gmm-global-get-post [options] <model-in> <feature-rspecifier> <post-wspecifier>",
        (3,),
        _get_post,
        (
            Option("n", 50, "Number of Gaussians to keep of a frame"),
            Option("min-post", 0.0, "Smaller posteriors are left out, the others scaled to sum to 1"),
        ),
    ),
    "fgmm-global-gselect-to-post": Program(
        "Compute the posteriors of chosen Gaussians of a full-covariance GMM.\n"
        "Usage: fgmm-global-gselect-to-post [options] <model-in> <feature-rspecifier> <gselect-rspecifier> "
        "<post-wspecifier>",
        (4,),
        _gselect_to_post,
        (Option("min-post", 0.0, "Smaller posteriors are left out, the others scaled to sum to 1"),),
    ),
    "fgmm-global-get-frame-likes": Program(
        "Write the log likelihood of each frame, or with --average that of a frame of each utterance.\n"
        "Usage: fgmm-global-get-frame-likes [options] <model-in> <feature-rspecifier> <likes-out-wspecifier>",
        (3,),
        _frame_likes,
        (
            Option("gselect", "", "Table of the Gaussians to look at in each frame"),
            Option("average", False, "Write the average of each utterance"),
        ),
    ),
    "scale-post": Program(
        "Multiply posteriors by a number, or by one for each utterance.\n"
        "Usage: scale-post <post-rspecifier> (<scale-rspecifier>|<scale>) <post-wspecifier>",
        (3,),
        _scale_post,
    ),
}
