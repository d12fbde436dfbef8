"""Kaldi's x-vector packages as model directories; `to_kaldi` is the way back."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np

from pysid._version import __version__
from pysid.backend.chain import Backend, CosineBackend, PldaBackend
from pysid.backend.projection import Projection
from pysid.embedding.extract import ExtractConfig
from pysid.errors import DataError
from pysid.exchange.from_tensorflow import read_network
from pysid.exchange.kaldi_backend import read_matrix, read_plda, read_vector
from pysid.exchange.kaldi_package import TENSORFLOW, Choices, PackageFiles, find_files, read_count
from pysid.frontend import CmvnConfig, FbankConfig, FrontendConfig, MfccConfig, VadConfig
from pysid.io.files import PathLike, atomic_directory, atomic_text, read_bytes
from pysid.io.kaldi.options import read_option_file
from pysid.io.kaldi.reader import Floats
from pysid.model.config import ModelConfig
from pysid.model.network_file import NNET3_FILE, Network
from pysid.model.speaker_model import SpeakerModel
from pysid.nnet3.components import ComponentRecord
from pysid.nnet3.config_lines import ComponentNode, ConfigLine, OutputNode, parse_config_line, read_config_lines
from pysid.nnet3.file import Nnet3Model
from pysid.nnet3.network import Nnet3Network
from pysid.nnet3.to_xvector import make_xvector

Config = TypeVar("Config")

KALDI_CMVN = CmvnConfig(window=300, center=True)  # as in the scripts; no file of a package says it


@dataclass(frozen=True, eq=False)
class Converted:
    """A package as a model.

    Attributes:
        model: the model, on the CPU.
        files: what it was made of.
        graph: the network in Kaldi's form; None of one of TensorFlow.
        not_plain: why the network is kept in Kaldi's form; None where it became an `XVector`.
    """

    model: SpeakerModel
    files: PackageFiles
    graph: Nnet3Network | None
    not_plain: str | None

    def summary(self) -> str:
        """One line: the kinds and sizes of the parts."""
        network = "an x-vector network" if self.not_plain is None else "a network in Kaldi's form"
        config, backend = self.model.config, "no back-end"
        if self.model.backend is not None:
            backend = "PLDA" if isinstance(self.model.backend, PldaBackend) else "cosine scores"
        return (
            f"{network} of {config.network.embedding_dim} dimensions, {backend}, for audio of {config.sample_rate} Hz"
        )

    def save(self, directory: PathLike, nnet_dir: PathLike) -> None:
        """Writes the model directory, with the network's file for the way back and a README.md.

        Raises:
            DataError: the folder exists and is not empty.
        """
        with atomic_directory(directory) as folder:
            self.model.save(folder)
            if self.graph is not None:
                (folder / NNET3_FILE).write_bytes(self.graph.content)
            with atomic_text(folder / "README.md") as readme:
                readme.write(_readme(self, Path(directory).name, Path(nnet_dir)))


def read_package(nnet_dir: PathLike, choices: Choices | None = None) -> Converted:
    """Reads a package.

    Args:
        nnet_dir: the folder of its network, such as exp/xvector_nnet_1a.
    Raises:
        DataError: a file is missing or broken, or two of them do not fit each other.
    """
    files = find_files(Path(nnet_dir), choices := choices or Choices())
    network: Network
    graph, not_plain = None, None
    if files.network.name == Path(TENSORFLOW).name:
        network = read_network(files.network)
        chunks = _chunks(files, network.config.context)
    else:
        extract = _extract_lines(files, choices.output_node)
        graph = Nnet3Network(read_bytes(files.network), str(files.network), extract)
        _check_output(graph.model, files)
        chunks = _chunks(files, graph.config.context)
        network, not_plain = _simplest(graph, chunks)
    feature_dim, embedding_dim = network.config.feature_dim, network.config.embedding_dim
    frontend = _frontend(files, choices.cmvn)
    if frontend.dim != feature_dim:
        raise DataError(
            f"{files.features}: expected {feature_dim} features a frame, as {files.network} reads, got {frontend.dim}"
        )
    backend = _backend(files, embedding_dim)
    config = ModelConfig(frontend, network.config, chunks)
    return Converted(SpeakerModel(config, network, backend), files, graph, not_plain)


def _extract_lines(files: PackageFiles, output_node: str | None) -> list[ConfigLine]:
    if output_node is not None:
        return [parse_config_line(f"output-node name=output input={output_node}", "--output-node")]
    return [] if files.extract_config is None else read_config_lines(files.extract_config)


def _check_output(model: Nnet3Model, files: PackageFiles) -> None:
    """Raises DataError where the network gives out probabilities of its training speakers."""
    for name in _output(model)[1].input.nodes():
        record = _component(model, name)
        if record is not None and record.type in ("SoftmaxComponent", "LogSoftmaxComponent"):
            found = "no extract.config" if files.extract_config is None else "one that leaves it there"
            raise DataError(
                f"{files.network}: the output, {name}, is of speakers in training: expected an extract.config that "
                f"names the node of the embedding, got {found}; or give --output-node NODE, such as tdnn6.affine"
            )


def _output(model: Nnet3Model) -> tuple[ConfigLine, OutputNode]:
    """The line of the output, and what it says."""
    found = ((line, line.node) for line in model.lines if isinstance(line.node, OutputNode))
    return next((line, node) for line, node in found if node.name == "output")


def _component(model: Nnet3Model, node: str) -> ComponentRecord | None:
    """The component of a node, where it has one."""
    for line in model.lines:
        if line.node.name == node and isinstance(line.node, ComponentNode):
            return model.components[line.node.component]
    return None


def _chunks(files: PackageFiles, context: int) -> ExtractConfig:
    shortest, longest = read_count(files.min_chunk_size), read_count(files.max_chunk_size)
    if shortest <= context:
        raise DataError(
            f"{files.min_chunk_size}: expected more than the network's context of {context}, got {shortest}"
        )
    if longest != -1 and longest < shortest:
        raise DataError(
            f"{files.max_chunk_size}: expected -1, or at least the {shortest} of min_chunk_size, got {longest}"
        )
    return ExtractConfig(longest, shortest)


def _simplest(graph: Nnet3Network, chunks: ExtractConfig) -> tuple[Network, str | None]:
    """The network as an `XVector` where that is the same; else as it is, and why."""
    for record in graph.model.components.values():
        if record.type == "StatisticsPoolingComponent" and not 0 < chunks.chunk_size <= record["RightContext"] + 1:
            return graph, f"its pooling sees {record['RightContext'] + 1} frames, and chunks may be longer"
    try:
        return make_xvector(graph.model, _output(graph.model)[0]), None
    except DataError as error:
        reason = str(error).partition("; ")[0]  # what follows is for programmers
        return graph, reason.replace(graph.source, Path(graph.source).name)


def _frontend(files: PackageFiles, cmvn: bool) -> FrontendConfig:
    features: MfccConfig | FbankConfig
    if files.has_fbank:
        features = _configured(FbankConfig.from_kaldi, files.features)
    else:
        features = _configured(MfccConfig.from_kaldi, files.features)
    vad = None if files.vad is None else _configured(VadConfig.from_kaldi, files.vad)
    try:
        return FrontendConfig(features=replace(features, dither=0.0), vad=vad, cmvn=KALDI_CMVN if cmvn else None)
    except ValueError as error:
        raise DataError(f"{files.features} and {files.vad}: {error}; --vad-conf none keeps all frames") from None


def _configured(from_options: Callable[[dict[str, str]], Config], path: Path) -> Config:
    options = read_option_file(path)
    try:
        return from_options(options)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _backend(files: PackageFiles, embedding_dim: int) -> Backend | None:
    mean = None if files.mean is None else _finite(read_vector(files.mean), files.mean)
    transform = None if files.transform is None else _finite(read_matrix(files.transform), files.transform)
    if mean is not None and len(mean) != embedding_dim:
        raise DataError(f"{files.mean}: expected the {embedding_dim} dimensions of the embedding, got {len(mean)}")
    if transform is not None and (len(transform) == 0 or transform.shape[1] - embedding_dim not in (0, 1)):
        raise DataError(
            f"{files.transform}: expected {embedding_dim} columns, or one more, for embeddings of as many dimensions, "
            f"got {transform.shape[1]}"
        )
    if files.plda is not None:
        plda, dim = read_plda(files.plda), embedding_dim if transform is None else len(transform)
        if plda.dim != dim:
            source = "the embedding" if files.transform is None else files.transform
            raise DataError(f"{files.plda}: expected a PLDA model of the {dim} dimensions of {source}, got {plda.dim}")
        return PldaBackend.from_parts(plda, mean, transform)
    if mean is None and transform is None:
        return None
    return CosineBackend.of(Projection.from_parts(mean, transform, length_norm=False))


def _finite(values: Floats, path: Path) -> Floats:
    if not np.isfinite(values).all():
        raise DataError(f"{path}: expected finite numbers, got a NaN or an infinity")
    return values


def _readme(converted: Converted, title: str, nnet_dir: Path) -> str:
    """Where a model came from, and what it does that no file of the package says."""
    config, kept, graph = converted.model.config, converted.not_plain, converted.graph
    node = "the first affine layer after pooling" if graph is None else f"the node {_output(graph.model)[1].input}"
    cmvn = "none"
    if config.frontend.cmvn is not None:
        cmvn = "sliding over 300 frames, centred, means only, as in Kaldi's sid/nnet3/xvector/extract_xvectors.sh"
    lines = [
        f"# {title}",
        "",
        f"Converted by pysid {__version__} from a Kaldi x-vector package. Its data and its licence are those of that "
        "package; please name them here.",
        "",
        "| file | SHA-256 |",
        "|---|---|",
        *(
            f"| {os.path.relpath(x, nnet_dir)} | {sha256(read_bytes(x)).hexdigest()} |"
            for x in converted.files.existing()
        ),
        "",
        f"- Audio: {config.sample_rate} Hz. Embedding: {config.network.embedding_dim} dimensions, {node} "
        "of the network.",
        "- Dither: none. Kaldi dithers at random unless it is told not to, so its own numbers vary.",
        f"- Normalisation: {cmvn}.",
        f"- Chunks: of {config.extract.chunk_size} frames at most; those of fewer than "
        f"{config.extract.min_chunk_size} are padded.",
    ]
    if graph is not None:
        lines += [
            f"- `{NNET3_FILE}` is the package's network, byte for byte. "
            + (
                f"It is run as it is: {kept}."
                if kept
                else "It is kept for the way back: `pysid convert-kaldi --reverse`."
            ),
        ]
    return "".join(f"{line}\n" for line in lines)
