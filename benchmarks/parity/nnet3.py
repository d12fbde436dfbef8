"""Kaldi's x-vector extraction with its own network files."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np
from torch import nn

from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import RELATIVE, Row, compare
from pysid.embedding.extract import ExtractConfig, extract
from pysid.errors import DataError
from pysid.nnet3.graph import load_nnet3
from pysid.nnet3.to_xvector import load_xvector

XVECTOR_BOUND = 1e-4

Arrays = Mapping[str, np.ndarray]


def xvector_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """nnet3-xvector-compute: by the network as it is in the file, and by our own `XVector`, if it is a plain one."""
    features = reference.matrices(command.archive())
    kaldis = reference.vectors(name)
    config = extract_config(command)
    rows = []
    for kind, network in networks(reference, command).items():
        ours = dict(extract(network.eval(), features.items(), config, on_skip=lambda key, reason: None))
        rows += _rows_of(f"{name} ({kind})", features, ours, kaldis)
    return rows


def _rows_of(case: str, features: Arrays, ours: Arrays, kaldis: Arrays) -> list[Row]:
    """One row for utterances that vary over time, and one, without a bound, for those of a single frame, if any.

    A single frame is repeated until there are enough. Its standard deviations are zero, so what Kaldi pools is
    the rounding noise of its matrix products: a network run in double is up to 2e-4 away from it, too.
    """
    (ours_rest, ours_single), (kaldis_rest, kaldis_single) = (
        split_single(vectors, features) for vectors in (ours, kaldis)
    )
    rows = [compare("nnet3 x-vectors", case, ours_rest, kaldis_rest, RELATIVE, XVECTOR_BOUND)]
    if kaldis_single:
        row = compare("x-vectors of one frame", case, ours_single, kaldis_single, RELATIVE, bound=None)
        rows.append(replace(row, remark=f"nothing varies: only rounding; {row.remark}"))
    return rows


def split_single(vectors: Arrays, features: Arrays) -> tuple[Arrays, Arrays]:
    """The embeddings of utterances of several frames, and of those of one."""
    single = {key: vector for key, vector in vectors.items() if len(features[key]) == 1}
    return {key: vector for key, vector in vectors.items() if key not in single}, single


def networks(reference: Reference, command: Command) -> dict[str, nn.Module]:
    """The ways to run the network of a command, by name."""
    (copy,) = reference.pipeline(command.arguments[0])  # nnet3-copy --nnet-config=extract.config final.raw -
    paths = reference.path(copy.arguments[0]), reference.path(copy.options["nnet-config"])
    ways: dict[str, nn.Module] = {"Nnet3Graph": load_nnet3(*paths)}
    with suppress(DataError):  # only plain networks can become one; those with factorised layers cannot
        ways["XVector"] = load_xvector(*paths)
    return ways


def extract_config(command: Command) -> ExtractConfig:
    """The chunk options of a command; the program's own defaults are not the recipe's."""
    return ExtractConfig(
        chunk_size=int(command.options.get("chunk-size", -1)),
        min_chunk_size=int(command.options.get("min-chunk-size", 100)),
        pad_input=command.options.get("pad-input", "true") == "true",
    )
