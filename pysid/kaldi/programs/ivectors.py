"""ivector-extract, and the training of i-vector extractors: ivector-extractor-*."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pysid.errors import DataError
from pysid.ivector.extractor import IvectorExtractor, UtteranceStats
from pysid.ivector.extractor_stats import ExtractorStats
from pysid.ivector.extractor_update import ExtractorUpdateConfig, update
from pysid.ivector.files import (
    parse_extractor,
    parse_extractor_stats,
    parse_full_gmm,
    write_extractor,
    write_extractor_stats,
)
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.ragged import Posteriors
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX, VECTOR, WORDS
from pysid.kaldi.log import six_digits
from pysid.kaldi.posterior_holders import POSTERIORS
from pysid.kaldi.run import Program, Run

UTTERANCES_AT_ONCE = 64  # terms common to all are multiplied with many of them together


@dataclass(frozen=True, eq=False)
class _Utterance:
    key: str
    features: np.ndarray
    posteriors: Posteriors
    count: float = 0.0  # of frames, weighted


class _Counts:
    def __init__(self) -> None:
        self.n_done = self.n_errors = 0


def _utterances(run: Run, counts: _Counts) -> Iterator[_Utterance]:
    posteriors = run.lookup(run.arguments[2], POSTERIORS)
    for key, features in run.read(run.arguments[1], MATRIX):
        own = posteriors.get(key)
        if own is None:
            run.log.warn(f"No posteriors for utterance {key}")
            counts.n_errors += 1
        elif len(own) != len(features):
            run.log.warn(f"Size mismatch between posterior {len(own)} and features {len(features)} for utterance {key}")
            counts.n_errors += 1
        else:
            counts.n_done += 1
            yield _Utterance(key, features, own)


def _grouped(utterances: Iterator[_Utterance]) -> Iterator[list[_Utterance]]:
    group: list[_Utterance] = []
    for utterance in utterances:
        group.append(utterance)
        if len(group) == UTTERANCES_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _extract(run: Run) -> int:
    if run.options["spk2utt"]:
        return _extract_speakers(run)
    extractor: IvectorExtractor = run.load(run.arguments[0], parse_extractor)
    writer, counts = run.write(run.arguments[3], VECTOR), _Counts()
    gained = n_frames = 0.0
    for group in _grouped(_scaled(run, utterance) for utterance in _utterances(run, counts)):
        stats = UtteranceStats.of(
            extractor.n_gaussians, [one.features for one in group], [one.posteriors for one in group]
        )
        vectors, gain = _vectors(run, extractor, stats)
        for utterance, vector in zip(group, vectors, strict=True):
            writer.write(utterance.key, vector)
        gained += gain
        n_frames += sum(one.count for one in group)
    run.log.info(
        f"Done {counts.n_done} files, {counts.n_errors} with errors.  Total (weighted) frames {six_digits(n_frames)}"
    )
    if run.options["compute-objf-change"]:
        average = six_digits(gained / n_frames) if n_frames else "-nan"
        run.log.info(
            f"Overall average objective-function change from estimating ivector was {average} per frame  over "
            f"{six_digits(n_frames)} (weighted) frames."
        )
    return 0 if counts.n_done else 1


def _scaled(run: Run, utterance: _Utterance) -> _Utterance:
    """The posteriors scaled as the options say: the fewer frames count, the more the prior counts."""
    weight, most = run.options["acoustic-weight"], run.options["max-count"]
    count, scale = weight * utterance.posteriors.total, 1.0
    if 0 < most < count:
        scale = most / count
        run.log.info(
            f"Scaling stats for utterance {utterance.key} by scale {six_digits(scale)} due to --max-count="
            f"{six_digits(most)}"
        )
        count = most
    return _Utterance(utterance.key, utterance.features, utterance.posteriors.scaled(weight * scale), count)


def _vectors(run: Run, extractor: IvectorExtractor, stats: UtteranceStats) -> tuple[np.ndarray, float]:
    """i-vectors (K, S) minus the prior's offset, and the sum of how much more likely they are than the prior's mean."""
    linear, quadratic = extractor.data_terms(stats)
    means, _ = extractor.with_prior(linear, quadratic, stats)
    gained = 0.0
    if run.options["compute-objf-change"]:
        start = np.zeros_like(means)
        start[:, 0] = extractor.prior_offset
        after, before = (extractor.prior_and_data(x, linear, quadratic, stats) for x in (means, start))
        gained = float((after - before).sum())
    means[:, 0] -= extractor.prior_offset
    return means, gained


def _extract_speakers(run: Run) -> int:
    """One i-vector for all utterances of a speaker."""
    extractor: IvectorExtractor = run.load(run.arguments[0], parse_extractor)
    features, posteriors = run.lookup(run.arguments[1], MATRIX), run.lookup(run.arguments[2], POSTERIORS)
    writer = run.write(run.arguments[3], VECTOR)
    weight, most = run.options["acoustic-weight"], run.options["max-count"]
    n_done = n_errors = n_speakers = n_speaker_errors = 0
    gained = total = 0.0
    for speaker, utterances in run.read(run.options["spk2utt"], WORDS):
        parts = []
        for utterance in utterances:
            x, own = features.get(utterance), posteriors.get(utterance)
            problem = "No features present for" if x is None else "No posteriors present for" if own is None else ""
            if x is None or own is None or len(x) != len(own):
                run.log.warn(f"{problem or 'Posterior has wrong size for'} utterance {utterance}")
                n_errors += 1
                continue
            parts.append(UtteranceStats.of(extractor.n_gaussians, [x], [own.scaled(weight)]))
            n_done += 1
        count = float(sum(part.occupancy.sum() for part in parts))
        if not count:
            run.log.warn(f"No stats accumulated for speaker {speaker}")
            n_speaker_errors += 1
            continue
        stats = UtteranceStats.summed(parts)
        if 0 < most < count:
            scale = most / count
            run.log.info(f"Scaling stats for speaker {speaker} by scale {six_digits(scale)} due to --max-count")
            stats, count = UtteranceStats(stats.occupancy * scale, stats.first * scale), most
        vectors, gain = _vectors(run, extractor, stats)
        writer.write(speaker, vectors[0])
        gained, total, n_speakers = gained + gain, total + count, n_speakers + 1
    run.log.info(f"Done {n_speakers} speakers; {n_speaker_errors} with errors.  {n_done} utterances done, {n_errors}.")
    if run.options["compute-objf-change"] and total:
        run.log.info(f"Overall average objective-function change was {six_digits(gained / total)} per frame.")
    return 0 if n_speakers else 1


def _acc_stats(run: Run) -> int:
    extractor: IvectorExtractor = run.load(run.arguments[0], parse_extractor)
    n_samples = run.options["num-samples-for-weights"]
    if n_samples < 2:
        raise DataError(f"--num-samples-for-weights must be above 1, got {n_samples}")
    stats, counts = ExtractorStats.zeros(extractor, run.options["update-variances"]), _Counts()
    rng, n_frames = np.random.default_rng(0), 0
    for group in _grouped(_utterances(run, counts)):
        stats.add(
            extractor,
            [one.features for one in group],
            [one.posteriors for one in group],
            n_samples=n_samples,
            rng=rng,
            compute_auxiliary=run.options["compute-auxf"],
        )
        n_frames += sum(len(one.features) for one in group)
    run.log.info(f"Done {counts.n_done} files, {counts.n_errors} with errors.  Total frames {n_frames}")
    _save_stats(run, run.arguments[3], stats)
    run.log.info(f"Wrote stats to {run.arguments[3]}")
    return 0 if counts.n_done else 1


def _save_stats(run: Run, name: str, stats: ExtractorStats) -> None:
    run.save(name, lambda writer: write_extractor_stats(writer, stats), binary=run.options["binary"])


def _save(run: Run, name: str, extractor: IvectorExtractor) -> None:
    run.save(name, lambda writer: write_extractor(writer, extractor), binary=run.options["binary"])


def _sum_accs(run: Run) -> int:
    *sources, target = run.arguments
    total: ExtractorStats | None = None
    for source in sources:
        run.log.info(f"Reading stats from {source}")
        stats: ExtractorStats = run.load(source, parse_extractor_stats)
        total = stats if total is None else total + stats
    assert total is not None
    _save_stats(run, target, total)
    run.log.info(f"Wrote summed stats to {target}")
    return 0


def _est(run: Run) -> int:
    model, source, target = run.arguments
    run.log.info("Reading model")
    extractor: IvectorExtractor = run.load(model, parse_extractor)
    run.log.info("Reading statistics")
    stats: ExtractorStats = run.load(source, parse_extractor_stats)
    config = ExtractorUpdateConfig(
        variance_floor_factor=run.options["variance-floor-factor"],
        min_count=run.options["gaussian-min-count"],
        diagonalize=run.options["diagonalize"],
    )
    updated = update(extractor, stats, config, run.log.info)
    _save(run, target, updated)
    shares = stats.occupancy / stats.occupancy.sum()
    within = float((shares * np.trace(np.linalg.inv(updated.inv_covars), axis1=1, axis2=2)).sum())
    between = float((shares * np.square(updated.projections).sum(axis=(1, 2))).sum())
    run.log.info(
        "The proportion of within-Gaussian variance explained by the iVectors is "
        f"{six_digits(between / (between + within))}."
    )
    run.log.info(f"Updated model and wrote it to {target}")
    return 0


def _init(run: Run) -> int:
    source, target = run.arguments
    gmm: FullGmm = run.load(source, parse_full_gmm)
    size = run.options["ivector-dim"]
    if size < 1:
        raise DataError(f"--ivector-dim must be positive, got {size}")
    extractor = IvectorExtractor.start(gmm, size, run.options["use-weights"], np.random.default_rng(0))
    _save(run, target, extractor)
    run.log.info(f"Initialized iVector extractor with iVector dimension {size} and wrote it to {target}")
    return 0


def _copy(run: Run) -> int:
    _save(run, run.arguments[1], run.load(run.arguments[0], parse_extractor))
    return 0


_BINARY = Option("binary", True, "Write output in binary mode")
_THREADS = (
    Option("num-threads", 1, "No effect: there is one thread, and several utterances at a time"),
    Option("num-threads-total", 0, "No effect"),
)
_EXTRACTOR_OPTIONS = (
    _BINARY,
    Option("ivector-dim", 400, "Dimension of the i-vectors"),
    Option("num-iters", 2, "No effect, as in Kaldi"),
    Option("use-weights", True, "Let the weights of the Gaussians depend on the i-vector"),
)

PROGRAMS = {
    "ivector-extract": Program(
        "Extract i-vectors of utterances, from features and posteriors of Gaussians.\n"
        "Usage: ivector-extract [options] <model-in> <feature-rspecifier> <posteriors-rspecifier> <ivector-wspecifier>",
        (4,),
        _extract,
        (
            Option("compute-objf-change", True, "Report how much better than the prior's mean the i-vectors are"),
            Option("spk2utt", "", "Table of speakers, for one i-vector each"),
            Option("acoustic-weight", 1.0, "Scale of the posteriors"),
            Option("max-count", 0.0, "If above 0, the most frames, weighted, that count"),
            *_THREADS,
        ),
    ),
    "ivector-extractor-init": Program(
        "Initialize an i-vector extractor from a full-covariance GMM; random numbers are not Kaldi's.\n"
        "Usage: ivector-extractor-init [options] <fgmm-in> <ivector-extractor-out>",
        (2,),
        _init,
        _EXTRACTOR_OPTIONS,
    ),
    "ivector-extractor-acc-stats": Program(
        "Accumulate statistics for training an i-vector extractor.\n"
        "Usage: ivector-extractor-acc-stats [options] <model-in> <feature-rspecifier> <posteriors-rspecifier> "
        "<stats-out>",
        (4,),
        _acc_stats,
        (
            _BINARY,
            Option("update-variances", True, "Accumulate for the covariances, too"),
            Option("compute-auxf", True, "Compute the auxiliary function"),
            Option("num-samples-for-weights", 10, "Samples of each i-vector, for weights that depend on it"),
            Option("cache-size", 100, "No effect"),
            *_THREADS,
        ),
    ),
    "ivector-extractor-sum-accs": Program(
        "Sum statistics for training an i-vector extractor.\n"
        "Usage: ivector-extractor-sum-accs [options] <stats-in1> <stats-in2> ... <stats-out>",
        range(2, 1_000_000),
        _sum_accs,
        (_BINARY, Option("parallel", False, "No effect: files are read one after the other")),
    ),
    "ivector-extractor-est": Program(
        "Re-estimate an i-vector extractor.\nUsage: ivector-extractor-est [options] <model-in> <stats-in> <model-out>",
        (3,),
        _est,
        (
            _BINARY,
            Option("num-threads", 1, "No effect"),
            Option("variance-floor-factor", 0.1, "Least covariance, as a part of the average one"),
            Option("gaussian-min-count", 100.0, "Gaussians with fewer frames stay as they are"),
            Option("diagonalize", True, "Sort the dimensions from most to least important"),
        ),
    ),
    "ivector-extractor-copy": Program(
        "Copy an i-vector extractor.\n"
        "Usage: ivector-extractor-copy [options] <ivector-extractor-in> <ivector-extractor-out>",
        (2,),
        _copy,
        _EXTRACTOR_OPTIONS,
    ),
}
