"""Kaldi's feature programs: features, VAD, CMVN, frame selection, deltas, compressed archives."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

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
from pysid.io.ark_writer import ArkWriter

FEATURE_BOUND = 1e-3
FRAME_BOUND = 1e-4

EXTRACTORS = {
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
        features = {key: module(wave)[0].numpy() for key, wave in waves.items()}
        ours = {key: x for key, x in features.items() if len(x)}  # Kaldi leaves out what has no frame
        case = f"{name} ({'Kaldi' if kaldi_fft else 'fast'} FFT)"
        row = compare(what, case, ours, kaldis, ABSOLUTE, FEATURE_BOUND if kaldi_fft else None)
        rows.append(row if kaldi_fft else _with_share(row, share_beyond(ours, kaldis, FEATURE_BOUND)))
    return rows


def _with_share(row: Row, share: float) -> Row:
    return replace(row, remark=f"{100 * share:.2g}% beyond {FEATURE_BOUND:g}; {row.remark}")


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
    kept = {key: x[0].numpy() for key, x in ours.items() if x.shape[1]}  # Kaldi leaves out what has no voice
    what = "sliding CMVN" + (", frame selection" if rest else "")
    return [compare(what, name, kept, reference.matrices(name), ABSOLUTE, FRAME_BOUND)]


def delta_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """add-deltas."""
    features = reference.matrices(command.archive())
    ours = {key: add_deltas(torch.tensor(x)[None])[0].numpy() for key, x in features.items()}
    return [compare("deltas", name, ours, reference.matrices(name), ABSOLUTE, FRAME_BOUND)]


def compressed_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """copy-feats --compress=true: the bytes of the archive."""
    with TemporaryDirectory() as folder:
        with ArkWriter(Path(folder) / "ours", compress=1) as writer:
            for key, matrix in reference.matrices(command.archive()).items():
                writer.write(key, matrix)
        ours = (Path(folder) / "ours.ark").read_bytes()
    kaldis = reference.path(name).read_bytes()
    contents = ({"bytes": np.frombuffer(data, np.uint8)} for data in (ours, kaldis))
    return [compare("compressed features", f"{name} (bytes)", *contents, IDENTICAL, 0.0)]
