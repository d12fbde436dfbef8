"""compute-cmvn-stats, apply-cmvn: normalisation by statistics of utterances or speakers."""

import numpy as np

from pysid.errors import DataError
from pysid.frontend.plain.cmvn_stats import apply_cmvn, cmvn_stats, without_dims
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import DOUBLE_MATRIX, MATRIX, VECTOR, WORD, WORDS
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier, parse_wspecifier
from pysid.kaldi.streams import printable_output
from pysid.kaldi.tables import Lookup


def _stats(run: Run) -> int:
    source, target = run.arguments
    spk2utt = run.options["spk2utt"]
    weights = run.lookup(run.options["weights"], VECTOR) if run.options["weights"] else None
    if parse_wspecifier(target) is None:
        if spk2utt:
            raise DataError("--spk2utt option not compatible with wxfilename as output (did you forget ark:?)")
        counts = _global_stats(run, source, target, weights)
    elif spk2utt:
        counts = _speaker_stats(run, source, target, weights)
    else:
        writer, counts = run.write(target, DOUBLE_MATRIX), [0, 0]
        for key, features in run.read(source, MATRIX):
            stats = _utterance_stats(run, key, features, weights)
            if stats is not None:
                writer.write(key, stats)
            counts[stats is None] += 1
    run.log.info(f"Done accumulating CMVN stats for {counts[0]} utterances; {counts[1]} had errors.")
    return 0 if counts[0] else 1


def _utterance_stats(run: Run, key: str, features: np.ndarray, weights: Lookup[np.ndarray] | None) -> np.ndarray | None:
    """Statistics of an utterance; None, with a warning, where there are no weights for its frames."""
    if weights is None:
        return cmvn_stats(features)
    own = weights.get(key)
    if own is None:
        run.log.warn(f"No weights available for utterance {key}")
    elif len(own) != len(features):
        run.log.warn(f"Weights for utterance {key} have wrong dimension {len(own)} vs. {len(features)}")
    else:
        return cmvn_stats(features, own)
    return None


def _speaker_stats(run: Run, source: str, target: str, weights: Lookup[np.ndarray] | None) -> list[int]:
    lookup, writer, counts = run.lookup(source, MATRIX), run.write(target, DOUBLE_MATRIX), [0, 0]
    for speaker, utterances in run.read(run.options["spk2utt"], WORDS):
        total: np.ndarray | None = None
        for utterance in utterances:
            features = lookup.get(utterance)
            if features is None:
                run.log.warn(f"Did not find features for utterance {utterance}")
                counts[1] += 1
                continue
            stats = _utterance_stats(run, utterance, features, weights)
            counts[stats is None] += 1
            total = _added(utterance, total, np.zeros((2, features.shape[1] + 1)) if stats is None else stats)
        if total is None:
            run.log.warn(f"No stats accumulated for speaker {speaker}")
        else:
            writer.write(speaker, total)
    return counts


def _global_stats(run: Run, source: str, target: str, weights: Lookup[np.ndarray] | None) -> list[int]:
    total, counts = np.zeros((0, 0)), [0, 0]
    for key, features in run.read(source, MATRIX):
        stats = _utterance_stats(run, key, features, weights)
        counts[stats is None] += 1
        if stats is not None:
            total = _added(key, total if total.size else None, stats)
    run.save(target, lambda writer: writer.matrix(total.astype(np.float32)), binary=run.options["binary"])
    run.log.info(f"Wrote global CMVN stats to {printable_output(target)}")
    return counts


def _added(key: str, total: np.ndarray | None, stats: np.ndarray) -> np.ndarray:
    if total is not None and total.shape != stats.shape:
        raise DataError(f"{key}: expected features of {total.shape[1] - 1} dimensions, got {stats.shape[1] - 1}")
    return stats if total is None else total + stats


def _apply(run: Run) -> int:
    options = run.options
    stats_name, source, target = run.arguments
    if options["norm-vars"] and not options["norm-means"]:
        raise DataError("You cannot normalize the variance but not the mean.")
    writer = run.write(target, MATRIX)
    n_done = n_errors = 0
    if not options["norm-means"]:
        for key, features in run.read(source, MATRIX):
            writer.write(key, features)
            n_done += 1
        run.log.info(f"Copied {n_done} utterances.")
        return 0 if n_done else 1
    find = _Finder(run, stats_name)
    for key, features in run.read(source, MATRIX):
        stats = find(key)
        if stats is None:
            run.log.warn(f"No normalization statistics available for key {key}, producing no output for this utterance")
            n_errors += 1
            continue
        chosen = without_dims(stats, _skipped(options["skip-dims"]))
        try:
            normalized = apply_cmvn(features, chosen, norm_vars=options["norm-vars"], reverse=options["reverse"])
        except ValueError as error:
            raise DataError(f"{key}: {error}") from None
        writer.write(key, normalized)
        n_done += 1
    what = "mean and variance" if options["norm-vars"] else "mean"
    run.log.info(f"Applied cepstral {what} normalization to {n_done} utterances, errors on {n_errors}")
    return 0 if n_done else 1


class _Finder:
    """The statistics of an utterance: its own, its speaker's, or those of all."""

    def __init__(self, run: Run, name: str) -> None:
        self._table = run.lookup(name, DOUBLE_MATRIX) if parse_rspecifier(name) is not None else None
        utt2spk = run.options["utt2spk"]
        if self._table is None:
            if utt2spk:
                raise DataError("--utt2spk option not compatible with rxfilename as input (did you forget ark:?)")
            self._all = run.load(name, lambda reader: reader.matrix(np.float64)).astype(np.float64)
        self._speakers = run.lookup(utt2spk, WORD) if utt2spk else None

    def __call__(self, key: str) -> np.ndarray | None:
        if self._table is None:
            return self._all
        speaker = key if self._speakers is None else self._speakers.get(key)
        return None if speaker is None else self._table.get(speaker)


def _skipped(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(":")] if text else []
    except ValueError:
        raise DataError("Bad --skip-dims option (should be colon-separated list of integers)") from None


PROGRAMS = {
    "compute-cmvn-stats": Program(
        "Compute statistics for mean and variance normalisation: of utterances, speakers, or all.\n"
        "Usage: compute-cmvn-stats [options] <feats-rspecifier> (<stats-wspecifier>|<stats-wxfilename>)",
        (2,),
        _stats,
        (
            Option("spk2utt", "", "Table of speakers, for their statistics"),
            Option("binary", True, "Write the statistics of all in binary mode"),
            Option("weights", "", "Table of the weights of the frames"),
        ),
    ),
    "apply-cmvn": Program(
        "Normalise features by statistics, of utterances or with --utt2spk of speakers.\n"
        "Usage: apply-cmvn [options] (<cmvn-stats-rspecifier>|<cmvn-stats-rxfilename>) <feats-rspecifier> "
        "<feats-wspecifier>",
        (3,),
        _apply,
        (
            Option("utt2spk", "", "Table of the speaker of each utterance"),
            Option("norm-vars", False, "Normalise variances, too"),
            Option("norm-means", True, "If false, copy the features"),
            Option("skip-dims", "", "Dimensions that stay as they are, such as 13:14:15"),
            Option("reverse", False, "Give features the mean and variance of the statistics"),
        ),
    ),
}
