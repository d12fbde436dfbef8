"""ivector-plda-scoring, ivector-plda-scoring-dense, ivector-compute-dot-products, compute-eer."""

import math
from collections.abc import Iterator

import numpy as np

from pysid.errors import DataError
from pysid.io.text import shorten
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import INTEGER, MATRIX, VECTOR, WORDS
from pysid.kaldi.log import six_digits
from pysid.kaldi.programs.plda import PLDA_OPTIONS, length_norm, load_plda
from pysid.kaldi.run import Program, Run


def _plda_scoring(run: Run) -> int:
    plda_name, enrol_table, test_table, trials_name, scores_name = run.arguments
    plda, norm = load_plda(run, plda_name), length_norm(run)
    run.log.info("Reading train iVectors")
    enrol, counts = _with_counts(run, _read_unique(run, enrol_table, "training iVector found for speaker"))
    run.log.info("Reading test iVectors")
    test = _read_unique(run, test_table, "test iVector found for utterance")
    run.log.info(f"Read {len(test)} test iVectors.")
    if not test:
        raise DataError("No test iVectors present.")
    rows, columns = ({key: i for i, key in enumerate(table)} for table in (enrol, test))
    trials, n_errors = _known_trials(run, trials_name, rows, columns, ("training iVectors", "test iVectors"))
    # Kaldi keeps the transformed vectors in single precision.
    u = plda.transform(np.stack(list(enrol.values())), counts, norm).astype(np.float32)
    v = plda.transform(np.stack(list(test.values())), 1, norm).astype(np.float32)
    i, j = [rows[a] for a, _ in trials], [columns[b] for _, b in trials]
    return _write_scores(run, scores_name, trials, plda.terms(u, v, counts).pairs(i, j), n_errors, "score")


