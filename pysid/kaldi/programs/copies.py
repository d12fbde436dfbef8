"""copy-vector, copy-matrix, copy-int-vector: from tables to tables, or from files to files."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from pysid.errors import DataError
from pysid.io.kaldi.reader import Reader, Writer
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import INTEGERS, MATRIX, VECTOR, Holder
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier, parse_wspecifier
from pysid.kaldi.streams import printable_output

V = TypeVar("V")


def _copy(
    run: Run,
    holder: Holder[V],
    names: tuple[str, str],
    parse: Callable[[Reader], V],
    put: Callable[[Writer, V], None],
    change: Callable[[V], V] = lambda value: value,
) -> int:
    """Copies a table or a file.

    Args:
        names: of one value and of several, for messages.
        parse, put: read and write a value in a file of its own.
        change: is applied to every value.
    """
    source, target = run.arguments
    is_table = parse_rspecifier(source) is not None
    if is_table != (parse_wspecifier(target) is not None):
        raise DataError(f"Cannot mix archives with regular files (copying {names[1].partition(' ')[0]})")
    if not is_table:
        value = change(run.load(source, parse, holder.select))
        run.save(target, lambda writer: put(writer, value), binary=run.options["binary"])
        run.log.info(f"Copied {names[0]} to {printable_output(target)}")
        return 0
    writer = run.write(target, holder)
    n_done = 0
    for key, value in run.read(source, holder):
        writer.write(key, change(value))
        n_done += 1
    run.log.info(f"Copied {n_done} {names[1]}.")
    return 0 if n_done else 1


def _copy_vector(run: Run) -> int:
    dim, scale = run.options["change-dim"], run.options["scale"]

    def change(vector: np.ndarray) -> np.ndarray:
        vector = vector.astype(np.float32, copy=False)
        if scale != 1 and parse_rspecifier(run.arguments[0]) is not None:  # as in Kaldi, not where it is a file
            vector = vector * np.float32(scale)
        return vector if dim < 0 else np.pad(vector[:dim], (0, max(dim - len(vector), 0)))

    names = "vector", "vectors"
    return _copy(run, VECTOR, names, lambda reader: reader.vector(), lambda writer, x: writer.vector(x), change)


def _copy_matrix(run: Run) -> int:
    log, exp, softmax = (run.options[name] for name in ("apply-log", "apply-exp", "apply-softmax-per-row"))
    scale, power = np.float32(run.options["scale"]), np.float32(run.options["apply-power"])
    if log + exp + softmax > 1:
        raise DataError("Only one of apply-log, apply-exp and apply-softmax-per-row can be given")

    def change(matrix: np.ndarray) -> np.ndarray:
        matrix = matrix.astype(np.float32, copy=False)
        if scale != 1:
            matrix = matrix * scale
        if log:
            matrix = np.log(np.maximum(matrix, np.float32(1e-20)))
        elif exp:
            matrix = np.exp(matrix)
        elif softmax:
            matrix = np.exp(matrix - matrix.max(axis=1, keepdims=True))
            matrix = matrix / matrix.sum(axis=1, keepdims=True)
        return matrix**power if power != 1 else matrix

    names = "matrix", "matrices"
    return _copy(run, MATRIX, names, lambda reader: reader.matrix(), lambda writer, x: writer.matrix(x), change)


def _copy_int_vector(run: Run) -> int:
    names = "vector", "vectors of int32"
    return _copy(run, INTEGERS, names, lambda reader: reader.integers(), lambda writer, x: writer.integers(x))


_BINARY = Option("binary", True, "Write single files in binary mode")

PROGRAMS = {
    "copy-vector": Program(
        "Copy vectors.\n"
        "Usage: copy-vector [options] <vector-rspecifier> <vector-wspecifier>\n"
        "   or: copy-vector [options] <vector-rxfilename> <vector-wxfilename>",
        (2,),
        _copy_vector,
        (
            _BINARY,
            Option("change-dim", -1, "Cut the vectors to this dimension, or fill them up with zeros"),
            Option("scale", 1.0, "Factor to multiply the vectors of a table by"),
        ),
    ),
    "copy-matrix": Program(
        "Copy matrices.\n"
        "Usage: copy-matrix [options] <matrix-rspecifier> <matrix-wspecifier>\n"
        "   or: copy-matrix [options] <matrix-rxfilename> <matrix-wxfilename>",
        (2,),
        _copy_matrix,
        (
            _BINARY,
            Option("scale", 1.0, "Factor to multiply the matrices by"),
            Option("apply-log", False, "Take the logarithm, of at least 1e-20"),
            Option("apply-exp", False, "Take the exponential"),
            Option("apply-power", 1.0, "Raise to this power, last"),
            Option("apply-softmax-per-row", False, "Take the softmax of each row"),
        ),
    ),
    "copy-int-vector": Program(
        "Copy vectors of integers.\n"
        "Usage: copy-int-vector [options] <vector-rspecifier> <vector-wspecifier>\n"
        "   or: copy-int-vector [options] <vector-rxfilename> <vector-wxfilename>",
        (2,),
        _copy_int_vector,
        (_BINARY,),
    ),
}
