"""Model directories as Kaldi's x-vector packages; `from_kaldi` is the way back."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pysid.backend.chain import Backend, PldaBackend
from pysid.embedding.xvector import XVector
from pysid.errors import DataError
from pysid.exchange.from_kaldi import KALDI_CMVN
from pysid.exchange.kaldi_backend import write_matrix, write_plda, write_vector
from pysid.frontend import FrontendConfig, MfccConfig, VadConfig
from pysid.frontend.kaldi_options import KaldiOption
from pysid.frontend.mel import FBANK_OPTIONS, MFCC_OPTIONS
from pysid.frontend.vad_config import VAD_OPTIONS
from pysid.io.files import PathLike, atomic_directory, read_bytes
from pysid.io.kaldi.files import reader_for
from pysid.io.kaldi.options import write_option_file
from pysid.io.text import write_lines
from pysid.model.directory import WINDOW_BACKEND_FILE
from pysid.model.network_file import NNET3_FILE
from pysid.model.speaker_model import SpeakerModel
from pysid.nnet3.config_lines import parse_config_line
from pysid.nnet3.file import parse_nnet3
from pysid.nnet3.from_xvector import POOLED_FRAMES, export_xvector
from pysid.nnet3.network import Nnet3Network
from pysid.nnet3.to_xvector import make_xvector, segment_nodes


def write_package(path_or_name: PathLike, nnet_dir: PathLike) -> list[str]:
    """Writes a model as the files that Kaldi's scripts take: final.raw, extract.config, plda, conf/mfcc.conf, ...

    A network that came from Kaldi and was not changed since is written as it came. Numbers are written as float where
    that loses nothing, else as double, which Kaldi reads as well.

    Args:
        path_or_name: as in `SpeakerModel.load`.
        nnet_dir: a new or an empty folder.
    Returns:
        What Kaldi's scripts have no place for, or do differently; a sentence each.
    Raises:
        DataError: the model is damaged, or has what Kaldi has not; or the folder is not empty.
    """
    model = SpeakerModel.load(path_or_name)
    directory = model.path
    assert directory is not None
    with atomic_directory(nnet_dir) as folder:
        notes = [
            *_write_network(model, directory, folder),
            *_write_frontend(model.config.frontend, directory, folder / "conf"),
            *_write_backend(model.backend, folder),
        ]
    if (directory / WINDOW_BACKEND_FILE).exists():
        notes.append(f"{WINDOW_BACKEND_FILE}, the back-end for diarization, is left out")
    return notes


def _write_network(model: SpeakerModel, directory: Path, folder: Path) -> list[str]:
    network, chunks, notes = model.network, model.config.extract, []
    if not isinstance(network, XVector | Nnet3Network):
        raise DataError(f"{directory}: expected an x-vector or nnet3 network, got one of kind {network.config.kind!r}")
    if isinstance(network, Nnet3Network):
        content, lines = network.content, list(network.config.extract)
    else:
        content, node = _original(network, directory) or _exported(network, directory, folder)
        lines = [f"output-node name=output input={node}"]
    is_mdl = reader_for(content, "").peek_token() == "<TransitionModel>"
    (folder / ("final.mdl" if is_mdl else "final.raw")).write_bytes(content)
    if lines:
        write_lines(folder / "extract.config", lines)
    longest = chunks.chunk_size
    if isinstance(network, XVector) and not 0 < longest <= POOLED_FRAMES:
        longest = POOLED_FRAMES
        notes.append(f"Kaldi's network pools {longest} frames, so that its scripts cut longer utterances")
    if not chunks.pad_input:
        notes.append("Kaldi's scripts pad chunks of fewer than min_chunk_size frames; this model leaves them out")
    write_lines(folder / "max_chunk_size", [str(longest)])
    write_lines(folder / "min_chunk_size", [str(chunks.min_chunk_size)])
    return notes


def _original(network: XVector, directory: Path) -> tuple[bytes, str] | None:
    """The file that a network was converted from, and the node of its embedding, if the two are still the same."""
    path = directory / NNET3_FILE
    if not path.exists():
        return None
    content = read_bytes(path)
    model = parse_nnet3(reader_for(content, str(path)))
    node = segment_nodes(model)[network.config.embedding_layer]
    then = make_xvector(model, parse_config_line(f"output-node name=output input={node}", str(path)))
    tensors = then.state_dict()
    same = all(torch.equal(x, tensors[name]) for name, x in network.state_dict().items() if name in tensors)
    return (content, node) if then.config == network.config and same else None


def _exported(network: XVector, directory: Path, folder: Path) -> tuple[bytes, str]:
    try:
        export_xvector(network, folder / "final.raw")
    except ValueError as error:
        raise DataError(f"{directory}: {error}") from None
    content = read_bytes(folder / "final.raw")
    nodes = segment_nodes(parse_nnet3(reader_for(content, "final.raw")))
    return content, nodes[network.config.embedding_layer]


def _write_frontend(config: FrontendConfig, directory: Path, folder: Path) -> list[str]:
    name, table = ("mfcc", MFCC_OPTIONS) if isinstance(config.features, MfccConfig) else ("fbank", FBANK_OPTIONS)
    write_option_file(folder / f"{name}.conf", _options(config.features, table, always=("sample_rate", "dither")))
    notes = []
    if isinstance(config.vad, VadConfig):
        write_option_file(
            folder / "vad.conf", _options(config.vad, VAD_OPTIONS, always=[f.name for f in fields(VadConfig)])
        )
    elif config.vad is not None:
        raise DataError(f"{directory}: Kaldi has no voice activity detection of the kind {config.vad.kind!r}")
    else:
        notes.append("this model keeps all frames: give Kaldi's scripts a vad.scp of ones")
    if config.cmvn != KALDI_CMVN:
        notes.append(f"Kaldi's scripts normalise as {KALDI_CMVN}; this model has {config.cmvn}")
    return notes


def _options(config: Any, table: Mapping[str, KaldiOption], always: Collection[str]) -> dict[str, str]:
    """The options of Kaldi's that give a configuration: those without their default, and some always."""
    defaults = {f.name: f.default for f in fields(config)}
    options = {}
    for name, option in table.items():
        if option.field is None:
            continue
        value = getattr(config, option.field)
        if value != defaults[option.field] or option.field in always:
            options[name] = str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
    return options


