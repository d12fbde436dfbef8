"""copy-feats, subset-feats, feat-to-len, feat-to-dim, select-voiced-frames."""

from itertools import islice

import numpy as np

from pysid.errors import DataError
from pysid.io.ark.compression import METHODS
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import INTEGER, MATRIX, VECTOR, compressed_matrix
from pysid.kaldi.run import Program, Run
from pysid.kaldi.specifiers import parse_rspecifier, parse_wspecifier
from pysid.kaldi.streams import printable_input, printable_output

FIRST_FEATS = 10  # subset-feats


def _copy_feats(run: Run) -> int:
    source, target = run.arguments
    if parse_rspecifier(source) is None:
        return _copy_one(run, source, target)
    method = run.options["compression-method"]
    if run.options["compress"] and method not in METHODS:
        raise DataError(f"--compression-method must be one of {METHODS}, got {method}")
    writer = run.write(target, compressed_matrix(method) if run.options["compress"] else MATRIX)
    counts = run.options["write-num-frames"]
    count_writer = run.write(counts, INTEGER) if counts else None
    n_done = 0
    for key, features in run.read(source, MATRIX):
        writer.write(key, features)
        if count_writer is not None:
            count_writer.write(key, len(features))
        n_done += 1
    run.log.info(f"Copied {n_done} feature matrices.")
    return 0 if n_done else 1


def _copy_one(run: Run, source: str, target: str) -> int:
    if run.options["compress"] or run.options["write-num-frames"]:
        raise DataError("--compress and --write-num-frames are for tables, not for single files")
    features = run.load(source, lambda reader: reader.matrix(), MATRIX.select)
    run.save(target, lambda writer: writer.matrix(features.astype(np.float32)), binary=run.options["binary"])
    run.log.info(f"Copied features from {printable_input(source)} to {printable_output(target)}")
    return 0


def _subset_feats(run: Run) -> int:
    n, include, exclude = (run.options[name] for name in ("n", "include", "exclude"))
    if include and exclude:
        raise DataError("should not have both --exclude and --include option!")
    if (include or exclude) and n != FIRST_FEATS:
        raise DataError(f"Should not have both --{'include' if include else 'exclude'} and --n option!")
    if n < 1:
        raise DataError(f"Invalid option --n={n}. Should be at least 1")
    if not include and not exclude:
        writer = run.write(run.arguments[1], MATRIX)
        for key, features in islice(run.read(run.arguments[0], MATRIX), n):
            writer.write(key, features)
        return 0
    chosen, writer = _listed(run, include or exclude), run.write(run.arguments[1], MATRIX)
    n_done = n_total = 0
    for key, features in run.read(run.arguments[0], MATRIX):
        n_total += 1
        if (key in chosen) == bool(include):
            writer.write(key, features)
            n_done += 1
    run.log.info(f" Wrote {n_done} out of {n_total} utterances.")
    return 0 if n_done else 1


def _listed(run: Run, name: str) -> set[str]:
    """The first words of a file's lines; none without a file."""
    return {words[0].decode() for line in run.input(name) if (words := line.split())} if name else set()


def _feat_to_len(run: Run) -> int:
    if len(run.arguments) == 1:
        print(sum(len(features) for _, features in run.read(run.arguments[0], MATRIX)))
        return 0
    writer = run.write(run.arguments[1], INTEGER)
    for key, features in run.read(run.arguments[0], MATRIX):
        writer.write(key, len(features))
    return 0


def _feat_to_dim(run: Run) -> int:
    source, target = run.arguments
    if parse_wspecifier(target) is not None:
        writer = run.write(target, INTEGER)
        for key, features in run.read(source, MATRIX):
            writer.write(key, features.shape[1])
        return 0
    first = next(run.read(source, MATRIX), None)
    if first is None:
        raise DataError("Could not read any features (empty archive?)")
    run.output(target).write(f"{first[1].shape[1]}\n".encode())
    return 0


def _select_voiced_frames(run: Run) -> int:
    voicing = run.lookup(run.arguments[1], VECTOR)
    writer = run.write(run.arguments[2], MATRIX)
    n_done = n_errors = 0
    for key, features in run.read(run.arguments[0], MATRIX):
        voiced = voicing.get(key)
        problem = _no_voiced_frames(key, features, voiced)
        if problem or voiced is None:
            run.log.warn(problem)
            n_errors += 1
        else:
            writer.write(key, features[voiced != 0])
            n_done += 1
    run.log.info(f"Done selecting voiced frames; processed {n_done} utterances, {n_errors} had errors.")
    return 0 if n_done else 1


def _no_voiced_frames(key: str, features: np.ndarray, voiced: np.ndarray | None) -> str:
    """Why an utterance has no voiced frames, empty if it has."""
    if len(features) == 0:
        return f"Empty feature matrix for utterance {key}"
    if voiced is None:
        return f"No VAD input found for utterance {key}"
    if len(features) != len(voiced):
        return f"Mismatch in number for frames {len(features)} for features and VAD {len(voiced)}, for utterance {key}"
    if not np.isin(voiced, (0, 1)).all():
        raise DataError(f"{key}: expected a VAD of zeros and ones")
    return "" if voiced.any() else f"No features were judged as voiced for utterance {key}"


PROGRAMS = {
    "copy-feats": Program(
        "Copy features, and possibly change their format.\n"
        "Usage: copy-feats [options] <feature-rspecifier> <feature-wspecifier>\n"
        "   or: copy-feats [options] <feature-rxfilename> <feature-wxfilename>",
        (2,),
        _copy_feats,
        (
            Option("htk-in", False, "Read features in HTK format", supported=False),
            Option("sphinx-in", False, "Read features in Sphinx format", supported=False),
            Option("binary", True, "Write single files in binary mode"),
            Option("compress", False, "Write tables in compressed form"),
            Option("compression-method", 1, "With --compress, the method, 1 to 7; 1 is automatic"),
            Option("write-num-frames", "", "Table to write the number of frames to, such as ark,t:utt2num_frames"),
        ),
    ),
    "subset-feats": Program(
        "Copy a part of a table of features: the first n, or by lists of utterances.\n"
        "Usage: subset-feats [options] <feature-rspecifier> <feature-wspecifier>",
        (2,),
        _subset_feats,
        (
            Option("n", FIRST_FEATS, "How many to copy from the start; not with --include or --exclude"),
            Option("include", "", "File with the utterances to copy, one per line"),
            Option("exclude", "", "File with the utterances to leave out, one per line"),
        ),
    ),
    "feat-to-len": Program(
        "Write the number of frames of each utterance, or print the sum.\n"
        "Usage: feat-to-len [options] <feature-rspecifier> [<length-wspecifier>]",
        (1, 2),
        _feat_to_len,
    ),
    "feat-to-dim": Program(
        "Write the dimension of the first features to a file, or that of each utterance to a table.\n"
        "Usage: feat-to-dim [options] <feature-rspecifier> (<dim-wspecifier>|<dim-wxfilename>)",
        (2,),
        _feat_to_dim,
    ),
    "select-voiced-frames": Program(
        "Keep the frames where the VAD is 1.\n"
        "Usage: select-voiced-frames [options] <feature-rspecifier> <vad-rspecifier> <feature-wspecifier>",
        (3,),
        _select_voiced_frames,
    ),
}
