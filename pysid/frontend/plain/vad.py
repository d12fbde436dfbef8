"""Energy-based voice activity detection of one recording, in NumPy.

Source: Kaldi ivector/voice-activity-detection.cc, ComputeVadEnergy.
"""

import numpy as np
from numpy.typing import NDArray

from pysid.frontend.vad_config import VadConfig


def energy_vad(log_energy: NDArray[np.float32], config: VadConfig = VadConfig()) -> NDArray[np.bool_]:
    """(T,) which frames of a recording are voiced, from their log energy (T,); see `pysid.frontend.energy_vad`.

    >>> energy_vad(np.array([0, 16, 16, 0], np.float32))
    array([False,  True,  True, False])
    """
    n = len(log_energy)
    if not n:
        return np.zeros(0, bool)
    scale, base = np.float32(config.energy_mean_scale), np.float32(config.energy_threshold)
    # A sum in double, otherwise Kaldi's float32.
    threshold = scale * np.float32(log_energy.sum(dtype=np.float64)) / np.float32(n) + base
    total = np.concatenate([[0], np.cumsum(log_energy > threshold)])
    t = np.arange(n)
    first, end = np.maximum(t - config.frames_context, 0), np.minimum(t + config.frames_context + 1, n)
    n_loud = (total[end] - total[first]).astype(np.float32)
    return n_loud >= (end - first).astype(np.float32) * np.float32(config.proportion_threshold)
