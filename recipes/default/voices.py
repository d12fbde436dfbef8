"""More voices to learn from: clips, new voices made of them by speed, and copies as telephones and codecs leave them.

    python voices.py OUT DATA...

Of data directories this writes one, OUT, with

    ID           every clip as it is,
    spF-ID       all of them slower and quicker, at the two speeds F of their speaker, which change pitch and formants:
                 new voices,
    vo-ID        all of them with their speaker's other pitch and vocal tract, women's in three of four,
    deg-ID       one in five of them, clipped, or through a telephone's band and G.711, GSM 06.10, MP3 at 16 or Opus at
                 8 kbit/s,

and `utt2target`, which names the clip whose embedding by a teacher an utterance is to get: its own, or for a degraded
copy that of the clip. ffmpeg is needed, with rubberband and libgsm. The same seed gives the same files.
"""

import argparse
import multiprocessing.pool
import os
import zlib
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from pcm import PCM, SAMPLE_RATE, ffmpeg, from_pcm, require_ffmpeg, to_pcm
from pitch import median_pitch_hz, other_voice, with_voice

from pysid.augment import change_speed
from pysid.data.corpus import Corpus
from pysid.io.audio.files import write_audio
from pysid.io.files import atomic_text
from pysid.progress import track

SPEEDS = (0.08, 0.2)  # least and most that a voice's speed differs from 1
DEGRADED = 0.2
CLIPPED_DB = (3.0, 18.0)  # above full scale
LEAST_S = 0.5  # of what a codec left
PITCH_CLIPS = 4  # of a speaker, that tell the pitch
CODECS = {  # how it is encoded, and how that is read
    "g711": (
        ("-af", "highpass=f=300,lowpass=f=3400", "-ar", "8000", "-c:a", "pcm_mulaw", "-f", "mulaw"),
        ("-f", "mulaw", "-ar", "8000", "-ac", "1"),
    ),
    "gsm": (("-ar", "8000", "-c:a", "libgsm", "-f", "gsm"), ("-f", "gsm")),
    "mp3": (("-c:a", "libmp3lame", "-b:a", "16k", "-f", "mp3"), ("-f", "mp3")),
    "opus": (("-c:a", "libopus", "-b:a", "8k", "-f", "ogg"), ("-f", "ogg")),
}
KINDS = ("clipped", "g711", "g711", "gsm", "mp3", "opus")


def through_codec(wave: np.ndarray, codec: str) -> np.ndarray:
    """A waveform (S,) at int16 scale as a codec leaves it: about as long."""
    encode, decode = CODECS[codec]
    encoded = ffmpeg(to_pcm(wave), *PCM, "-i", "-", *encode)
    return from_pcm(ffmpeg(encoded, *decode, "-i", "-", *PCM))


def clipped(wave: np.ndarray, gain_db: float) -> np.ndarray:
    """A waveform (S,) whose peak would lie `gain_db` above full scale."""
    gain = 10 ** (gain_db / 20) * 32767 / max(float(np.abs(wave).max()), 1.0)
    return np.clip(wave * np.float32(gain), -32768, 32767)


class Row(NamedTuple):
    """An utterance of the tables."""

    utterance: str
    speaker: str
    target: str


def make_voices(out: Path, seed: int, corpus: Corpus, pitches_hz: dict[str, float], job: tuple[str, str]) -> list[Row]:
    """Writes all that is made of one clip; what that is follows from the seed and the names."""
    name, speaker = job
    rows: list[Row] = []

    def write(utterance: str, wave: np.ndarray, speaker: str, target: str) -> None:
        write_audio(out / "wav" / f"{utterance}.wav", wave, SAMPLE_RATE)
        rows.append(Row(utterance, speaker, target))

    wave = corpus.read_wave(corpus[name], SAMPLE_RATE).astype(np.float32)
    write(name, wave, speaker, name)
    for speed in speeds_of(speaker, seed):
        prefix = f"sp{speed}-"
        changed = change_speed(torch.from_numpy(wave)[None], factor=speed)[0][0].numpy()
        write(prefix + name, changed, prefix + speaker, prefix + name)
    if speaker in pitches_hz:
        changed = with_voice(wave, *other_voice(speaker, pitches_hz[speaker], seed))
        if len(changed) >= LEAST_S * SAMPLE_RATE:
            write(f"vo-{name}", changed, f"vo-{speaker}", f"vo-{name}")
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if rng.random() < DEGRADED:
        kind = KINDS[rng.integers(len(KINDS))]
        copy = clipped(wave, rng.uniform(*CLIPPED_DB)) if kind == "clipped" else through_codec(wave, kind)
        if len(copy) >= LEAST_S * SAMPLE_RATE:
            write(f"deg-{name}", copy, speaker, name)
    return rows


def speeds_of(speaker: str, seed: int) -> tuple[float, float]:
    """A lower and a higher speed, the same for all clips of a speaker.

    >>> slow, quick = speeds_of("anna", 5)
    >>> 0.8 <= slow <= 0.92 and 1.08 <= quick <= 1.2
    True
    """
    slower, quicker = np.random.default_rng([seed, zlib.crc32(speaker.encode())]).uniform(*SPEEDS, 2)
    return round(1 - slower, 3), round(1 + quicker, 3)


def clip_pitch_hz(corpus: Corpus, name: str) -> float:
    return median_pitch_hz(corpus.read_wave(corpus[name], SAMPLE_RATE))


def speaker_pitches_hz(corpus: Corpus, pool: multiprocessing.pool.Pool) -> dict[str, float]:
    """The median pitch of each speaker in whose first clips one is found."""
    clips: dict[str, list[str]] = defaultdict(list)
    for name, speaker in zip(corpus.ids, corpus.speaker_of_each(), strict=True):
        if len(clips[speaker]) < PITCH_CLIPS:
            clips[speaker].append(name)
    jobs = [(speaker, name) for speaker, names in clips.items() for name in names]
    found = pool.imap(partial(clip_pitch_hz, corpus), (name for _, name in jobs), 16)
    pitches: dict[str, list[float]] = defaultdict(list)
    for (speaker, _), pitch_hz in zip(jobs, track(found, f"pitch of {corpus.directory}", len(jobs)), strict=True):
        if not np.isnan(pitch_hz):
            pitches[speaker].append(pitch_hz)
    return {speaker: float(np.median(values)) for speaker, values in pitches.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    args = parser.parse_args()
    if (args.out / "utt2target").exists():
        return
    encoders = {encode[encode.index("-c:a") + 1] for encode, _ in CODECS.values()}
    require_ffmpeg(filters={"rubberband"}, encoders=encoders)
    (args.out / "wav").mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with multiprocessing.get_context("spawn").Pool(args.jobs, torch.set_num_threads, (1,)) as pool:
        for corpus in map(Corpus.read, args.data):
            make = partial(make_voices, args.out, args.seed, corpus, speaker_pitches_hz(corpus, pool))
            clips = zip(corpus.ids, corpus.speaker_of_each(), strict=True)
            for made in track(pool.imap(make, clips, 16), str(corpus.directory), len(corpus.ids)):
                rows += made
    rows.sort()
    for table, lines in (
        ("wav.scp", (f"{r.utterance} wav/{r.utterance}.wav" for r in rows)),
        ("utt2spk", (f"{r.utterance} {r.speaker}" for r in rows)),
        ("utt2target", (f"{r.utterance} {r.target}" for r in rows)),
    ):
        with atomic_text(args.out / table) as file:
            file.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
