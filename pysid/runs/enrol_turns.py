"""Speakers enrolled out of a diarization: their clean turns, overlapping speech left out."""

import hashlib
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from pysid.diarization.voices import MIN_CLEAN_S, find_voices
from pysid.errors import DataError
from pysid.frontend import Frontend, analyse_blocks
from pysid.io.audio.reader import MAX_HOURS, AudioReader
from pysid.io.turns.convert import check_within, read_one
from pysid.io.turns.formats import kind_of
from pysid.io.turns.json import read_voice
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import track
from pysid.segments import Turn
from pysid.speakers.database import EnrolledUtterance, check_name
from pysid.speakers.identify import enrol_voices
from pysid.speakers.listen import RecordingMeter

BLOCK_S = 30.0


def enrol_speaker(
    database: str | os.PathLike[str],
    model: SpeakerModel,
    name: str,
    turns: str | os.PathLike[str],
    speaker: str,
    audio: str | os.PathLike[str] | None = None,
    *,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
) -> float:
    """Enrols a speaker of a diarization under a name.

    Args:
        turns: who speaks when, in any format; without `audio` JSON of pysid that holds the voice.
        speaker: as the turns have it.
        audio: the recording, to make the embedding from.
    Returns:
        the seconds of clean speech that the embedding was made of.
    Raises:
        DataError: nobody is called so, there is too little clean speech, the embedding is of another model, or a file
            cannot be read.
    """
    check_name(name)
    if audio is None:
        if kind_of(turns) != "json":
            raise DataError(f"{turns}: expected JSON of pysid, which holds voices; with other turns give the recording")
        voice = read_voice(turns, speaker)
        if voice.model != model.fingerprint():
            raise DataError(
                f"{turns}: expected voices of this model ({model.fingerprint()[:8]}), got those of {voice.model[:8]}: "
                "use that --model, or give the recording as well"
            )
        embedding, clean_s = voice.embedding, voice.clean_s
        digest = hashlib.sha256(np.asarray(embedding, "<f4").tobytes()).hexdigest()
    else:
        embedding, clean_s, digest = _heard(
            model, audio, read_one(turns, Path(audio).stem).turns, turns, speaker, channel, max_hours
        )
    enrol_voices(database, model, name, [EnrolledUtterance(f"{digest} {speaker}", clean_s, embedding)])
    return clean_s


def _heard(
    model: SpeakerModel,
    audio: str | os.PathLike[str],
    turns: list[Turn],
    origin: str | os.PathLike[str],
    speaker: str,
    channel: int | None,
    max_hours: float,
) -> tuple[np.ndarray, float, str]:
    """The embedding (E,) of a speaker's clean turns, their seconds, and the digest of the recording."""
    if speaker not in {turn.speaker for turn in turns}:
        listed = ", ".join(sorted({turn.speaker for turn in turns})[:8]) or "nobody"
        raise DataError(f"{origin}: expected the name of a speaker, got {speaker!r}; those who speak: {listed}")
    frontend = Frontend(replace(model.config.frontend, vad=None), scaled=True).to(model.device)
    with AudioReader(audio, frontend.config.sample_rate, channel, max_hours) as reader:
        n_blocks = math.ceil(reader.n_samples / (BLOCK_S * reader.sample_rate))
        meter = RecordingMeter(reader.sample_rate)
        features = analyse_blocks(frontend, track(meter.passing(reader.blocks(BLOCK_S)), "reading", n_blocks))
    check_within(turns, features.duration_s, origin, audio)
    (voice,) = [x for x in find_voices(model, features, turns, [speaker]) if x.speaker == speaker]
    if voice.embedding is None:
        raise DataError(
            f"{origin}: expected at least {MIN_CLEAN_S:g} s in which {speaker!r} talks alone, got {voice.clean_s:.2f} s"
        )
    return voice.embedding, voice.clean_s, meter.digest()
