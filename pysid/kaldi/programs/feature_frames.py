"""shift-feats, splice-feats, subsample-feats, paste-feats, concat-feats: frames moved, taken away and put together."""

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import MATRIX
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier


def _load(run: Run, name: str) -> np.ndarray:
    return run.load(name, lambda reader: reader.matrix(), MATRIX.select).astype(np.float32)


def _save(run: Run, name: str, features: np.ndarray) -> None:
    run.save(name, lambda writer: writer.matrix(features), binary=run.options["binary"])


def _held(features: np.ndarray, offset: int) -> np.ndarray:
    """Frame t + offset for each t, the first and last frames repeated at the ends."""
    return np.asarray(features[np.clip(np.arange(len(features)) + offset, 0, len(features) - 1)])


def _shift(run: Run) -> int:
    source, target = run.arguments
    shift = run.options["shift"]
    if parse_rspecifier(source) is None:
        features = _load(run, source)
        if not len(features):
            raise DataError("Empty input matrix")
        _save(run, target, _held(features, -shift))
        return 0
    writer = run.write(target, MATRIX)
    n_done = n_errors = 0
    for key, features in run.read(source, MATRIX):
        if not len(features):
            run.log.warn(f"Empty matrix for key {key}")
            n_errors += 1
            continue
        writer.write(key, _held(features, -shift))
        n_done += 1
    run.log.info(f"Shifted {n_done} features by {shift} frames; {n_errors} with errors.")
    return 0 if n_done else 1


def _splice(run: Run) -> int:
    left, right = run.options["left-context"], run.options["right-context"]
    if left < 0 or right < 0:
        raise DataError(f"expected contexts of 0 frames or more, got {left} and {right}")
    writer = run.write(run.arguments[1], MATRIX)
    for key, features in run.read(run.arguments[0], MATRIX):
        if not features.size:
            raise DataError(f"{key}: SpliceFrames: empty input")
        writer.write(key, np.concatenate([_held(features, offset) for offset in range(-left, right + 1)], 1))
    return 0


def _subsample(run: Run) -> int:
    n, offset = run.options["n"], run.options["offset"]
    if n == 0 or offset < 0 or (n < 0 and offset):
        raise DataError(
            f"expected --n other than 0 and --offset of 0 or more, 0 with a negative --n, got {n} and {offset}"
        )
    writer = run.write(run.arguments[1], MATRIX)
    n_done = n_errors = n_in = n_out = 0
    for key, features in run.read(run.arguments[0], MATRIX):
        kept = features[offset::n] if n > 0 else np.repeat(features, -n, axis=0)
        n_in, n_out = n_in + len(features), n_out + len(kept)
        if n > 0 and not len(kept):
            run.log.warn(f"For utterance {key}, output would have no rows, producing no output.")
            n_errors += 1
            continue
        writer.write(key, kept)
        n_done += 1
    run.log.info(f"Processed {n_done} feature matrices; {n_errors} with errors.")
    run.log.info(f"Processed {n_in} input frames and {n_out} output frames.")
    return 0 if n_done else 1


def _pasted(run: Run, parts: list[np.ndarray], key: str) -> np.ndarray | None:
    """Features beside each other, cut to the shortest; None, with a warning, where their lengths differ too much."""
    lengths = [len(part) for part in parts]
    tolerance = run.options["length-tolerance"]
    if max(lengths) - min(lengths) > tolerance or not min(lengths):
        place = f" for utt {key}" if key else ""
        run.log.warn(f"Length mismatch {max(lengths)} vs. {min(lengths)}{place} exceeds tolerance {tolerance}")
        return None
    return np.concatenate([part[: min(lengths)] for part in parts], axis=1)


def _paste(run: Run) -> int:
    *sources, target = run.arguments
    if parse_rspecifier(sources[0]) is None:
        together = _pasted(run, [_load(run, source) for source in sources], "")
        if together is None:
            return 1
        _save(run, target, together)
        run.log.info(f"Wrote appended features to {target}")
        return 0
    writer = run.write(target, MATRIX)
    others = [run.lookup(source, MATRIX) for source in sources[1:]]
    n_done = n_errors = 0
    for key, features in run.read(sources[0], MATRIX):
        missing = next((source for source, other in zip(sources[1:], others, strict=True) if key not in other), None)
        if missing is not None:
            run.log.warn(f"Missing utt {key} from input {missing}")
        together = None if missing else _pasted(run, [features, *(other[key] for other in others)], key)
        if together is None:
            n_errors += 1
            continue
        writer.write(key, together)
        n_done += 1
    run.log.info(f"Done {n_done} utts, errors on {n_errors}")
    return 0 if n_done else 255


def _concat(run: Run) -> int:
    *sources, target = run.arguments
    parts = [_load(run, source) for source in sources]
    if len({part.shape[1] for part in parts}) > 1:
        raise DataError(f"expected features of one dimension, got {[part.shape[1] for part in parts]}")
    _save(run, target, np.concatenate(parts))
    return 0


def _two_forms(text: str, name: str) -> str:
    return (
        f"{text}\nUsage: {name} [options] <feature-rspecifier> <feature-wspecifier>\n"
        f"   or: {name} [options] <feats-rxfilename> <feats-wxfilename>"
    )


_BINARY = Option("binary", True, "Write single files in binary mode")
_AT_LEAST_THREE = range(3, 1_000_000)

PROGRAMS = {
    "shift-feats": Program(
        _two_forms("Shift features by some frames, keeping their number.", "shift-feats"),
        (2,),
        _shift,
        (_BINARY, Option("shift", 0, "By how many frames; positive moves them later")),
    ),
    "splice-feats": Program(
        "Put frames beside those before and after them.\n"
        "Usage: splice-feats [options] <feature-rspecifier> <feature-wspecifier>",
        (2,),
        _splice,
        (
            Option("left-context", 4, "Frames before"),
            Option("right-context", 4, "Frames behind"),
        ),
    ),
    "subsample-feats": Program(
        "Take every n-th frame; with a negative n, repeat each frame that often.\n"
        "Usage: subsample-feats [options] <feature-rspecifier> <feature-wspecifier>",
        (2,),
        _subsample,
        (
            Option("n", 1, "Every n-th frame is taken; if negative, frames are repeated"),
            Option("offset", 0, "The first frame to take"),
        ),
    ),
    "paste-feats": Program(
        "Put features of about the same length beside each other, frame by frame.\n"
        "Usage: paste-feats [options] <in-rspecifier1> <in-rspecifier2> [<in-rspecifier3> ...] <out-wspecifier>\n"
        "   or: paste-feats [options] <in-rxfilename1> <in-rxfilename2> [<in-rxfilename3> ...] <out-wxfilename>",
        _AT_LEAST_THREE,
        _paste,
        (_BINARY, Option("length-tolerance", 0, "By how many frames lengths may differ; the shortest counts")),
    ),
    "concat-feats": Program(
        "Put features one after the other.\n"
        "Usage: concat-feats [options] <in-rxfilename1> <in-rxfilename2> [<in-rxfilename3> ...] <out-wxfilename>",
        _AT_LEAST_THREE,
        _concat,
        (_BINARY,),
    ),
}
