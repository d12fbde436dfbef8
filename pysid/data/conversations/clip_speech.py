"""Where somebody speaks in a clip of one speaker: for references made automatically.

WebRTC's detector at its strictest, on the clip brought to one level, then rules about the lengths of what it finds.
Chosen by eye on spectrograms of three dozen Common Voice clips. Kaldi's energy-based detector compares with the mean
energy, so that noise around the speech, and the clicks of the buttons with which people start and stop such
recordings, count as speech. WebRTC's alone hears nothing in a very quiet clip and noise in a loud one.
"""

from collections.abc import Sequence

import numpy as np
import torch

from pysid.frontend.webrtc import WebrtcVadConfig, webrtc_vad
from pysid.segments import Segment

# At a level of 6000 noise is taken for speech, at 1000 weak syllables are lost.
STRICT = WebrtcVadConfig(aggressiveness=3, block_ms=10, level=3000.0)
FRAMES_PER_S = 100
JOINED_FRAMES = 20  # pauses shorter than this lie within words
SHORTEST_FRAMES = 30  # what is shorter and stands alone is a click, a breath or a knock
MARGIN_FRAMES = 5  # on either side: words start and end softly

Span = tuple[int, int]


def clip_speech(wave: np.ndarray, sample_rate: int, inner_pause_s: float = 0.5) -> list[Segment]:
    """The stretches of speech of a clip, in whole hundredths of a second.

    Args:
        wave: (S,) at int16 scale, one speaker.
        sample_rate: Hz; 8000, 16000, 32000 or 48000.
        inner_pause_s: shorter pauses are part of the speech around them.
    Returns:
        Segments in order of time, none shorter than 0.3 s, at least `inner_pause_s` apart; empty where nobody speaks.
    """
    n_frames = len(wave) * FRAMES_PER_S // sample_rate
    voiced = webrtc_vad(torch.from_numpy(wave), sample_rate, n_frames, STRICT).numpy()
    edges = np.flatnonzero(np.diff(voiced.astype(np.int8), prepend=0, append=0)).tolist()
    words = _join(list(zip(edges[::2], edges[1::2], strict=True)), JOINED_FRAMES)
    phrases = [
        (max(0, start - MARGIN_FRAMES), min(n_frames, end + MARGIN_FRAMES))
        for start, end in words
        if end - start >= SHORTEST_FRAMES
    ]
    spans = _join(phrases, round(inner_pause_s * FRAMES_PER_S))
    return [Segment(start / FRAMES_PER_S, end / FRAMES_PER_S) for start, end in spans]


def _join(spans: Sequence[Span], gap: int) -> list[Span]:
    """Makes one of neighbours that are less than `gap` apart, or touch.

    >>> _join([(0, 10), (12, 20), (25, 30)], 5)
    [(0, 20), (25, 30)]
    """
    joined: list[Span] = []
    for start, end in spans:
        if joined and (start - joined[-1][1] < gap or start <= joined[-1][1]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
