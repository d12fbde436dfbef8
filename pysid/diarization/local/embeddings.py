"""An embedding for each local speaker, by pooling over the frames in which they speak."""

from dataclasses import dataclass

import numpy as np

from pysid.diarization.local.config import LocalWindowConfig
from pysid.diarization.steps import Windows
from pysid.embedding.masked import MaskedEmbedder
from pysid.progress import track
from pysid.segmentation.local_speech import LocalSpeech


@dataclass(frozen=True, eq=False)
class LocalSpeakers:
    """The N local speakers who have an embedding, window by window.

    Attributes:
        window, slot: (N,) int: which speaker of which window each is.
        speech_s: (N,) seconds that they speak in their window.
        clean_s: (N,) seconds that they speak there alone.
        embeddings: (N, E) float32.
    """

    window: np.ndarray
    slot: np.ndarray
    speech_s: np.ndarray
    clean_s: np.ndarray
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.window)

    def windows(self, speech: LocalSpeech, chosen: np.ndarray) -> Windows:
        """What a clusterer is to know of some of them; those of one window are different people."""
        times = np.array([speech.times_s(w) for w in self.window[chosen]]).reshape(-1, 2)
        own = self.window[chosen]
        return Windows(times[:, 0], times[:, 1], own, apart=own, speech_s=self.clean_s[chosen] / speech.windows_at_once)


def embed_local_speakers(
    speech: LocalSpeech, embed: MaskedEmbedder, shift_s: float, embedding_dim: int, config: LocalWindowConfig
) -> LocalSpeakers:
    """Embeds all local speakers with some speech.

    Args:
        shift_s: time from one feature frame to the next.
    """
    step_s = speech.grid.step_s
    speech_s, clean_s = speech.active.sum(1) * step_s, speech.clean.sum(1) * step_s  # (W, S)
    rows: list[tuple[int, int]] = []
    embeddings: list[np.ndarray] = []
    for w in track(range(len(speech.starts)), "embedding", len(speech.starts)):
        slots = np.flatnonzero(speech_s[w] >= max(config.min_speech_s, step_s / 2))
        if not len(slots):
            continue
        active = speech.active[w][:, slots]
        alone = clean_s[w, slots] >= config.min_clean_s
        chosen = np.where(alone, active & (speech.active[w].sum(1) == 1)[:, None], active)
        first, masks = _on_feature_frames(speech, w, chosen.T, shift_s, embed.n_frames)
        embeddings.append(embed(first, masks))
        rows += [(w, int(slot)) for slot in slots]
    window, slot = np.array(rows, np.int64).reshape(-1, 2).T
    vectors = np.concatenate(embeddings) if embeddings else np.zeros((0, embedding_dim), np.float32)
    return LocalSpeakers(window, slot, speech_s[window, slot], clean_s[window, slot], vectors)


def _on_feature_frames(
    speech: LocalSpeech, window: int, active: np.ndarray, shift_s: float, n_frames: int
) -> tuple[int, np.ndarray]:
    """Activities (P, F) of a window, resampled to feature frames: the first of these, and masks (P, T) of 0 and 1.

    A mask in which nothing is left, as at the end of a recording, gets the frame nearest to its middle.
    """
    start_s, end_s = speech.times_s(window)
    first = min(round(start_s / shift_s), n_frames - 1)
    end = min(max(round(end_s / shift_s), first + 1), n_frames)
    middles_s = (np.arange(first, end) + 0.5) * shift_s - start_s
    index = (middles_s / speech.grid.step_s).astype(np.int64).clip(0, active.shape[1] - 1)
    masks = active[:, index].astype(np.float32)
    for row in np.flatnonzero(masks.sum(1) == 0):
        middle_s = float(np.flatnonzero(active[row]).mean()) * speech.grid.step_s
        masks[row, min(int(middle_s / shift_s), masks.shape[1] - 1)] = 1.0
    return first, masks
