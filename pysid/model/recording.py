"""A recording as a model reads it: in blocks, and in parts of an hour, so that a day of it needs no more memory.

A longer recording has an embedding for each of its parts; its own is their mean, weighted by the frames of speech. What
depends on a whole recording, the threshold of an energy VAD and CMVN, then depends on a part.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from pysid.errors import DataError
from pysid.frontend import Frontend, RecordingFeatures, analyse_blocks
from pysid.frontend.quality import QualityMeter
from pysid.io.audio.files import AudioPiece
from pysid.io.audio.reader import MAX_HOURS, AudioReader
from pysid.io.audio.samples import Audio, Int16Scale, as_source
from pysid.io.audio.streams import name_of

PART_S = 3600.0
BLOCK_S = 30.0


def recording_parts(
    frontend: Frontend,
    audio: Audio,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
    meter: QualityMeter | None = None,
) -> Iterator[RecordingFeatures]:
    """The features of a recording, an hour at a time.

    Args:
        channel: of recordings that have several; None takes the mean.
        meter: measures the sound on the way.
    Raises:
        DataError: the recording cannot be read, is not a recording, or is too long.
    """
    source = as_source(audio, frontend.config.sample_rate)
    with AudioReader(source, frontend.config.sample_rate, None, max_hours) as reader:
        reader.take_channel(channel)
        yield from piece_parts(frontend, AudioPiece(reader, 0, reader.n_samples), meter)


def piece_parts(
    frontend: Frontend, piece: AudioPiece, meter: QualityMeter | None = None
) -> Iterator[RecordingFeatures]:
    """As `recording_parts`, of a recording that is open.

    Args:
        frontend: what makes the features.
        piece: the recording.
        meter: measures the sound on the way.
    """
    for part in piece.parts(PART_S):
        blocks = part.blocks(BLOCK_S)
        yield analyse_blocks(frontend, meter.passing(blocks) if meter else blocks, cut_pauses=True)


def embed_parts(
    embed_features: Callable[..., Iterator[tuple[str, np.ndarray]]], name: str, parts: Iterable[RecordingFeatures]
) -> np.ndarray:
    """The embedding (E,) of a recording, by `SpeakerModel.embed_features`.

    Args:
        embed_features: the method.
        name: of the recording, for messages.
        parts: its features.
    Raises:
        DataError: it has no frame of speech.
    """
    total, n_frames = np.zeros(1), 0
    reasons: list[str] = []
    for part in parts:
        frames = part.normalized()[part.voiced].cpu().numpy()
        for _, vector in embed_features([(name, frames)], on_skip=lambda _, reason: reasons.append(reason)):
            total = total + len(frames) * vector.astype(np.float64)
            n_frames += len(frames)
    if not n_frames:
        raise DataError(f"{name}: {reasons[0] if reasons else 'expected audio, got no samples'}")
    mean: np.ndarray = (total / n_frames).astype(np.float32)
    return mean


def name_of_recording(audio: Audio) -> str:
    """What to call it in messages."""
    if isinstance(audio, tuple | list):
        return "samples"
    return "waveform" if isinstance(audio, Int16Scale) or hasattr(audio, "__array__") else name_of(audio)
