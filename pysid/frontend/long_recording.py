"""The network's input of a recording too long to hold even its features, which wait on disk.

What is held is a few numbers a frame: its energy, and whether it is voiced.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from pysid.frontend.frontend import Frontend
from pysid.frontend.spectrum import MelFeatures
from pysid.frontend.streaming import CPU_FRAMES, FeatureStream, feed, normalized_rows, voiced_frames
from pysid.io.audio.files import AudioPiece
from pysid.io.spooled_rows import SpooledRows

BLOCK_S = 30.0  # read at a time
LONG_S = 600.0  # a recording that lasts longer is not held in memory, where its front-end allows that


def read_input(frontend: Frontend, piece: AudioPiece, voiced: np.ndarray | None = None) -> np.ndarray | SpooledRows:
    """The frames (T', D) that `Frontend` gives of a recording, on disk where it is long.

    Args:
        piece: an open recording at the front-end's rate.
        voiced: (T,) bool, the frames to keep instead of those that the VAD finds.
    Raises:
        DataError: the recording cannot be read.
    """
    if piece.duration_s > LONG_S and not frontend.config.needs_whole:
        return network_input(frontend, piece.blocks(BLOCK_S), voiced)
    mask = None if voiced is None else torch.from_numpy(voiced)[None]
    wave = torch.from_numpy(piece.read()).to(next(frontend.buffers()).device)
    features, n_frames = frontend(wave[None], voiced=mask)
    return np.asarray(features[0, : int(n_frames)].cpu())


def read_voiced(frontend: Frontend, piece: AudioPiece) -> np.ndarray:
    """(T,) bool: the frames of a recording in which the front-end's VAD finds speech.

    Args:
        frontend: how.
        piece: an open recording at the front-end's rate.
    Raises:
        DataError: the recording cannot be read.
    """
    if piece.duration_s > LONG_S and not frontend.config.needs_whole:
        return _listen(frontend, piece.blocks(BLOCK_S), None)
    return frontend.voiced(torch.from_numpy(piece.read())[None])[0].cpu().numpy()


def network_input(frontend: Frontend, blocks: Iterable[np.ndarray], voiced: np.ndarray | None = None) -> SpooledRows:
    """The frames that `Frontend` gives of one recording: voiced ones, after CMVN, to 1e-5.

    Args:
        frontend: one that does not `needs_whole`.
        blocks: as in `analyse_blocks`.
        voiced: (T,) bool, the frames to keep instead of those that the VAD finds.
    Returns:
        (T', D) rows.
    Raises:
        ValueError: `voiced` is of another length than the recording.
    """
    c = frontend.config
    rows = SpooledRows(frontend.dim)
    found = _listen(frontend, blocks, rows.append)
    device = next(frontend.buffers()).device
    voiced = found if voiced is None else voiced
    if len(voiced) != len(rows):
        raise ValueError(f"expected {len(rows)} decisions about frames, got {len(voiced)}")
    result = SpooledRows(frontend.dim)

    def read(start: int, stop: int) -> torch.Tensor:
        return torch.from_numpy(rows.read(start, stop)).to(device)

    for start in range(0, len(rows), CPU_FRAMES):
        stop = min(start + CPU_FRAMES, len(rows))
        frames = read(start, stop) if c.cmvn is None else normalized_rows(read, len(rows), start, stop, c.cmvn)
        result.append(frames.cpu().numpy()[voiced[start:stop]])
    rows.close()
    return result


def _listen(frontend: Frontend, blocks: Iterable[np.ndarray], keep: Callable[[np.ndarray], None] | None) -> np.ndarray:
    """Which frames are voiced, (T,) bool; `keep` takes the features (n, D) before CMVN as they are made."""
    c = frontend.config
    assert isinstance(frontend.features, MelFeatures)
    energies = [np.zeros(0, np.float32)]

    def take(features: np.ndarray) -> None:
        energies.append(features[:, c.energy_column].astype(np.float32))
        if keep is not None:
            keep(features)

    detector = feed(stream := FeatureStream(frontend.features, take), blocks, frontend)
    stream.finish()
    log_energy = torch.from_numpy(np.concatenate(energies))
    return voiced_frames(log_energy.to(frontend.features.window.device), detector, c).cpu().numpy()
