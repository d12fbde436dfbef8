"""A PLDA model that lies beside the model of another toolkit, as its back-end: Kaldi's files, and WeSpeaker's HDF5.

Source: WeSpeaker, wespeaker/utils/plda/two_cov_plda.py (TwoCovPLDA.load_model, eval_sv).
"""

from pathlib import Path
from typing import Any

import numpy as np

from pysid.backend.chain import Backend, CosineBackend, PldaBackend
from pysid.backend.plda import Plda
from pysid.backend.projection import Projection
from pysid.errors import DataError, one_line
from pysid.exchange.kaldi_backend import read_plda, read_vector

HDF5 = b"\x89HDF\r\n\x1a\n"
MOST_DIMENSIONS = 10_000
WESPEAKER = "WeSpeaker"


def read_backend(plda: Path | None, mean: Path | None, embedding_dim: int, toolkit: str) -> Backend:
    """The back-end that a PLDA model, a mean of embeddings, or both make; cosine without the former.

    WeSpeaker normalises lengths where its own file says so, and never with a file of Kaldi's; for other toolkits
    a file of Kaldi's is used as Kaldi does, with lengths normalised before and after.

    Args:
        plda: Kaldi's `plda`, or that of WeSpeaker's `train_plda.py`, for which h5py must be installed.
        mean: subtracted from the embeddings first: Kaldi's `mean.vec`, or WeSpeaker's `mean_vec.npy`.
        embedding_dim: of the network.
        toolkit: that the network is of.
    Raises:
        DataError: a file is missing, damaged, or of other embeddings.
    """
    centre = None if mean is None else _read_mean(mean)
    if centre is not None and len(centre) != embedding_dim:
        raise DataError(f"{mean}: expected the {embedding_dim} dimensions of the embedding, got {len(centre)}")
    if plda is None:
        return CosineBackend.of(Projection.from_parts(centre, length_norm=False))
    with _open(plda) as file:
        start = file.read(len(HDF5))
    if start == HDF5:
        model, normalised = _read_hdf5(plda)
        simple = True
    else:
        model, normalised, simple = read_plda(plda), toolkit != WESPEAKER, False
    if model.dim != embedding_dim:
        raise DataError(
            f"{plda}: expected a PLDA model of {embedding_dim} dimensions, as the network's, got {model.dim}"
        )
    kind = None if not normalised else "simple" if simple else "kaldi"
    return PldaBackend.from_parts(model, centre, length_norm=normalised, plda_length_norm=kind)  # type: ignore[arg-type]


def _open(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None


def _read_mean(path: Path) -> np.ndarray:
    if path.suffix != ".npy":
        found = read_vector(path, np.float64)
    else:
        try:
            found = np.load(path, allow_pickle=False)
        except OSError as error:
            raise DataError(f"{path}: cannot read the file: {error.strerror or one_line(error)}") from None
        except Exception as error:  # a damaged file makes zipfile and NumPy raise almost anything
            raise DataError(f"{path}: expected an array of NumPy, got: {one_line(error)}") from None
        if not isinstance(found, np.ndarray):
            raise DataError(f"{path}: expected one array of NumPy, got an archive of several")
    if found.ndim != 1 or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise DataError(f"{path}: expected a vector of finite numbers, got {found.dtype} of the shape {found.shape}")
    return np.asarray(found, np.float64)


def _read_hdf5(path: Path) -> tuple[Plda, bool]:
    """The model, and whether lengths are normalised."""
    try:
        import h5py
    except ImportError:
        raise DataError(f"{path}: is a PLDA model in HDF5, for which the package h5py is needed") from None
    try:
        with h5py.File(path, "r") as file:
            mean, transform, psi = (_numbers(file, name, path) for name in ("mu", "transform", "psi"))
            normalised = bool(np.asarray(file["normalize_length"]))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected a PLDA model of WeSpeaker, got: {one_line(error)}") from None
    try:
        return Plda.from_parameters(mean, transform, psi), normalised
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _numbers(file: Any, name: str, path: Path) -> np.ndarray:
    found = file[name]
    shape = tuple(found.shape)
    if len(shape) != (2 if name == "transform" else 1) or max(shape) > MOST_DIMENSIONS or found.dtype.kind != "f":
        raise DataError(f"{path}: expected numbers of at most {MOST_DIMENSIONS} dimensions as {name}, got {shape}")
    return np.asarray(found, np.float64)
