"""Pipes of Kaldi's programs that change embeddings one by one, done with pysid's functions."""

import numpy as np

from benchmarks.parity.reference import Command, Reference
from pysid.backend import Centring, apply_affine, length_normalize
from pysid.exchange.kaldi_backend import read_matrix, read_vector


def read_piped(reference: Reference, source: str) -> tuple[list[str], np.ndarray]:
    """Keys and vectors (N, D) of `ark:path`, or of a pipe such as `ivector-subtract-global-mean ... |`."""
    if not source.endswith("|"):
        vectors = reference.vectors(source.removeprefix("ark:"))
        return list(vectors), np.stack(list(vectors.values()))
    return run_pipe(reference, reference.pipeline(source))


def run_pipe(reference: Reference, commands: list[Command]) -> tuple[list[str], np.ndarray]:
    """Keys and vectors (N, D) at the end of a pipe; the first command reads them from an archive."""
    keys, X = read_piped(reference, f"ark:{commands[0].archive()}")
    for command in commands:
        X = _apply(reference, command, X)
    return keys, X


def _apply(reference: Reference, command: Command, X: np.ndarray) -> np.ndarray:
    arguments = command.arguments
    match command.program:
        case "ivector-subtract-global-mean" if arguments[0].startswith("ark:"):
            return Centring().fit(X).transform(X)
        case "ivector-subtract-global-mean":
            return X - read_vector(reference.path(arguments[0]))
        case "transform-vec":
            return apply_affine(read_matrix(reference.path(arguments[0])), X)
        case "ivector-normalize-length":
            return length_normalize(X, scale_up=command.options.get("scaleup", "true") == "true")
        case "cat":  # this only writes the result to a file
            return X
    raise ValueError(f"a pipe of embeddings cannot hold {command.program}")
