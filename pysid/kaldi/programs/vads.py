"""merge-vads, compute-vad-from-frame-likes: decisions about frames from others, or from likelihoods."""

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import VECTOR
from pysid.kaldi.run import Program, Run


def _table(run: Run, width: int) -> list[list[int]]:
    """The rows of the file that --map names; # begins a comment."""
    rows = []
    for number, line in enumerate(run.input(run.options["map"]), start=1):
        words = line.partition(b"#")[0].split()
        if not words:
            continue
        try:
            row = [int(word) for word in words]
        except ValueError:
            row = []
        if len(row) != width:
            shown = line.decode("utf-8", "replace").strip()
            raise DataError(f"{run.options['map']}:{number}: expected {width} whole numbers, got {shown!r}")
        rows.append(row)
    return rows


def _merge(run: Run) -> int:
    first, second, target = run.arguments
    labels = {(0, 0): 0, (0, 1): 0, (1, 0): 0, (1, 1): 1}
    if run.options["map"]:
        labels = {(a, b): result for a, b, result in _table(run, 3)}
    others, writer = run.lookup(second, VECTOR), run.write(target, VECTOR)
    n_done = n_errors = 0
    for key, one in run.read(first, VECTOR):
        other = others.get(key)
        if other is None or len(other) != len(one):
            run.log.warn(f"{'No vector' if other is None else 'VAD length mismatch'} for utterance {key}")
            n_errors += 1
            continue
        pairs = zip(one.astype(int).tolist(), other.astype(int).tolist(), strict=True)
        try:
            writer.write(key, np.array([labels[pair] for pair in pairs], np.float32))
        except KeyError as error:
            a, b = error.args[0]
            raise DataError(f"{key}: Map is missing combination {a} and {b}") from None
        n_done += 1
    run.log.info(
        f"Merged voice activity detection decisions; processed {n_done} utterances successfully; {n_errors} had errors."
    )
    return 0 if n_done else 1


def _from_likes(run: Run) -> int:
    *sources, target = run.arguments
    n = len(sources)
    labels = np.arange(n, dtype=np.float32)
    if run.options["map"]:
        rows = _table(run, 2)
        if not all(0 <= number < n for number, _ in rows):
            raise DataError(f"{run.options['map']}: expected classes in [0, {n})")
        for number, label in rows:
            labels[number] = label
    priors = _log_priors(run.options["priors"], n)
    others, writer = [run.lookup(source, VECTOR) for source in sources[1:]], run.write(target, VECTOR)
    n_done = n_errors = 0
    for key, first in run.read(sources[0], VECTOR):
        vectors = [first, *(other.get(key) for other in others)]
        problem = _problem(key, vectors)
        if problem:
            run.log.warn(problem)
            n_errors += 1
            continue
        likes = np.stack([vector for vector in vectors if vector is not None])
        writer.write(key, labels[(likes + priors[:, None]).argmax(axis=0)])
        n_done += 1
    run.log.info(
        f"Applied frame-level likelihood-based voice activity detection; processed {n_done} utterances successfully; "
        f"{n_errors} had empty features."
    )
    return 0 if n_done else 1


def _problem(key: str, vectors: list[np.ndarray | None]) -> str:
    """Why the likelihoods of an utterance cannot be compared, empty if they can."""
    first = vectors[0]
    assert first is not None
    if not len(first):
        return f"Empty vector for utterance {key}"
    for vector in vectors:
        if vector is None:
            return f"No vector for utterance {key}"
        if len(vector) != len(first):
            return f"Dimension mismatch in input vectors in {key}: {len(first)} vs. {len(vector)}"
    return ""


def _log_priors(text: str, n: int) -> np.ndarray:
    """(n,) float32; uniform where none are given."""
    try:
        priors = np.array([float(word) for word in text.split(",")] if text else [1 / n] * n)
    except ValueError:
        raise DataError(f"--priors: expected numbers separated by commas, got {text!r}") from None
    if len(priors) != n:
        raise DataError(f"{len(priors)} priors specified. Expected {n}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(priors).astype(np.float32)


PROGRAMS = {
    "merge-vads": Program(
        "Merge two decisions about each frame: speech where both find speech, or by a table.\n"
        "Usage: merge-vads [options] <vad-rspecifier-1> <vad-rspecifier-2> <vad-wspecifier>",
        (3,),
        _merge,
        (Option("map", "", "File of lines <first label> <second label> <label>"),),
    ),
    "compute-vad-from-frame-likes": Program(
        "Label each frame with its most likely class.\n"
        "Usage: compute-vad-from-frame-likes [options] <likes-rspecifier-1> ... <likes-rspecifier-n> <vad-wspecifier>",
        range(3, 1_000_000),
        _from_likes,
        (
            Option("map", "", "File of lines <class> <label>; classes are counted from 0"),
            Option("priors", "", "Prior of each class, such as 0.5,0.2,0.3"),
        ),
    ),
}
