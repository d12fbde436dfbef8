"""Labelled embeddings: vectors with their speakers."""

from collections import Counter
from pathlib import Path

import numpy as np

from pysid.errors import DataError
from pysid.io.ark.bulk import read_vector_matrix
from pysid.io.tables import read_utt2spk


def read_labelled_vectors(
    source: str, utt2spk: Path, min_utterances: int = 1, *, windows: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, D) float32 and the speaker of each, (N,), of speakers with `min_utterances` utterances or more.

    Args:
        windows: vectors are of windows, named UTTERANCE-start-end.

    Raises:
        DataError: a vector without a speaker or that is not finite, vectors of different dimensions, or none left.
    """
    speakers = read_utt2spk(utt2spk)
    keys, vectors = read_vector_matrix(source)
    if not keys:
        raise DataError(f"{source}: expected vectors, got none")
    utterances = [key.rsplit("-", 2)[0] for key in keys] if windows else keys
    for key, utterance in zip(keys, utterances, strict=True):
        if utterance not in speakers:
            raise DataError(f"{source}: the vector {key!r} has no speaker in {utt2spk}")
    infinite = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(infinite):
        raise DataError(f"{source}: {keys[infinite[0]]}: the vector holds a NaN or an infinity")
    counts = Counter(speakers[name] for name in set(utterances))
    names = np.array([speakers[name] for name in utterances])
    kept = np.array([counts[name] >= min_utterances for name in names.tolist()])
    if not kept.any():
        raise DataError(f"{source}: no speaker has {min_utterances} utterances or more")
    return (vectors, names) if kept.all() else (vectors[kept], names[kept])
