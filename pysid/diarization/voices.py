"""The voices of the speakers of a diarization: an embedding of all that each says alone, and how sure its turns are.

    voices = find_voices(model, analysis.features, diarization.turns)

A voice can be compared with any embedding of the same model: with those who are enrolled, or with the voices of other
recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pysid.diarization.clean_turns import alone
from pysid.diarization.speech import speech_mask
from pysid.frontend import RecordingFeatures
from pysid.frontend.frontend import voiced_by_energy
from pysid.frontend.vad_config import VadConfig
from pysid.io.turns.cues import by_speaker
from pysid.model.speaker_model import SpeakerModel
from pysid.segments import Segment, Turn

MIN_CLEAN_S = 1.0  # less clean speech than that gets no embedding
SMALLEST = 1.0  # power of a frame, of samples at int16 scale: digital silence
EDGE_S = 0.05  # at the ends of turns, that may be somebody else's


@dataclass(frozen=True)
class Identity:
    """Who a speaker may be of those enrolled.

    Attributes:
        name: of the person whom the speaker is taken for, or, if `accepted` is False, of the nearest.
        accepted: the speaker goes by that name.
        score, llr, probability: as `pysid.speakers.identify.Candidate` has them.
        runner_up: the nearest of all others, and the probability of that; None where nobody else is enrolled.
    """

    name: str
    accepted: bool
    score: float
    llr: float | None
    probability: float | None
    runner_up: str | None
    runner_up_probability: float | None


@dataclass(frozen=True, eq=False)
class Voice:
    """What is known of a speaker's voice.

    Attributes:
        speaker: the name in the turns.
        embedding: (E,) of all clean speech; None where there is less than a second of it.
        clean_s: seconds of speech that it is made of: frames in which the speaker talks alone.
        share: of the time that all speakers talk, in [0, 1]; time in which two talk counts for both.
        identity: who it may be of those enrolled, where that was asked.
        snr_db: the mean power of the clean speech over the median of the moments in which nobody talks, in dB; None
            where there are no such moments, or the features hold no energy. Steady noise lowers it, an echo does not.
    """

    speaker: str
    embedding: np.ndarray | None
    clean_s: float
    share: float
    snr_db: float | None
    identity: Identity | None = None


def find_voices(
    model: SpeakerModel, features: RecordingFeatures, turns: Sequence[Turn], speakers: Sequence[str] | None = None
) -> list[Voice]:
    """The voice of each speaker, in the order in which they first talk.

    Args:
        model: whose network makes the embeddings.
        features: all frames of the recording, of the kind that the network reads.
        turns: who speaks when; they may overlap.
        speakers: whose voices are wanted; None takes all.
    """
    talks = by_speaker(turns)
    whole_s = sum(segment.duration_s for segments in talks.values() for segment in segments)
    energy = _log_energy(features)
    silent = ~speech_mask([turn.segment for turn in turns], len(features), features.shift_s)
    normalized = features.normalized()
    voices = []
    for speaker, frames in clean_frames(model, features, turns).items():
        if speakers is not None and speaker not in speakers:
            continue
        clean_s = float(frames.sum()) * features.shift_s
        embedding = None
        if clean_s >= MIN_CLEAN_S:
            ((_, embedding),) = model.embed_features([(speaker, normalized[frames].cpu().numpy())])
        snr_db = None
        if energy is not None and frames.any() and silent.any():
            speech, noise = np.exp(energy[frames]).mean(), np.exp(np.median(energy[silent]))
            snr_db = float(10 * np.log10(max(speech, SMALLEST) / max(noise, SMALLEST)))
        share = sum(segment.duration_s for segment in talks[speaker]) / whole_s
        voices.append(Voice(speaker, embedding, clean_s, share, snr_db))
    return voices


def clean_frames(model: SpeakerModel, features: RecordingFeatures, turns: Sequence[Turn]) -> Mapping[str, np.ndarray]:
    """{speaker: (T,) bool}, the frames in which a speaker talks alone, as the model embeds recordings of one speaker.

    The ends of turns are left out, and, where the model has an energy VAD, what that takes for no speech.

    Args:
        model: whose front-end made them.
        features: of the recording.
        turns: who speaks when.
    """
    vad, n_frames = model.config.frontend.vad, len(features)
    heard = np.ones(n_frames, dtype=bool)
    if isinstance(vad, VadConfig) and n_frames:
        energy = features.features[None, :, model.config.frontend.energy_column]
        heard = voiced_by_energy(energy, None, vad)[0].cpu().numpy()
    clean: dict[str, list[Segment]] = {speaker: [] for speaker in by_speaker(turns)}
    for turn in alone(turns):
        start_s, end_s = turn.segment.start_s + EDGE_S, turn.segment.end_s - EDGE_S
        if start_s < end_s:
            clean[turn.speaker].append(Segment(start_s, end_s))
    return {speaker: heard & speech_mask(x, n_frames, features.shift_s) for speaker, x in clean.items()}


def _log_energy(features: RecordingFeatures) -> np.ndarray | None:
    """(T,) of the frames, natural logarithms; None where the features hold none."""
    if not features.config.features.use_energy:
        return None
    return features.features[:, features.config.energy_column].cpu().numpy().astype(np.float64)
