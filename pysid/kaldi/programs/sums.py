"""vector-sum, matrix-sum: of several tables, of one table's entries, or of files."""

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX, VECTOR, Holder
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier, parse_wspecifier
from pysid.kaldi.streams import printable_output

_Kind = tuple[Holder[np.ndarray], str, str]  # how it is stored, and its name for one and for several


def _sum_tables(run: Run, kind: _Kind, scales: list[float]) -> int:
    """Key by key: the value in the first table plus those in the others; one scale for each table."""
    holder, name, names = kind
    sources, target = run.arguments[:-1], run.arguments[-1]
    writer = run.write(target, holder)
    others = [run.lookup(source, holder) for source in sources[1:]]
    n_done = n_total = n_missing = 0
    for key, first in run.read(sources[0], holder):
        n_total += 1
        total = _scaled(first, scales[0])
        for number, (other, scale) in enumerate(zip(others, scales[1:], strict=True), start=2):
            place = f"for utterance {key} for system {number}, rspecifier: {sources[number - 1]}"
            if key not in other:
                run.log.warn(f"No {name} found {place}")
                n_missing += 1
                continue
            n_total += 1
            value = other[key]
            if value.shape != total.shape:
                run.log.warn(f"Dimension mismatch {place}: {value.shape} and not {total.shape}")
            else:
                total = total + _scaled(value, scale)
        writer.write(key, total)
        n_done += 1
    run.log.info(
        f"Processed {n_done} utterances: with a total of {n_total} {names} across {len(sources)} different systems"
    )
    run.log.info(f"Produced output for {n_done} utterances; {n_missing} total missing {names}")
    return 0 if n_done and n_missing < n_done - n_missing else 1


def _sum_entries(run: Run, kind: _Kind) -> int:
    """All values of one table."""
    holder, name, names = kind
    source, target = run.arguments
    total: np.ndarray | None = None
    n_done = n_errors = 0
    for key, value in run.read(source, holder):
        if value.size == 0:
            run.log.warn(f"Zero {name} input for key {key}")
            n_errors += 1
        elif total is not None and value.shape != total.shape:
            run.log.warn(f"Dimension mismatch for key {key}: {value.shape} vs. {total.shape}")
            n_errors += 1
        else:
            total = value.astype(np.float64) + (0 if total is None else total)
            n_done += 1
    _save(run, target, np.zeros((0, 0) if holder is MATRIX else 0) if total is None else total)
    run.log.info(f"Summed {n_done} {names}, {n_errors} with errors; wrote sum to {printable_output(target)}")
    return 0 if n_done > 0 and n_errors < n_done else 1


def _sum_files(run: Run, kind: _Kind, values: list[np.ndarray]) -> int:
    """Values of single files; where matrices differ in size, the smaller ones are padded with zeros."""
    _, name, names = kind
    if name == "vector" and len({value.shape for value in values}) > 1:
        raise DataError(f"expected vectors of one dimension, got {sorted({len(value) for value in values})}")
    shape = np.max([value.shape for value in values], axis=0)
    total = np.zeros(shape, np.float32)
    for value in values:
        total[tuple(slice(n) for n in value.shape)] += value.astype(np.float32)
    if run.options.get("average"):
        total = _scaled(total, 1 / len(values))
    _save(run, run.arguments[-1], total)
    run.log.info(f"Summed {len(values)} {names}; wrote sum to {printable_output(run.arguments[-1])}")
    return 0


def _save(run: Run, target: str, value: np.ndarray) -> None:
    single = value.astype(np.float32)
    binary = run.options["binary"]
    run.save(target, lambda writer: (writer.vector if single.ndim == 1 else writer.matrix)(single), binary=binary)


def _scaled(value: np.ndarray, scale: float) -> np.ndarray:
    return value if scale == 1 else value * np.float32(scale)


def _form(run: Run) -> str:
    """What is summed: "tables", the "entries" of one, or "files"."""
    *sources, target = run.arguments
    if parse_wspecifier(target) is not None:
        return "tables"
    if len(sources) == 1 and parse_rspecifier(sources[0]) is not None:
        return "entries"
    if any(parse_rspecifier(source) is not None for source in sources):
        raise DataError("Wrong usage: where the sum is a single file, the inputs are one table, or single files")
    return "files"


def _vector_sum(run: Run) -> int:
    kind = VECTOR, "vector", "vectors"
    match _form(run):
        case "tables":
            return _sum_tables(run, kind, [1.0] * (len(run.arguments) - 1))
        case "entries":
            return _sum_entries(run, kind)
        case _:
            values = [run.load(name, lambda reader: reader.vector(), VECTOR.select) for name in run.arguments[:-1]]
            return _sum_files(run, kind, values)


def _matrix_sum(run: Run) -> int:
    kind = MATRIX, "matrix", "matrices"
    form, n_inputs = _form(run), len(run.arguments) - 1
    scale1, scale2, average = (run.options[name] for name in ("scale1", "scale2", "average"))
    if form != "tables" and (scale1, scale2) != (1, 1):
        raise DataError("--scale1 and --scale2 are for sums of tables")
    if form == "entries" and average:
        raise DataError("--average is not for the sum of one table's entries")
    match form:
        case "tables":
            scales = [1 / n_inputs] * n_inputs if average else [scale1, scale2, *[1.0] * n_inputs][:n_inputs]
            return _sum_tables(run, kind, scales)
        case "entries":
            return _sum_entries(run, kind)
        case _:
            values = [run.load(name, lambda reader: reader.matrix(), MATRIX.select) for name in run.arguments[:-1]]
            return _sum_files(run, kind, values)


_BINARY = Option("binary", True, "Write single files in binary mode")
_USAGE = """Add {names}.
Usage: {name}-sum [options] <rspecifier1> [<rspecifier2> ...] <sum-wspecifier>
   or: {name}-sum [options] <rspecifier> <sum-wxfilename>
   or: {name}-sum [options] <rxfilename1> [<rxfilename2> ...] <sum-wxfilename>"""
_AT_LEAST_TWO = range(2, 1_000_000)

PROGRAMS = {
    "vector-sum": Program(
        _USAGE.format(name="vector", names="vectors"),
        _AT_LEAST_TWO,
        _vector_sum,
        (_BINARY,),
    ),
    "matrix-sum": Program(
        _USAGE.format(name="matrix", names="matrices"),
        _AT_LEAST_TWO,
        _matrix_sum,
        (
            _BINARY,
            Option("scale1", 1.0, "Factor of the first table"),
            Option("scale2", 1.0, "Factor of the second table"),
            Option("average", False, "Write the mean instead of the sum; of tables, or of files"),
        ),
    ),
}
