"""Labelled embeddings: vectors with their speakers."""

from collections import Counter
from pathlib import Path

import numpy as np

from pysid.errors import DataError
from pysid.io.ark import read_vectors
from pysid.io.tables import read_utt2spk


def read_labelled_vectors(
    source: str, utt2spk: Path, min_utterances: int = 1, *, windows: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, D) float32 and the speaker of each, (N,), of speakers with `min_utterances` utterances or more.

    Args:
        windows: vectors are of windows, named UTTERANCE-start-end.

    Raises:
        DataError: a vector without a speaker or that is not finite, vectors of unlike dimensions, or none left.
    """
    speakers = read_utt2spk(utt2spk)
    utterances: list[str] = []
    vectors: list[np.ndarray] = []
    for key, vector in read_vectors(source):
        utterance = key.rsplit("-", 2)[0] if windows else key
        if utterance not in speakers:
            raise DataError(f"{source}: the vector {key!r} has no speaker in {utt2spk}")
        if vectors and len(vector) != len(vectors[0]):
            raise DataError(f"{source}: {key}: expected {len(vectors[0])} numbers as before, got {len(vector)}")
        if not np.isfinite(vector).all():
            raise DataError(f"{source}: {key}: the vector holds a NaN or an infinity")
        utterances.append(utterance)
        vectors.append(vector)
    counts = Counter(speakers[name] for name in set(utterances))
    kept = [i for i, name in enumerate(utterances) if counts[speakers[name]] >= min_utterances]
    if not utterances:
        raise DataError(f"{source}: expected vectors, got none")
    if not kept:
        raise DataError(f"{source}: no speaker has {min_utterances} utterances or more")
    return np.stack([vectors[i] for i in kept]), np.array([speakers[utterances[i]] for i in kept])
