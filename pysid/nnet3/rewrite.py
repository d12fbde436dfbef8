"""What reading and writing does to a network's statistics in Kaldi: the last digits change.

Files hold means, and Kaldi works with sums: a count times the mean, added up in double precision, and written in
single precision after a division. Source: NonlinearComponent::Read and Write in kaldi/src/nnet3/
nnet-component-itf.cc, those of BatchNormComponent in nnet-normalize-component.cc.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pysid.nnet3.components import ComponentRecord
from pysid.nnet3.file import Nnet3Model


def as_rewritten(model: Nnet3Model) -> Nnet3Model:
    """The network as Kaldi's `nnet3-copy` would write it."""
    with np.errstate(all="ignore"):
        components = {name: _rewritten(record) for name, record in model.components.items()}
    return replace(model, components=components)


def read_directly(model: Nnet3Model) -> Nnet3Model:
    """The network as a program of Kaldi's reads it from a file that `nnet3-copy` wrote, or without that program."""
    components = {name: replace(record, n_rewrites=1) for name, record in model.components.items()}
    return replace(model, components=components)


def rewritten_moments(
    mean: NDArray, variance: NDArray, count: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and variance after they are read to sums and written again, which costs the last digits.

    Args:
        mean, variance: (D,) as they were stored.
        count: frames that they are of.
    Source: BatchNormComponent::Read, Write and ComputeDerived.
    """
    mean, variance, each = mean.astype(np.float64), variance.astype(np.float64), np.float32(1 / count)
    mean_32 = (mean * count).astype(np.float32) * each
    square_32 = ((variance + mean**2) * count).astype(np.float32) * each
    return mean_32, square_32 - mean_32**2


def _rewritten(record: ComponentRecord) -> ComponentRecord:
    fields = dict(record.fields)
    if record.type == "BatchNormComponent" and float(fields.get("Count", 0)) > 0:
        moments = rewritten_moments(fields["StatsMean"], fields["StatsVar"], float(fields["Count"]))
        fields["StatsMean"], fields["StatsVar"] = moments
    elif "ValueAvg" in fields and "Count" in fields:
        for key in ("ValueAvg", "DerivAvg"):
            fields[key] = _rewritten_mean(fields[key], float(fields["Count"]))
        if "OderivRms" in fields:
            squares = fields["OderivRms"].astype(np.float64) ** 2
            fields["OderivRms"] = np.sqrt(_rewritten_mean(squares, float(fields.get("OderivCount", 0))))
    return replace(record, fields=fields)


def _rewritten_mean(mean: NDArray, count: float) -> NDArray[np.float32]:
    if count == 0:
        return np.zeros(mean.shape, np.float32)
    return (mean.astype(np.float64) * count).astype(np.float32) * np.float32(1 / count)
