"""Kaldi's files of mixtures of Gaussians, i-vector extractors, and the statistics that train them.

Source: the functions Read and Write of kaldi/src/gmm/{diag-gmm,full-gmm,mle-diag-gmm,mle-full-gmm}.cc and
ivector/ivector-extractor.cc.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pysid.errors import DataError
from pysid.io.kaldi.reader import Floats, Reader, Writer
from pysid.ivector.diag_gmm import DiagGmm
from pysid.ivector.extractor import IvectorExtractor
from pysid.ivector.extractor_stats import ExtractorStats
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.gmm_stats import GmmStats

V = TypeVar("V")
Doubles = NDArray[np.float64]


def parse_diag_gmm(reader: Reader) -> DiagGmm:
    """A mixture with diagonal covariances. Its constants are computed and not taken from the file, as in Kaldi.

    Raises:
        DataError: something else, or parts that do not fit together.
    """
    start = reader.position
    reader.expect("<DiagGMM>", "<DiagGMMBegin>")
    weights = _weights(reader)
    reader.expect("<MEANS_INVVARS>")
    means_invvars = reader.matrix().astype(np.float32)
    reader.expect("<INV_VARS>")
    inv_vars = reader.matrix().astype(np.float32)
    reader.expect("</DiagGMM>", "<DiagGMMEnd>")
    return _made(reader, start, lambda: DiagGmm(weights, means_invvars, inv_vars))


def write_diag_gmm(writer: Writer, gmm: DiagGmm) -> None:
    """Writes a mixture with diagonal covariances, as `gmm-global-*` do."""
    writer.token("<DiagGMM>")
    writer.newline()
    _write_weights(writer, gmm.gconsts, gmm.weights)
    writer.token("<MEANS_INVVARS>")
    writer.matrix(gmm.means_invvars)
    writer.token("<INV_VARS>")
    writer.matrix(gmm.inv_vars)
    writer.token("</DiagGMM>")
    writer.newline()


def parse_full_gmm(reader: Reader) -> FullGmm:
    """A mixture with full covariances; as `parse_diag_gmm`."""
    start = reader.position
    reader.expect("<FullGMM>", "<FullGMMBegin>")
    weights = _weights(reader)
    reader.expect("<MEANS_INVCOVARS>")
    means_invcovars = reader.matrix().astype(np.float32)
    reader.expect("<INV_COVARS>")
    inv_covars = _stack(reader, [reader.packed().astype(np.float32) for _ in weights])
    reader.expect("</FullGMM>", "<FullGMMEnd>")

    def make() -> FullGmm:
        gmm = FullGmm(weights, means_invcovars, inv_covars)
        _ = gmm.gconsts  # which need covariances that are positive definite
        return gmm

    return _made(reader, start, make)


def write_full_gmm(writer: Writer, gmm: FullGmm) -> None:
    """Writes a mixture with full covariances, as `fgmm-global-*` do."""
    writer.token("<FullGMM>")
    writer.newline()
    _write_weights(writer, gmm.gconsts, gmm.weights)
    writer.token("<MEANS_INVCOVARS>")
    writer.matrix(gmm.means_invcovars)
    writer.token("<INV_COVARS>")
    for inv_covar in gmm.inv_covars:
        writer.packed(inv_covar)
    writer.token("</FullGMM>")
    writer.newline()


def parse_gmm_stats(reader: Reader) -> GmmStats:
    """Statistics of a mixture, of either kind.

    Raises:
        DataError: something else.
    """
    start = reader.position
    reader.expect("<GMMACCS>")
    reader.expect("<VECSIZE>")
    dim = reader.integer()
    reader.expect("<NUMCOMPONENTS>")
    n = reader.integer()
    reader.expect("<FLAGS>")
    flags = reader.uint16()
    occupancy, first, second = np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0))
    while (token := reader.token()) != "</GMMACCS>":
        if token == "<OCCUPANCY>":
            occupancy = reader.vector().astype(np.float64)
        elif token == "<MEANACCS>":
            first = reader.matrix().astype(np.float64)
        elif token == "<DIAGVARACCS>":
            second = reader.matrix().astype(np.float64)
        elif token == "<FULLVARACCS>" and first.shape == (n, dim) and len(occupancy) == n:
            centred = _stack(reader, [reader.packed().astype(np.float64) for _ in range(n)])
            used = np.where(occupancy != 0, occupancy, np.inf)[:, None, None]
            second = centred + first[:, :, None] * first[:, None] / used
        else:
            raise reader.error(f"a part of statistics of a mixture and not {token}", start)
    if (
        len(occupancy) != n
        or (first.size and first.shape != (n, dim))
        or (second.size and second.shape[:2] != (n, dim))
    ):
        raise reader.error(f"statistics of {n} Gaussians of {dim} dimensions", start)
    return GmmStats(flags, occupancy, first, second)


def write_gmm_stats(writer: Writer, stats: GmmStats, dim: int) -> None:
    """Writes statistics of features of `dim` dimensions, in single precision.

    Args:
        writer: of either format.
        stats: of a mixture.
        dim: of the features.
    """
    writer.token("<GMMACCS>")
    writer.token("<VECSIZE>")
    writer.integer(dim)
    writer.token("<NUMCOMPONENTS>")
    writer.integer(len(stats.occupancy))
    writer.token("<FLAGS>")
    writer.uint16(stats.flags)
    writer.token("<OCCUPANCY>")
    writer.vector(stats.occupancy.astype(np.float32))
    writer.token("<MEANACCS>")
    writer.matrix(stats.first.astype(np.float32))
    if stats.second.ndim == 2:
        writer.token("<DIAGVARACCS>")
        writer.matrix(stats.second.astype(np.float32))
    elif stats.second.size:
        writer.token("<FULLVARACCS>")
        for occupancy, first, second in zip(stats.occupancy, stats.first, stats.second, strict=True):
            centred = second - np.outer(first, first) / occupancy if occupancy else second
            writer.packed(centred.astype(np.float32))
    writer.token("</GMMACCS>")


def parse_extractor(reader: Reader) -> IvectorExtractor:
    """An i-vector extractor.

    Raises:
        DataError: something else, or parts that do not fit together.
    """
    start = reader.position
    reader.expect("<IvectorExtractor>")
    reader.expect("<w>")
    weight_projections = _doubles(reader.matrix(np.float64))
    reader.expect("<w_vec>")
    weights = _doubles(reader.vector(np.float64))
    reader.expect("<M>")
    n = reader.integer()
    projections = _stack(reader, [_doubles(reader.matrix(np.float64)) for _ in range(n)])
    reader.expect("<SigmaInv>")
    inv_covars = _stack(reader, [_doubles(reader.packed(np.float64)) for _ in range(n)])
    reader.expect("<IvectorOffset>")
    offset = float(reader.real(np.float64))
    reader.expect("</IvectorExtractor>")
    return _made(reader, start, lambda: IvectorExtractor(projections, inv_covars, weights, weight_projections, offset))


def write_extractor(writer: Writer, extractor: IvectorExtractor) -> None:
    """Writes an i-vector extractor, as `ivector-extractor-init` does."""
    writer.token("<IvectorExtractor>")
    writer.token("<w>")
    writer.matrix(extractor.weight_projections)
    writer.token("<w_vec>")
    writer.vector(extractor.weights)
    writer.token("<M>")
    writer.integer(extractor.n_gaussians)
    for projection in extractor.projections:
        writer.matrix(projection)
    writer.token("<SigmaInv>")
    for inv_covar in extractor.inv_covars:
        writer.packed(inv_covar)
    writer.token("<IvectorOffset>")
    writer.real(np.float64(extractor.prior_offset))
    writer.token("</IvectorExtractor>")


def parse_extractor_stats(reader: Reader) -> ExtractorStats:
    """Statistics of an i-vector extractor. Raises DataError for something else."""
    reader.expect("<IvectorExtractorStats>")
    reader.expect("<TotAuxf>")
    auxiliary = float(reader.real(np.float64))
    reader.expect("<gamma>")
    occupancy = _doubles(reader.vector(np.float64))
    reader.expect("<Y>")
    products = _stack(reader, [_doubles(reader.matrix(np.float64)) for _ in range(reader.integer())])
    vector_scatter, weight_quadratic, weight_linear = (_named_matrix(reader, token) for token in ("<R>", "<Q>", "<G>"))
    reader.expect("<S>")
    scatter = _stack(reader, [_doubles(reader.packed(np.float64)) for _ in range(reader.integer())])
    reader.expect("<NumIvectors>")
    n_vectors = float(reader.real(np.float64))
    reader.expect("<IvectorSum>")
    vector_sum = _doubles(reader.vector(np.float64))
    reader.expect("<IvectorScatter>")
    scatter_sum = _doubles(reader.packed(np.float64))
    reader.expect("</IvectorExtractorStats>")
    lower = scatter_sum[np.tril_indices(len(scatter_sum))]
    return ExtractorStats(
        auxiliary,
        occupancy,
        products,
        vector_scatter,
        weight_quadratic,
        weight_linear,
        scatter,
        n_vectors,
        vector_sum,
        lower,
    )


def write_extractor_stats(writer: Writer, stats: ExtractorStats) -> None:
    """Writes statistics; those of i-vectors' scatter in single precision, as Kaldi does."""
    writer.token("<IvectorExtractorStats>")
    writer.token("<TotAuxf>")
    writer.real(np.float64(stats.auxiliary))
    writer.token("<gamma>")
    writer.vector(stats.occupancy)
    writer.token("<Y>")
    writer.integer(len(stats.features_by_vectors))
    for matrix in stats.features_by_vectors:
        writer.matrix(matrix)
    writer.token("<R>")
    writer.matrix(stats.vector_scatter.astype(np.float32))
    writer.token("<Q>")
    writer.matrix(stats.weight_quadratic.astype(np.float32))
    writer.token("<G>")
    writer.matrix(stats.weight_linear)
    writer.token("<S>")
    writer.integer(len(stats.scatter))
    for matrix in stats.scatter:
        writer.packed(matrix)
    writer.token("<NumIvectors>")
    writer.real(np.float64(stats.n_vectors))
    writer.token("<IvectorSum>")
    writer.vector(stats.vector_sum)
    writer.token("<IvectorScatter>")
    size = len(stats.vector_sum)
    full = np.zeros((size, size))
    full[np.tril_indices(size)] = stats.scatter_sum
    writer.packed(full)
    writer.token("</IvectorExtractorStats>")