def _write_backend(backend: Backend | None, folder: Path) -> list[str]:
    if backend is None:
        return ["this model has no back-end: there is no mean.vec, transform.mat or plda"]
    notes = []
    projection = backend.projection
    if projection.mean_ is not None:
        # ivector-mean writes text; 7 digits are enough for what came from there.
        mean = _narrow(projection.mean_)
        as_text = all(np.float32(f"{x:.7g}") == x for x in mean.tolist())
        write_vector(folder / "mean.vec", mean, binary=not as_text)
    if projection.transform_ is not None:
        write_matrix(folder / "transform.mat", _narrow(projection.transform_))
    if isinstance(backend, PldaBackend):
        write_plda(folder / "plda", backend.plda_)
        norms = {"simple": "--simple-length-normalization=true", None: "--normalize-length=false"}
        if backend.plda_length_norm in norms:
            notes.append(f"scores as this model gives need ivector-plda-scoring {norms[backend.plda_length_norm]}")
        if backend.cosine_weight:
            notes.append(
                f"beside PLDA this model scores by {backend.cosine_weight:g} times a cosine, which is left out"
            )
        if backend.group_ is not None:
            notes.append(f"this model takes {backend.group_.discount:g} off scores of two women, which is left out")
        if not projection.length_norm:
            notes.append("scores as this model gives need a pipeline without ivector-normalize-length")
        missing = [name for name in ("mean.vec", "transform.mat") if not (folder / name).exists()]
        notes += [f"there is no {name}: leave its step out of the pipeline" for name in missing]
    else:
        notes.append("this model scores by cosine: there is no plda")
    if backend.calibration_ is not None:
        notes.append("the calibration of scores is left out")
    return notes


def _narrow(values: np.ndarray) -> np.ndarray:
    """As float32 where that loses nothing."""
    narrow = values.astype(np.float32)
    return narrow if (narrow == values).all() else values
