from collections.abc import Callable
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

GOLDEN = Path(__file__).parent.parent / "golden" / "kaldi"


@pytest.fixture(scope="session")
def golden_waves() -> Callable[[str], dict[str, Tensor]]:
    """All recordings of a wav.scp, (1, S) at int16 scale."""

    def read(scp: str) -> dict[str, Tensor]:
        entries = (line.split() for line in (GOLDEN / scp).read_text().splitlines())
        return {key: read_wave(GOLDEN / path) for key, path in entries}

    def read_wave(path: Path) -> Tensor:
        return torch.from_numpy(soundfile.read(path, dtype="int16")[0].astype(np.float32))[None]

    return read


@pytest.fixture(scope="session")
def golden_ark() -> Callable[[str], dict[str, np.ndarray]]:
    """What an ark file of the golden outputs holds."""

    def read(path: str) -> dict[str, np.ndarray]:
        return dict(kaldiio.load_ark(str(GOLDEN / path)))

    return read
