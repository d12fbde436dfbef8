"""Kaldi's programs that train and change the back-end: means, LDA, PLDA."""

import numpy as np

from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import ABSOLUTE, IDENTICAL, RELATIVE, ROWS, Measure, Row, align_rows, compare
from benchmarks.parity.vectors import read_piped, run_pipe
from pysid.backend import Centring, Lda, Plda, speaker_means
from pysid.exchange.kaldi_backend import read_matrix, read_plda, read_vector

MODEL_BOUND = 1e-4
MODEL = Measure("relative", ABSOLUTE.deviations)  # of parts in the units of `_in_units_of`


def mean_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-mean: of all vectors, or of each speaker's vectors, with their number."""
    if len(command.arguments) == 2:
        _, X = read_piped(reference, command.arguments[0])
        ours, kaldis = {"mean": Centring().fit(X).mean_}, {"mean": read_vector(reference.path(name))}
        return [compare("mean", name, ours, kaldis, RELATIVE, MODEL_BOUND)]
    spk2utt, vectors, _, counts_file = (a.split(":", 1)[1] for a in command.arguments)
    row = {key: x for key, x in zip(*read_piped(reference, f"ark:{vectors}"), strict=True)}
    pairs = [(row[utterance], s) for s, names in reference.lists(spk2utt).items() for utterance in names]
    speakers, means, counts = speaker_means([x for x, _ in pairs], [s for _, s in pairs])
    ours = dict(zip(speakers, means, strict=True))
    n_ours = dict(zip(speakers, counts[:, None], strict=True))
    n_kaldis = {s: np.array(n, dtype=int) for s, n in reference.lists(counts_file).items()}
    return [
        compare("enrolment means", name, ours, reference.vectors(name), RELATIVE, MODEL_BOUND),
        compare("enrolment counts", counts_file, n_ours, n_kaldis, IDENTICAL, 0.0),
    ]


def lda_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-compute-lda."""
    keys, X = read_piped(reference, command.arguments[0])
    utt2spk = reference.lists(command.archive(1))
    lda = Lda(
        int(command.options.get("dim", 100)),
        total_covariance_factor=float(command.options.get("total-covariance-factor", 0.0)),
    ).fit(X, [utt2spk[key][0] for key in keys])
    ours, kaldis = {"lda": lda.transform_}, {"lda": read_matrix(reference.path(name))}
    return [compare("LDA", name, ours, kaldis, ROWS, MODEL_BOUND)]


def plda_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-compute-plda."""
    speaker_of = {utt: s for s, utts in reference.lists(command.archive(0)).items() for utt in utts}
    keys, X = read_piped(reference, command.arguments[1])
    n_iter = int(command.options.get("num-em-iters", 10))
    return [_model_row("PLDA", reference, name, Plda(n_iter).fit(X, [speaker_of[key] for key in keys]))]


def smoothing_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-copy-plda --smoothing."""
    smoothed = read_plda(reference.path(command.arguments[0])).smooth(float(command.options.get("smoothing", 0.0)))
    return [_model_row("PLDA smoothing", reference, name, smoothed)]


def adaptation_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-adapt-plda."""
    _, X = read_piped(reference, command.arguments[1])
    adapted = read_plda(reference.path(command.arguments[0])).adapt(
        X,
        within_scale=float(command.options.get("within-covar-scale", 0.3)),
        between_scale=float(command.options.get("between-covar-scale", 0.7)),
        mean_scale=float(command.options.get("mean-diff-scale", 1.0)),
    )
    return [_model_row("PLDA adaptation", reference, name, adapted)]


def projection_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """A pipe of centring, LDA and length normalisation, written to a file."""
    pipe = reference.commands[name].partition(">")[0]
    keys, X = run_pipe(reference, reference.pipeline(pipe))
    ours = dict(zip(keys, X, strict=True))
    return [compare("centring, LDA, length", name, ours, reference.vectors(name), RELATIVE, MODEL_BOUND)]


def _model_row(what: str, reference: Reference, name: str, model: Plda) -> Row:
    kaldis = read_plda(reference.path(name))
    return compare(what, name, _in_units_of(kaldis, model), _in_units_of(kaldis, kaldis), MODEL, MODEL_BOUND)


def _in_units_of(expected: Plda, model: Plda) -> dict[str, np.ndarray]:
    """The parts of a model, relative to the expected model.

    The mean of centred embeddings is near zero, so its unit is the expected model's standard deviation.
    """
    deviation = np.sqrt(np.diag(sum(expected.covariances())))
    return {
        "mean": model.mean_ / deviation,
        "transform": align_rows(model.transform_, expected.transform_),
        "psi": model.psi_ / expected.psi_,
    }
