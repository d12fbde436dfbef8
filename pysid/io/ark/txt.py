"""Vectors as plain text, as WeSpeaker writes embeddings.

Each line holds a name and the numbers of its vector, with or without Kaldi's brackets:

    utt1 0.25 -1.5 3e-2
    utt2  [ 0.5 0.125 1 ]

A file of one number a line is one vector, named after the file. Source: WeSpeaker,
runtime/core/bin/extract_emb_main.cc, and numpy.savetxt in wespeaker/cli/speaker.py.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pysid.errors import DataError
from pysid.io.files import name_text
from pysid.io.text import ANY_NUMBER, RowFormat, read_rows, shorten

_LINE = RowFormat("name number number ...", ANY_NUMBER)


def read_txt(path: str | os.PathLike[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (key, (D,) float32) pairs, in order.

    Raises:
        DataError: the file is missing, or a line is not a name with numbers, or one number where the first line is.
    """
    single: list[float] = []
    for i, (number, fields) in enumerate(read_rows(path, _LINE)):
        values = fields[1:] if len(fields) > 1 else fields
        values = values[1:-1] if (values[0], values[-1]) == ("[", "]") else values
        try:
            if (len(fields) == 1) != bool(single) and i:
                raise ValueError
            vector = [float(x) for x in values]
        except ValueError:
            expected = "a number" if single else f"'{_LINE.expected}'"
            raise DataError(f"{path}:{number}: expected {expected}, got {shorten(' '.join(fields))}") from None
        if len(fields) > 1:
            yield fields[0], np.array(vector, np.float32)
        else:
            single += vector
    if single:
        yield name_text(Path(path).stem), np.array(single, np.float32)
