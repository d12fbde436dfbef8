"""ivector-compute-plda, ivector-copy-plda, ivector-adapt-plda."""

from typing import TYPE_CHECKING

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import VECTOR, WORDS
from pysid.kaldi.run import Program, Run

if TYPE_CHECKING:
    from pysid.backend.plda import LengthNorm, Plda

PLDA_OPTIONS = (
    Option("normalize-length", True, "Normalise the length of vectors in the space of PLDA"),
    Option("simple-length-normalization", False, "Normalise it to sqrt(dim), not to what the model expects"),
)


def load_plda(run: Run, name: str) -> "Plda":
    """The PLDA model in a file."""
    from pysid.exchange.kaldi_backend import parse_plda

    return run.load(name, parse_plda)


def length_norm(run: Run) -> "LengthNorm | None":
    """The length normalisation that the options in `PLDA_OPTIONS` ask for."""
    if not run.options["normalize-length"]:
        return None
    return "simple" if run.options["simple-length-normalization"] else "kaldi"


def _save(run: Run, name: str, plda: "Plda") -> int:
    from pysid.exchange.kaldi_backend import put_plda

    run.save(name, lambda writer: put_plda(writer, plda), binary=run.options["binary"])
    return 0


def _compute(run: Run) -> int:
    from pysid.backend.plda import Plda

    vectors = run.lookup(run.arguments[1], VECTOR)
    rows: list[np.ndarray] = []
    labels: list[str] = []
    n_absent = n_empty = n_speakers = 0
    for speaker, utterances in run.read(run.arguments[0], WORDS):
        if not utterances:
            raise DataError(f"{speaker}: Speaker with no utterances.")
        found = [utterance for utterance in utterances if utterance in vectors]
        for utterance in sorted(set(utterances) - set(found)):
            run.log.warn(f"No iVector present in input for utterance {utterance}")
        n_absent += len(utterances) - len(found)
        if not found:
            run.log.warn(f"Not producing output for speaker {speaker} since no utterances had iVectors")
            n_empty += 1
            continue
        n_speakers += 1
        rows += [vectors[utterance] for utterance in found]
        labels += [speaker] * len(found)
    run.log.info(
        f"Accumulated stats from {n_speakers} speakers ({n_empty} with no utterances), consisting of {len(rows)} "
        f"utterances ({n_absent} absent from input)."
    )
    if not rows:
        raise DataError("No stats accumulated, unable to estimate PLDA.")
    if len({len(row) for row in rows}) > 1:
        raise DataError(f"expected vectors of one dimension, got {sorted({len(row) for row in rows})}")
    plda = Plda(run.options["num-em-iters"]).fit(np.stack(rows), labels)
    return _save(run, run.arguments[2], plda)


def _copy(run: Run) -> int:
    plda = load_plda(run, run.arguments[0])
    if run.options["smoothing"]:
        plda = plda.smooth(run.options["smoothing"])
    return _save(run, run.arguments[1], plda)


def _adapt(run: Run) -> int:
    plda = load_plda(run, run.arguments[0])
    rows = [vector for _, vector in run.read(run.arguments[1], VECTOR)]
    if not rows:
        raise DataError("expected vectors to adapt to, got none")
    adapted = plda.adapt(
        np.stack(rows),
        within_scale=run.options["within-covar-scale"],
        between_scale=run.options["between-covar-scale"],
        mean_scale=run.options["mean-diff-scale"],
    )
    return _save(run, run.arguments[2], adapted)


_BINARY = Option("binary", True, "Write in binary mode")

PROGRAMS = {
    "ivector-compute-plda": Program(
        "Train a PLDA model.\n"
        "Usage: ivector-compute-plda [options] <spk2utt-rspecifier> <ivector-rspecifier> <plda-wxfilename>",
        (3,),
        _compute,
        (_BINARY, Option("num-em-iters", 10, "Iterations of EM")),
    ),
    "ivector-copy-plda": Program(
        "Copy a PLDA model, and possibly smooth its within-speaker covariance.\n"
        "Usage: ivector-copy-plda [options] <plda-rxfilename> <plda-wxfilename>",
        (2,),
        _copy,
        (
            _BINARY,
            Option("smoothing", 0.0, "Share of the between-speaker covariance to add to the within-speaker one"),
            *PLDA_OPTIONS,
        ),
    ),
    "ivector-adapt-plda": Program(
        "Adapt a PLDA model to vectors of another domain, without labels.\n"
        "Usage: ivector-adapt-plda [options] <plda-rxfilename> <ivector-rspecifier> <plda-wxfilename>",
        (3,),
        _adapt,
        (
            _BINARY,
            Option("mean-diff-scale", 1.0, "Weight of the shift of the mean in the variance of the new vectors"),
            Option("within-covar-scale", 0.3, "Share of the excess variance for the within-speaker covariance"),
            Option("between-covar-scale", 0.7, "Share of it for the between-speaker covariance"),
        ),
    ),
}
