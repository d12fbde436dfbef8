"""Kaldi's x-vector extraction with its own network files."""

from torch import nn

from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import RELATIVE, Row, compare
from pysid.embedding.extract import ExtractConfig, extract
from pysid.errors import DataError
from pysid.kaldi.nnet3_graph import load_nnet3
from pysid.kaldi.xvector import load_xvector

XVECTOR_BOUND = 1e-4


def xvector_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """nnet3-xvector-compute: by the network as it stands in the file, and by our own `XVector`, if plain."""
    features = reference.matrices(command.archive())
    kaldis = reference.vectors(name)
    config = extract_config(command)
    rows = []
    for kind, network in networks(reference, command).items():
        ours = dict(extract(network.eval(), features.items(), config, on_skip=lambda key, reason: None))
        case = f"{name} ({kind})"
        rows.append(compare("nnet3 x-vectors", case, ours, kaldis, RELATIVE, XVECTOR_BOUND))
    return rows


def networks(reference: Reference, command: Command) -> dict[str, nn.Module]:
    """The ways to run the network of a command, by name."""
    (copy,) = reference.pipeline(command.arguments[0])  # nnet3-copy --nnet-config=extract.config final.raw -
    paths = reference.path(copy.arguments[0]), reference.path(copy.options["nnet-config"])
    ways: dict[str, nn.Module] = {"Nnet3Graph": load_nnet3(*paths)}
    try:
        ways["XVector"] = load_xvector(*paths)
    except DataError:  # factorised layers and the like; only plain networks can be one
        pass
    return ways


def extract_config(command: Command) -> ExtractConfig:
    """The chunk options of a command; the program's own defaults are not the recipe's."""
    return ExtractConfig(
        chunk_size=int(command.options.get("chunk-size", -1)),
        min_chunk_size=int(command.options.get("min-chunk-size", 100)),
        pad_input=command.options.get("pad-input", "true") == "true",
    )
