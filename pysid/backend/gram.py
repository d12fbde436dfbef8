"""Symmetric matrices of the form v_i . v_j + b_i + b_j: the scores of all pairs of one set of vectors."""

import numpy as np
from numpy.typing import DTypeLike

from pysid.backend.statistics import row_blocks

BLOCK_ROWS = 1024  # of a square block that is worked out at a time: 8 MiB


def gram_matrix(vectors: np.ndarray, offsets: np.ndarray | None = None, dtype: DTypeLike = np.float32) -> np.ndarray:
    """All v_i . v_j + b_i + b_j, exactly symmetric; the memory beside the result stays bounded.

    Args:
        vectors: (N, D) v; products are taken in their precision.
        offsets: (N,) b; None means 0.
        dtype: of the result.
    Returns:
        (N, N).

    >>> gram_matrix(np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([0.5, 0.0]))
    array([[6. , 6.5],
           [6.5, 9. ]], dtype=float32)
    """
    result = np.empty((len(vectors), len(vectors)), dtype)
    blocks = list(row_blocks(len(vectors), BLOCK_ROWS))
    for number, rows in enumerate(blocks):
        for columns in blocks[number:]:
            block = vectors[rows] @ vectors[columns].T
            if offsets is not None:
                block += offsets[rows, None]
                block += offsets[columns]
            if rows == columns:
                block = (block + block.T) / 2  # rounded alike on both sides of the diagonal
            result[rows, columns] = block
            result[columns, rows] = block.T
    return result
