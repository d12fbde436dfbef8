"""Kaldi's programs that score trials, and those that judge scores."""

from collections.abc import Sequence

import numpy as np

from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import SCORES, Row, compare, compare_text
from benchmarks.parity.vectors import read_piped
from pysid.backend import Plda, dense_plda_scores
from pysid.backend.bilinear import BilinearScores
from pysid.backend.cosine import cosine_terms
from pysid.backend.plda import LengthNorm
from pysid.exchange.kaldi_backend import read_plda
from pysid.metrics import equal_error_rate, format_eer, min_dcf_of_trials

SCORE_BOUND = 1e-4


def plda_score_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-plda-scoring."""
    plda = _read_piped_plda(reference, command.arguments[0])
    (enrol_keys, enrol), (test_keys, test) = (read_piped(reference, a) for a in command.arguments[1:3])
    counts = _counts(reference, command, enrol_keys)
    norm = _length_norm(command)
    terms = plda.terms(plda.transform(enrol, counts, norm), plda.transform(test, 1, norm), counts)
    what = "PLDA scores, several enrolled" if "num-utts" in command.options else "PLDA scores"
    return [_score_row(what, reference, name, terms, enrol_keys, test_keys)]


def _read_piped_plda(reference: Reference, source: str) -> Plda:
    """A PLDA file, or one that ivector-copy-plda smooths."""
    if not source.endswith("|"):
        return read_plda(reference.path(source))
    (copy,) = reference.pipeline(source)
    return read_plda(reference.path(copy.arguments[0])).smooth(float(copy.options.get("smoothing", 0.0)))


def _counts(reference: Reference, command: Command, enrol_keys: Sequence[str]) -> np.ndarray | int:
    """How many utterances each enrolment is the mean of."""
    if "num-utts" not in command.options:
        return 1
    counts = reference.lists(command.options["num-utts"].removeprefix("ark:"))
    return np.array([int(counts[key][0]) for key in enrol_keys])


def _length_norm(command: Command) -> LengthNorm | None:
    if command.options.get("simple-length-normalization", "false") == "true":
        return "simple"
    return "kaldi" if command.options.get("normalize-length", "true") == "true" else None


def cosine_score_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-compute-dot-products of vectors of length one."""
    (enrol_keys, enrol), (test_keys, test) = (read_piped(reference, a) for a in command.arguments[1:3])
    return [_score_row("cosine scores", reference, name, cosine_terms(enrol, test), enrol_keys, test_keys)]


def _score_row(
    what: str,
    reference: Reference,
    name: str,
    terms: BilinearScores,
    enrol_keys: Sequence[str],
    test_keys: Sequence[str],
) -> Row:
    """The row of a score file, for the trials that it lists."""
    enrol_row = {key: i for i, key in enumerate(enrol_keys)}
    test_row = {key: i for i, key in enumerate(test_keys)}
    lines = reference.rows(name)
    ours = terms.pairs([enrol_row[line[0]] for line in lines], [test_row[line[1]] for line in lines])
    kaldis = np.array([float(line[2]) for line in lines])
    return compare(what, name, {"scores": ours}, {"scores": kaldis}, SCORES, SCORE_BOUND)


def dense_score_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """ivector-plda-scoring-dense."""
    plda = read_plda(reference.path(command.arguments[0]))
    vectors = dict(zip(*read_piped(reference, command.arguments[2]), strict=True))
    energy = float(command.options.get("target-energy", 0.5))
    ours = {
        recording: dense_plda_scores(plda, np.stack([vectors[segment] for segment in segments]), energy)
        for recording, segments in reference.lists(command.archive()).items()
    }
    return [compare("dense PLDA scores", name, ours, reference.matrices(name), SCORES, SCORE_BOUND)]


def eer_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """compute-eer, as printed."""
    lines = reference.rows(command.arguments[0])
    target, nontarget = (
        [float(score) for score, kind in lines if kind == wanted] for wanted in ("target", "nontarget")
    )
    ours = format_eer(equal_error_rate(target, nontarget)[0])
    return [compare_text("EER", name, ours, reference.path(name).read_text().strip())]


def min_dcf_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """sid/compute_min_dcf.py, as printed."""
    prior, scores_file, trials_file = command.arguments[:3]  # a script's options have no "="
    is_target = {(e, t): kind == "target" for e, t, kind in reference.rows(trials_file)}
    lines = reference.rows(scores_file)
    labels = [is_target[enrol, test] for enrol, test, _ in lines]
    cost, _ = min_dcf_of_trials([float(score) for *_, score in lines], labels, float(prior))
    return [compare_text("minDCF", name, f"{cost:.4f}", reference.path(name).read_text().strip())]
