"""ivector-transform, transform-vec, est-pca, ivector-compute-lda."""

import math

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX, VECTOR, WORD
from pysid.kaldi.log import six_digits
from pysid.kaldi.run import Program, Run
from pysid.kaldi.streams import printable_output


def _transform_vec(run: Run) -> int:
    n_done = len(_transform(run))
    run.log.info(f"Applied transform to {n_done} vectors.")
    return 0 if n_done else 1


def _ivector_transform(run: Run) -> int:
    squares = _transform(run)
    run.log.info(f"Processed {len(squares)} iVectors.")
    if squares:
        mean = np.mean([vector for vector, _ in squares], axis=0)
        variance = np.mean([square for _, square in squares]) - mean @ mean
        length = math.sqrt(max(variance, 0) / len(mean))
        run.log.info(
            f"Norm of mean was {six_digits(float(np.linalg.norm(mean)))} (should be close to zero), length divided by "
            f"sqrt(dim) was {six_digits(length)} (should probably be close to one)"
        )
    return 0 if squares else 1


def _transform(run: Run) -> list[tuple[np.ndarray, float]]:
    """Transforms a table of vectors; the results, each with the sum of its squares."""
    from pysid.backend.normalize import apply_affine

    matrix = run.load(run.arguments[0], lambda reader: reader.matrix(), MATRIX.select)
    writer = run.write(run.arguments[2], VECTOR)
    results = []
    for key, vector in run.read(run.arguments[1], VECTOR):
        try:
            result = apply_affine(matrix, vector[None])[0]
        except ValueError as error:
            raise DataError(f"{key}: {error}") from None
        writer.write(key, result)
        results.append((result, float(result @ result)))
    return results


def _est_pca(run: Run) -> int:
    from pysid.backend.pca import Pca

    X = _vectors_to_analyse(run)
    dim = run.options["dim"] if run.options["dim"] > 0 else X.shape[1]
    if dim > X.shape[1]:
        raise DataError(f"Final dimension {dim} is greater than feature dimension {X.shape[1]}")
    pca = Pca(
        dim,
        normalize_variance=run.options["normalize-variance"],
        normalize_mean=run.options["normalize-mean"],
    )
    pca.fit(X)
    values = " ".join(map(six_digits, pca.eigenvalues_))
    run.log.info(f"Eigenvalues in PCA are  [ {values} ]")
    total, kept = (six_digits(float(x.sum())) for x in (pca.eigenvalues_, pca.eigenvalues_[:dim]))
    run.log.info(f"Sum of PCA eigenvalues is {total}, sum of kept eigenvalues is {kept}")
    for name, matrix in ((run.options["write-full-matrix"], pca.full_transform_), (run.arguments[1], pca.transform_)):
        if name:
            _save_matrix(run, name, matrix)
    return 0


def _vectors_to_analyse(run: Run) -> np.ndarray:
    """(N, D): the vectors of a table, or the rows of its matrices, as far as they have the same dimension."""
    holder, what = (VECTOR, "vectors") if run.options["read-vectors"] else (MATRIX, "feature files")
    rows: list[np.ndarray] = []
    n_errors = 0
    for key, found in run.read(run.arguments[0], holder):
        value = np.atleast_2d(found)
        if value.size == 0 or (rows and value.shape[1] != rows[0].shape[1]):
            wanted = f", expected {rows[0].shape[1]}" if rows else ""
            run.log.warn(f"{key}: left out, its dimension is {value.shape[1]}{wanted}")
            n_errors += 1
        else:
            rows.append(value)
    frames = "" if run.options["read-vectors"] else f"; {sum(map(len, rows))} frames"
    run.log.info(f"Accumulated stats from {len(rows)} {what}, {n_errors} with errors{frames}.")
    if not rows:
        raise DataError("No data accumulated.")
    return np.concatenate(rows)


def _compute_lda(run: Run) -> int:
    from pysid.backend.lda import Lda

    utterances, labels, vectors = _labelled_vectors(run)
    run.log.info(f"Stats have {len(set(labels))} speakers, {len(utterances)} utterances. ")
    lda = Lda(
        run.options["dim"],
        total_covariance_factor=run.options["total-covariance-factor"],
        covariance_floor=run.options["covariance-floor"],
    )
    lda.fit(np.stack(vectors), labels)
    _save_matrix(run, run.arguments[2], lda.transform_)
    run.log.info(f"Wrote LDA transform to {printable_output(run.arguments[2])}")
    return 0


def _labelled_vectors(run: Run) -> tuple[list[str], list[str], list[np.ndarray]]:
    """Utterances, their speakers and their vectors."""
    speakers = run.lookup(run.arguments[1], WORD)
    found: dict[str, tuple[str, np.ndarray]] = {}
    n_errors = dim = 0
    for key, vector in run.read(run.arguments[0], VECTOR):
        dim = dim or len(vector)
        if len(vector) != dim:
            raise DataError(f"{key}: expected a vector of dimension {dim}, got {len(vector)}")
        if key in found:
            run.log.warn(f"Duplicate iVector found for utterance {key}, ignoring it.")
            n_errors += 1
        elif key not in speakers:
            run.log.warn(f"utt2spk has no entry for utterance {key}, skipping it.")
            n_errors += 1
        else:
            found[key] = speakers[key], vector
    run.log.info(f"Read {len(found)} utterances, {n_errors} with errors.")
    if not found:
        raise DataError("Did not read any utterances.")
    labels, vectors = zip(*found.values(), strict=True)
    return list(found), list(labels), list(vectors)


def _save_matrix(run: Run, name: str, matrix: np.ndarray) -> None:
    single = matrix.astype(np.float32)
    run.save(name, lambda writer: writer.matrix(single), binary=run.options["binary"])


_BINARY = Option("binary", True, "Write in binary mode")

PROGRAMS = {
    "transform-vec": Program(
        "Apply a linear or affine transform to vectors.\n"
        "Usage: transform-vec [options] <transform-rxfilename> <vector-rspecifier> <vector-wspecifier>",
        (3,),
        _transform_vec,
    ),
    "ivector-transform": Program(
        "Apply a linear or affine transform to vectors.\n"
        "Usage: ivector-transform [options] <transform-rxfilename> <ivector-rspecifier> <ivector-wspecifier>",
        (3,),
        _ivector_transform,
    ),
    "est-pca": Program(
        "Estimate a PCA transform of features, or of vectors.\n"
        "Usage: est-pca [options] (<feature-rspecifier>|<vector-rspecifier>) <pca-matrix-wxfilename>",
        (2,),
        _est_pca,
        (
            _BINARY,
            Option("dim", -1, "Dimensions to keep; all if not positive"),
            Option("read-vectors", False, "Read a table of vectors instead of features"),
            Option("normalize-variance", False, "Scale the dimensions to variance one"),
            Option("normalize-mean", False, "Subtract the mean: write an affine transform"),
            Option("write-full-matrix", "", "Write the transform with all its rows here, too"),
        ),
    ),
    "ivector-compute-lda": Program(
        "Compute an LDA transform, which also subtracts the mean.\n"
        "Usage: ivector-compute-lda [options] <ivector-rspecifier> <utt2spk-rspecifier> <lda-matrix-wxfilename>",
        (3,),
        _compute_lda,
        (
            _BINARY,
            Option("dim", 100, "Dimensions to keep"),
            Option("total-covariance-factor", 0.0, "0 scales to unit within-speaker covariance, 1 to unit total"),
            Option("covariance-floor", 1e-6, "Floor of that covariance's eigenvalues, times the largest"),
        ),
    ),
}
