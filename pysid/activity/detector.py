"""A trained network at work on whole recordings."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pysid.activity.network import OVERLAP, SPEECH, ActivityNetwork, levelled, reference_levels
from pysid.frontend import FbankConfig
from pysid.segmentation.local_speech import LocalSpeech

BLOCK_FRAMES = 8192  # worked on together


@dataclass(frozen=True, eq=False)
class Activity:
    """What was heard in a recording of T frames.

    Attributes:
        speech: (T,) probability that somebody speaks.
        overlap: (T,) probability that two or more do.
        voice: (T,) probability that somebody speaks, by a network that tells voices from music and noise; None where
            there is none.
        sound: (T,) likewise, by one that also takes music and noise of the level of speech for it; None where there are
            not both.
        local: who speaks in each window, of a network that tells local speakers apart; else None.
    """

    speech: np.ndarray
    overlap: np.ndarray
    voice: np.ndarray | None = None
    sound: np.ndarray | None = None
    local: LocalSpeech | None = None


class ActivityDetector:
    """Finds speech, and speech of several at once, in features before CMVN.

    Args:
        network: is put into eval mode.
        features: what the network reads.
    """

    def __init__(self, network: ActivityNetwork, features: FbankConfig) -> None:
        self.network = network.eval()
        self.features = features

    @torch.inference_mode()
    def __call__(self, features: Tensor) -> Activity:
        """What is heard in all frames (T, D) of a recording; long ones are processed in blocks, with the same result.

        Raises:
            ValueError: features of another width.
        """
        c = self.network.config
        levels = reference_levels(features, c)
        reach = -(-c.context // c.stride) * c.stride
        size = BLOCK_FRAMES // c.stride * c.stride
        device = next(self.network.parameters()).device
        parts = []
        for start in range(0, len(features), size):
            first = max(0, start - reach)
            seen = levelled(features[first : start + size + reach], levels).to(device)
            n_before, n_own = (start - first) // c.stride, -(-min(size, len(features) - start) // c.stride)
            parts.append(self.network(seen[None])[0, n_before : n_before + n_own].sigmoid().cpu())
        if not parts:
            return Activity(np.zeros(0, np.float32), np.zeros(0, np.float32))
        each = torch.cat(parts).repeat_interleave(c.stride, 0)[: len(features)].numpy()
        return Activity(each[:, SPEECH].copy(), each[:, OVERLAP].copy())