def _weights(reader: Reader) -> NDArray[np.float32]:
    if reader.expect("<GCONSTS>", "<WEIGHTS>") == "<GCONSTS>":
        reader.vector()
        reader.expect("<WEIGHTS>")
    return reader.vector().astype(np.float32)


def _write_weights(writer: Writer, gconsts: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
    writer.token("<GCONSTS>")
    writer.vector(gconsts)
    writer.token("<WEIGHTS>")
    writer.vector(weights)


def _named_matrix(reader: Reader, token: str) -> Doubles:
    reader.expect(token)
    return _doubles(reader.matrix(np.float64))


def _doubles(values: Floats) -> Doubles:
    return values.astype(np.float64)


def _stack(reader: Reader, matrices: list[NDArray[V]]) -> NDArray[V]:  # type: ignore[type-var]
    """Matrices of one shape as an array; of none, (0, 0, 0)."""
    if not matrices:
        return np.zeros((0, 0, 0))  # type: ignore[return-value]
    if len({matrix.shape for matrix in matrices}) > 1:
        raise reader.error("matrices of one size before this")
    return np.stack(matrices)


def _made(reader: Reader, start: int, make: Callable[[], V]) -> V:
    """What `make` returns; errors get the file's name."""
    try:
        return make()
    except ValueError as error:
        raise DataError(f"{reader.where(start)}: {error}") from None