def _with_counts(run: Run, vectors: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Enrolment vectors and how many utterances each is the mean of; those where this is not known are left out."""
    name = run.options["num-utts"]
    n_all = len(vectors)
    counts = np.ones(n_all)
    if name:
        table = run.lookup(name, INTEGER)
        known = {key: table[key] for key in vectors if key in table}
        for key in vectors.keys() - known.keys():
            run.log.warn(f"Number of utterances not given for speaker {key}")
        vectors, counts = {key: vectors[key] for key in known}, np.array(list(known.values()))
    run.log.info(f"Read {len(vectors)} training iVectors, errors on {n_all - len(vectors)}")
    if not vectors:
        raise DataError("No training iVectors present.")
    return vectors, counts


def _read_unique(run: Run, table: str, what: str) -> dict[str, np.ndarray]:
    vectors: dict[str, np.ndarray] = {}
    dim = 0
    for key, vector in run.read(table, VECTOR):
        dim = dim or len(vector)
        if key in vectors:
            raise DataError(f"Duplicate {what} {key}")
        if len(vector) != dim:
            raise DataError(f"{key}: expected a vector of dimension {dim}, got {len(vector)}")
        vectors[key] = vector
    return vectors


def _trials(run: Run, name: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(run.input(name), start=1):
        fields = line.decode(errors="surrogateescape").split()
        if len(fields) != 2:
            raise DataError(f"Bad line {number} in input (expected two fields: key1 key2): {shorten(line)}")
        yield fields[0], fields[1]


def _known_trials(
    run: Run, name: str, enrol: dict[str, int], test: dict[str, int], tables: tuple[str, str]
) -> tuple[list[tuple[str, str]], int]:
    """The trials that have both vectors, and the number of the others."""
    known = []
    n_errors = 0
    for trial in _trials(run, name):
        absent = [i for i, keys in enumerate((enrol, test)) if trial[i] not in keys]
        if absent:
            run.log.warn(f"Key {trial[absent[0]]} not present in {tables[absent[0]]}.")
            n_errors += 1
        else:
            known.append(trial)
    return known, n_errors


def _write_scores(
    run: Run, name: str, trials: list[tuple[str, str]], scores: np.ndarray, n_errors: int, what: str
) -> int:
    single = scores.astype(np.float32).tolist()
    lines = (f"{a} {b} {score:.7g}\n" for (a, b), score in zip(trials, single, strict=True))
    run.output(name).writelines(line.encode(errors="surrogateescape") for line in lines)
    if trials:
        mean, deviation = six_digits(float(np.mean(single))), six_digits(float(np.std(single)))
        run.log.info(f"Mean {what} was {mean}, standard deviation was {deviation}")
    run.log.info(f"Processed {len(trials)} trials, {n_errors} had errors.")
    return 0 if trials else 1


def _plda_scoring_dense(run: Run) -> int:
    from pysid.backend.plda_dense import dense_plda_scores

    plda_name, lists, vector_table, score_table = run.arguments
    plda, norm, energy = load_plda(run, plda_name), length_norm(run), run.options["target-energy"]
    vectors = run.lookup(vector_table, VECTOR)
    writer = run.write(score_table, MATRIX)
    n_done = n_errors = 0
    for recording, utterances in run.read(lists, WORDS):
        absent = next((utterance for utterance in utterances if utterance not in vectors), None)
        if absent is not None:
            raise DataError(f"No iVector present in input for utterance {absent}")
        if not utterances:
            run.log.warn(f"Not producing output for recording {recording} since no segments had iVectors")
            n_errors += 1
            continue
        X = np.stack([vectors[utterance] for utterance in utterances])
        writer.write(recording, dense_plda_scores(plda, X, energy, norm))
        n_done += 1
    run.log.info(f"Processed {n_done} recordings, {n_errors} had errors.")
    return 0 if n_done else 1


def _dot_products(run: Run) -> int:
    trials_name, *tables, scores_name = run.arguments
    first, second = (run.lookup(table, VECTOR) for table in tables)
    trials: list[tuple[str, str]] = []
    products = []
    n_errors = 0
    for a, b in _trials(run, trials_name):
        if a not in first or b not in second:
            key, table = (a, "1st") if a not in first else (b, "2nd")
            run.log.warn(f"Key {key} not present in {table} table of ivectors.")
            n_errors += 1
            continue
        x, y = first[a], second[b]
        if x.shape != y.shape:
            raise DataError(f"{a} {b}: expected vectors of one dimension, got {len(x)} and {len(y)}")
        trials.append((a, b))
        products.append(x @ y)
    return _write_scores(run, scores_name, trials, np.array(products), n_errors, "dot-product")


def _compute_eer(run: Run) -> int:
    from pysid.metrics.detection import equal_error_rate, format_eer

    scores: dict[str, list[float]] = {"target": [], "nontarget": []}
    for line in run.input(run.arguments[0]):
        text = line.decode(errors="replace")
        fields = text.split()
        if len(fields) != 2:
            raise DataError(f"Invalid input line (must have two fields): {shorten(text)}")
        try:
            score = float(np.float32(fields[0]))
        except ValueError:
            score = math.nan
        if math.isnan(score):
            raise DataError(f"Invalid input line (first field must be float): {shorten(text)}")
        if fields[1] not in scores:
            raise DataError(f"Invalid input line (second field must be 'target' or 'nontarget'): {shorten(text)}")
        scores[fields[1]].append(score)
    if not any(scores.values()):
        raise DataError("Empty input.")
    if not all(scores.values()):
        raise DataError(f"No {'non-target' if scores['target'] else 'target'} scores seen.")
    eer, threshold = equal_error_rate(scores["target"], scores["nontarget"])
    run.log.info(f"Equal error rate is {six_digits(100 * eer)}%, at threshold {six_digits(threshold)}")
    run.output("-").write(format_eer(eer).encode())
    return 0


PROGRAMS = {
    "ivector-plda-scoring": Program(
        "Score trials by PLDA. A line of the trials: <enrolled> <test>; of the scores: <enrolled> <test> <score>.\n"
        "Usage: ivector-plda-scoring [options] <plda-rxfilename> <train-ivector-rspecifier> "
        "<test-ivector-rspecifier>\n"
        "           <trials-rxfilename> <scores-wxfilename>",
        (5,),
        _plda_scoring,
        (*PLDA_OPTIONS, Option("num-utts", "", "Table of the number of utterances of each enrolled speaker")),
    ),
    "ivector-plda-scoring-dense": Program(
        "Score all pairs of segments of each recording by PLDA, for diarization.\n"
        "Usage: ivector-plda-scoring-dense [options] <plda-rxfilename> <reco2utt-rspecifier> "
        "<ivector-rspecifier> <scores-wspecifier>",
        (4,),
        _plda_scoring_dense,
        (*PLDA_OPTIONS, Option("target-energy", 0.5, "Share of a recording's variance that its own PCA keeps")),
    ),
    "ivector-compute-dot-products": Program(
        "Score trials by dot products.\n"
        "Usage: ivector-compute-dot-products [options] <trials-rxfilename> <ivector1-rspecifier> "
        "<ivector2-rspecifier> <scores-wxfilename>",
        (4,),
        _dot_products,
    ),
    "compute-eer": Program(
        "Print the equal error rate in percent. A line of the input: <score> target|nontarget.\n"
        "Usage: compute-eer [options] <scores-rxfilename>",
        (1,),
        _compute_eer,
    ),
}
