"""Kaldi's feature programs: features, VAD, CMVN, frame selection, deltas, compressed archives."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import ABSOLUTE, IDENTICAL, Row, compare, share_beyond
from pysid.frontend import (
    CmvnConfig,
    Fbank,
    FbankConfig,
    Mfcc,
    MfccConfig,
    VadConfig,
    add_deltas,
    energy_vad,
    select_frames,
    sliding_cmvn,
)
from pysid.io.ark.compression import AUTOMATIC
from pysid.io.ark.writer import ArkWriter

FEATURE_BOUND = 1e-3
FRAME_BOUND = 1e-4

EXTRACTORS: dict[str, tuple[str, Any, Any]] = {
    "compute-mfcc-feats": ("MFCC", MfccConfig, Mfcc),
    "compute-fbank-feats": ("filter bank", FbankConfig, Fbank),
}


def feature_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """compute-mfcc-feats, compute-fbank-feats: with Kaldi's FFT, then with the faster default."""
    what, config_class, extractor = EXTRACTORS[command.program]
    config = config_class.from_kaldi(command.options)
    kaldis = reference.matrices(name)
    waves = reference.waves(command.archive())
    rows = []
    for kaldi_fft in (True, False):
        module = extractor(replace(config, kaldi_fft=kaldi_fft))
        ours = {key: module(wave)[0].numpy() for key, wave in waves.items()}
        if kaldi_fft:
            rows.append(compare(what, f"{name} (Kaldi FFT)", ours, kaldis, ABSOLUTE, FEATURE_BOUND))
        else:
            rows.append(fast_row(what, name, ours, kaldis))
    return rows


def fast_row(what: str, name: str, ours: Mapping[str, np.ndarray], kaldis: Mapping[str, np.ndarray]) -> Row:
    """The row of features made with an exact FFT: Kaldi's FFT rounds, so the difference has no bound."""
    row = compare(what, f"{name} (fast FFT)", ours, kaldis, ABSOLUTE, bound=None)
    share = share_beyond(ours, kaldis, FEATURE_BOUND)
    reason = f"{100 * share:.2g}% beyond 1e-3, as Kaldi's FFT rounds" if share else "none beyond 1e-3"
    return replace(row, remark=f"{reason}; {row.remark}".removesuffix("; "))


def vad_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """compute-vad."""
    config = VadConfig.from_kaldi(command.options)
    features = reference.matrices(command.archive())
    ours = {key: energy_vad(torch.tensor(x[None, :, 0]), config=config) for key, x in features.items()}
    decisions = {key: voiced[0].numpy().astype(np.float32) for key, voiced in ours.items()}
    return [compare("VAD", name, decisions, reference.vectors(name), IDENTICAL, 0.0)]


def cmvn_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """apply-cmvn-sliding, and select-voiced-frames where the result is piped there."""
    cmvn, *rest = reference.pipeline(reference.commands[name])
    config = CmvnConfig.from_kaldi(cmvn.options)
    features = reference.matrices(cmvn.archive())
    ours = {key: sliding_cmvn(torch.tensor(x)[None], config=config) for key, x in features.items()}
    if rest:
        vad = reference.vectors(rest[0].archive(1))
        ours = {key: select_frames(x, torch.tensor(vad[key] == 1)[None])[0] for key, x in ours.items()}
    arrays = {key: x[0].numpy() for key, x in ours.items()}
    what = "sliding CMVN" + (", frame selection" if rest else "")
    return [compare(what, name, arrays, reference.matrices(name), ABSOLUTE, FRAME_BOUND)]


def delta_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """add-deltas."""
    features = reference.matrices(command.archive())
    order, window = (int(command.options.get(f"delta-{option}", 2)) for option in ("order", "window"))
    ours = {key: add_deltas(torch.tensor(x)[None], order, window)[0].numpy() for key, x in features.items()}
    return [compare("deltas", name, ours, reference.matrices(name), ABSOLUTE, FRAME_BOUND)]


def compressed_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """copy-feats --compress=true: the bytes of the archive."""
    method = int(command.options.get("compression-method", AUTOMATIC))
    with TemporaryDirectory() as folder:
        with ArkWriter(Path(folder) / "ours", compress=method) as writer:
            for key, matrix in reference.matrices(command.archive()).items():
                writer.write(key, matrix)
        ours = (Path(folder) / "ours.ark").read_bytes()
    kaldis = reference.path(name).read_bytes()
    arrays, expected = ({"bytes": np.frombuffer(data, np.uint8)} for data in (ours, kaldis))
    return [compare("compressed features", f"{name} (bytes)", arrays, expected, IDENTICAL, 0.0)]
