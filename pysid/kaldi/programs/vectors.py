"""ivector-mean, ivector-subtract-global-mean, ivector-normalize-length."""

import math

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import INTEGER, VECTOR, WORDS
from pysid.kaldi.log import six_digits
from pysid.kaldi.run import Program, Run
from pysid.kaldi.tables import Lookup


def _mean(run: Run) -> int:
    if len(run.arguments) > 2:
        return _speaker_means(run)
    source, target = run.arguments
    vectors = list(run.read(source, VECTOR))
    if not vectors:
        raise DataError("No iVectors read")
    mean = _sum(vectors) / len(vectors)
    run.save(target, lambda writer: writer.vector(mean), binary=run.options["binary"])
    return 0


def _speaker_means(run: Run) -> int:
    vectors = run.lookup(run.arguments[1], VECTOR)
    writer = run.write(run.arguments[2], VECTOR)
    counts = run.write(run.arguments[3], INTEGER) if len(run.arguments) == 4 else None
    means: list[np.ndarray] = []
    n_done = n_absent = n_empty = 0
    for speaker, utterances in run.read(run.arguments[0], WORDS):
        if not utterances:
            raise DataError(f"{speaker}: Speaker with no utterances.")
        found, n_missing = _present(run, vectors, utterances)
        n_absent += n_missing
        if not found:
            run.log.warn(f"Not producing output for speaker {speaker} since no utterances had iVectors")
            n_empty += 1
            continue
        n_done += len(found)
        mean = _same_dim_sum(speaker, found) * np.float32(1 / len(found))
        writer.write(speaker, mean)
        if counts is not None:
            counts.write(speaker, len(found))
        means.append(mean)
    run.log.info(
        f"Computed mean of {len(means)} speakers ({n_empty} with no utterances), consisting of {n_done} utterances"
        f" ({n_absent} absent from input)."
    )
    if means:
        _report_lengths(run, np.stack(means).astype(np.float64))
    return 0 if means else 1


def _present(run: Run, vectors: Lookup[np.ndarray], utterances: list[str]) -> tuple[list[np.ndarray], int]:
    """The vectors of the utterances that have one, and how many have none."""
    found = []
    for utterance in utterances:
        if utterance in vectors:
            found.append(vectors[utterance])
        else:
            run.log.warn(f"No iVector present in input for utterance {utterance}")
    return found, len(utterances) - len(found)


def _same_dim_sum(speaker: str, vectors: list[np.ndarray]) -> np.ndarray:
    """The sum, one after the other in float32, as Kaldi does."""
    total = vectors[0]
    for vector in vectors[1:]:
        if vector.shape != total.shape:
            raise DataError(f"{speaker}: expected vectors of one dimension, got {len(total)} and {len(vector)}")
        total = total + vector
    return total


def _report_lengths(run: Run, means: np.ndarray) -> None:
    mean_length = float(np.linalg.norm(means.mean(axis=0)))
    rms = math.sqrt((means**2).sum() / len(means)) / math.sqrt(means.shape[1])
    run.log.info(
        f"Norm of mean of speakers is {six_digits(mean_length)}, root-mean-square speaker-iVector length divided by "
        f"sqrt(dim) is {six_digits(rms)}"
    )


def _sum(vectors: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """In double precision."""
    total = np.zeros(len(vectors[0][1]))
    for key, vector in vectors:
        if vector.shape != total.shape:
            raise DataError(f"{key}: expected a vector of dimension {len(total)}, got {len(vector)}")
        total += vector
    return total


def _subtract_mean(run: Run) -> int:
    *mean_name, source, target = run.arguments
    writer = run.write(target, VECTOR)
    n_done = 0
    if mean_name:
        mean = run.load(mean_name[0], lambda reader: reader.vector(), VECTOR.select).astype(np.float32)
        for key, vector in run.read(source, VECTOR):
            if vector.shape != mean.shape:
                raise DataError(f"{key}: expected a vector of dimension {len(mean)}, got {len(vector)}")
            writer.write(key, vector - mean)
            n_done += 1
    else:
        vectors = list(run.read(source, VECTOR))
        run.log.info(f"Read {len(vectors)} iVectors.")
        n_done = len(vectors)
        if vectors:
            double_mean = _sum(vectors) / n_done
            run.log.info(f"Norm of iVector mean was {six_digits(float(np.linalg.norm(double_mean)))}")
            wanted = run.options["subtract-mean"]
            for key, vector in vectors:
                writer.write(key, vector - double_mean if wanted else vector)
    run.log.info(f"Wrote {n_done} mean-subtracted iVectors")
    return 0 if n_done else 1


def _normalize_length(run: Run) -> int:
    source, target = run.arguments
    writer = run.write(target, VECTOR)
    ratios = []
    for key, vector in run.read(source, VECTOR):
        length = np.linalg.norm(vector.astype(np.float64))
        ratio = float(length / math.sqrt(len(vector)) if run.options["scaleup"] and len(vector) else length)
        run.log.remark(2, f"Ratio for key {key} is {six_digits(ratio)}")
        if ratio == 0:
            run.log.warn("Zero iVector")
        wanted = run.options["normalize"] and ratio
        writer.write(key, vector * np.float32(1 / ratio) if wanted else vector)
        ratios.append(ratio)
    run.log.info(f"Processed {len(ratios)} iVectors.")
    if ratios:
        mean, deviation = six_digits(float(np.mean(ratios))), six_digits(float(np.std(ratios)))
        run.log.info(f"Average ratio of iVector to expected length was {mean}, standard deviation was {deviation}")
    return 0 if ratios else 1


PROGRAMS = {
    "ivector-mean": Program(
        "Compute the mean of each speaker's vectors, and with a fourth argument their number; or the mean of all.\n"
        "Usage: ivector-mean [options] <spk2utt-rspecifier> <ivector-rspecifier> <ivector-wspecifier> "
        "[<num-utt-wspecifier>]\n"
        "   or: ivector-mean [options] <ivector-rspecifier> <mean-wxfilename>",
        (2, 3, 4),
        _mean,
        (Option("binary", False, "Write the mean of all in binary mode"),),
    ),
    "ivector-subtract-global-mean": Program(
        "Subtract a mean from vectors: the one given, or their own.\n"
        "Usage: ivector-subtract-global-mean [options] [<mean-rxfilename>] <ivector-rspecifier> <ivector-wspecifier>",
        (2, 3),
        _subtract_mean,
        (Option("subtract-mean", True, "If false, and no mean is given, copy the vectors"),),
    ),
    "ivector-normalize-length": Program(
        "Scale vectors to the length sqrt(dim).\n"
        "Usage: ivector-normalize-length [options] <ivector-rspecifier> <ivector-wspecifier>",
        (2,),
        _normalize_length,
        (
            Option("normalize", True, "If false, copy the vectors"),
            Option("scaleup", True, "If false, the length is 1"),
        ),
    ),
}
