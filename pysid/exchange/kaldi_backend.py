"""Kaldi files of the back-end: vectors (`mean.vec`), matrices (`transform.mat`) and PLDA models (`plda`)."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pysid.backend.plda import Plda
from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.kaldi.files import new_writer, open_reader, write_file
from pysid.io.kaldi.reader import Floats, Reader, Writer


def read_vector(path: PathLike, dtype: DTypeLike = np.float32) -> Floats:
    """A vector, (n,). Binary files keep their own width; `dtype` is for text. Raises DataError."""
    return open_reader(path).vector(dtype).copy()


def read_matrix(path: PathLike, dtype: DTypeLike = np.float32) -> Floats:
    """A matrix, (rows, columns), compressed ones too. Binary files keep their own width. Raises DataError."""
    return open_reader(path).matrix(dtype).copy()


def write_vector(path: PathLike, vector: ArrayLike, *, binary: bool = True) -> None:
    """Writes (n,) numbers, float64 as double and anything else as float. Kaldi's own vectors are float.

    Args:
        path: where to.
        vector: (n,).
        binary: or Kaldi's text.
    """
    writer = new_writer(binary)
    writer.vector(_floats(vector, n_axes=1))
    write_file(writer, path)


def write_matrix(path: PathLike, matrix: ArrayLike, *, binary: bool = True) -> None:
    """Writes (rows, columns) numbers, float64 as double and anything else as float.

    Args:
        path: where to.
        matrix: (rows, columns).
        binary: or Kaldi's text.
    """
    writer = new_writer(binary)
    writer.matrix(_floats(matrix, n_axes=2))
    write_file(writer, path)


def read_plda(path: PathLike) -> Plda:
    """A PLDA model. Source: kaldi/src/ivector/plda.cc, Plda::Read.

    Raises:
        DataError: the file is not a PLDA model, or its parts do not fit together.
    """
    return parse_plda(open_reader(path))


def parse_plda(reader: Reader) -> Plda:
    """`read_plda` of content that is already in memory."""
    start = reader.position
    reader.expect("<Plda>")
    mean, transform, psi = reader.vector(np.float64), reader.matrix(np.float64), reader.vector(np.float64)
    reader.expect("</Plda>")
    try:
        return Plda.from_parameters(mean, transform, psi)
    except DataError as error:
        raise DataError(f"{reader.where(start)}: {error}") from None


def write_plda(path: PathLike, plda: Plda, *, binary: bool = True) -> None:
    """Writes a fitted PLDA model as Kaldi does, in double precision.

    Args:
        path: where to.
        plda: fitted.
        binary: or Kaldi's text.
    """
    writer = new_writer(binary)
    put_plda(writer, plda)
    write_file(writer, path)


def put_plda(writer: Writer, plda: Plda) -> None:
    """`write_plda` into a writer."""
    writer.token("<Plda>")
    writer.vector(plda.mean_)
    writer.matrix(plda.transform_)
    writer.vector(plda.psi_)
    writer.token("</Plda>")


def _floats(values: ArrayLike, n_axes: int) -> Floats:
    array = np.asarray(values)
    if array.ndim != n_axes:
        raise ValueError(f"expected {n_axes} axes, got an array of shape {array.shape}")
    return array if array.dtype == np.float64 else array.astype(np.float32, copy=False)
