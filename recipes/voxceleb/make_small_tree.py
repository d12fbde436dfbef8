"""Makes folders that are laid out like VoxCeleb1, VoxCeleb2, MUSAN and RIRS_NOISES, from any speech.

With them the whole recipe can be run, `pysid prepare` included, without the corpora:

    python make_small_tree.py --speech $PYSID_DATA/train --noise $PYSID_DATA/noise --music $PYSID_DATA/music OUT

Speakers with the most recordings are used. Without --noise and --music there is synthetic noise and music; rooms are
simulated where pyroomacoustics is installed, and are decaying noise otherwise. All of it is 16-bit WAV at 16 kHz.
"""

import argparse
import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from pysid.augment.rooms import PEAK, RoomConfig, simulate_rooms
from pysid.data.corpora.trials import make_trials
from pysid.data.corpus import Corpus
from pysid.io.audio.files import write_audio
from pysid.io.tables import Trial
from pysid.io.text import write_lines

RATE = 16000
CLIPS_OF_A_VIDEO = 2
BABBLE_SPEAKERS, BABBLE_CLIPS = 10, 3
N_NOISES, NOISE_S = 12, 5.0
ROOM_SIZES = ("small", "medium")
FIRST_ID = {"train1": 10001, "test1": 10270, "train2": 12, "test2": 17}  # as in VoxCeleb
PLACES = {
    "train1": "VoxCeleb1/dev/wav",
    "test1": "VoxCeleb1/test/wav",
    "train2": "VoxCeleb2/dev/aac",
    "test2": "VoxCeleb2/test/aac",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--speech", type=Path, required=True, help="Kaldi data directory with utt2spk")
    parser.add_argument("--noise", type=Path, help="Kaldi data directory of noises")
    parser.add_argument("--music", type=Path, help="Kaldi data directory of music")
    parser.add_argument("--speakers", type=int, default=40, help="of both VoxCelebs together (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=8, help="of a speaker at most (default: %(default)s)")
    parser.add_argument("--rooms", type=int, default=4, help="of each size (default: %(default)s)")
    args = parser.parse_args()
    speech = Corpus.read(args.speech)
    splits = split_speakers(speech, args.speakers)
    names = {split: write_speakers(speech, split, speakers, args) for split, speakers in splits.items()}
    genders = speech.genders()
    write_meta(args.out / "VoxCeleb1" / "vox1_meta.csv", splits, ("train1", "test1"), genders)
    write_meta(args.out / "VoxCeleb2" / "vox2_meta.csv", splits, ("train2", "test2"), genders)
    write_lists(args.out / "VoxCeleb1", names, splits, genders)
    write_musan(args.out / "musan", speech, splits["train2"], args.noise, args.music)
    write_rooms(args.out / "RIRS_NOISES", args.rooms)


def split_speakers(speech: Corpus, n_speakers: int) -> dict[str, list[str]]:
    """A fifth each for test and training of VoxCeleb1, a tenth for test and the rest for training of VoxCeleb2."""
    spk2utt = speech.spk2utt()
    chosen = sorted(spk2utt, key=lambda speaker: (-len(spk2utt[speaker]), speaker))[:n_speakers]
    fifth, tenth = max(2, len(chosen) // 5), max(1, len(chosen) // 10)
    if len(chosen) < 2 * fifth + tenth + 2 or len(spk2utt[chosen[2 * fifth - 1]]) < 2:
        raise SystemExit(f"{speech.directory}: expected 7 speakers, 4 of them with two recordings or more")
    rest = iter(chosen)
    sizes = {"test1": fifth, "train1": fifth, "test2": tenth, "train2": len(chosen)}
    return {split: list(islice(rest, size)) for split, size in sizes.items()}


def write_speakers(
    speech: Corpus, split: str, speakers: Sequence[str], args: argparse.Namespace
) -> dict[str, list[str]]:
    """Writes the clips of a part of VoxCeleb; returns {speaker: their names, `id10270/x6uYqmx31kE/00001`}."""
    spk2utt = speech.spk2utt()
    names = {}
    for speaker, number in zip(speakers, ids(split, speakers), strict=True):
        names[speaker] = []
        for index, utterance in enumerate(spk2utt[speaker][: args.clips]):
            video = video_name(f"{speaker} {index // CLIPS_OF_A_VIDEO}")
            name = f"{number}/{video}/{index % CLIPS_OF_A_VIDEO + 1:05d}"
            write_audio(args.out / PLACES[split] / f"{name}.wav", speech.read_wave(speech[utterance], RATE), RATE)
            names[speaker].append(name)
    return names


def ids(split: str, speakers: Sequence[str]) -> list[str]:
    """VoxCeleb's ids for the speakers of a part; test and training of VoxCeleb2 alternate, and must not meet."""
    step = 10 if split.endswith("2") else 1
    return [f"id{FIRST_ID[split] + step * index:05d}" for index in range(len(speakers))]


def video_name(seed: str) -> str:
    """Eleven characters like those of a video's address, `-` and `_` among them."""
    return base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()).decode()[:11]


def write_meta(
    path: Path, splits: Mapping[str, Sequence[str]], parts: Sequence[str], genders: Mapping[str, str]
) -> None:
    """vox1_meta.csv or vox2_meta.csv."""
    rows = [
        f"{number}\t{speaker}\t{genders.get(speaker, '')}\t{'test' if split.startswith('test') else 'dev'}"
        for split in parts
        for speaker, number in zip(splits[split], ids(split, splits[split]), strict=True)
    ]
    write_lines(path, ["VoxCeleb ID\tVGGFace ID\tGender\tSet", *sorted(rows)])


def write_lists(
    folder: Path,
    names: Mapping[str, Mapping[str, Sequence[str]]],
    splits: Mapping[str, Sequence[str]],
    genders: Mapping[str, str],
) -> None:
    """The lists O of the test speakers, E and H of all; a cleaned list lacks the last trial of its original."""
    test = names["test1"]
    everybody = {**names["train1"], **test}
    gender_of = {clip: genders.get(speaker, "") for speaker, clips in everybody.items() for clip in clips}
    original = {"veri_test": test, "list_test_all": everybody, "list_test_hard": everybody}
    for name, spk2utt in original.items():
        n_target = sum(len(clips) * (len(clips) - 1) // 2 for clips in spk2utt.values())
        trials = make_trials(spk2utt, 4 * n_target)
        if name == "list_test_hard":
            trials = [trial for trial in trials if gender_of[trial.enrol] == gender_of[trial.test]]
        lines = [trial_line(trial) for trial in trials]
        write_lines(folder / f"{name}.txt", lines)
        write_lines(folder / f"{name}2.txt", lines[:-1])


def trial_line(trial: Trial) -> str:
    return f"{int(trial.is_target is True)} {trial.enrol}.wav {trial.test}.wav"


def write_musan(folder: Path, speech: Corpus, speakers: Sequence[str], noise: Path | None, music: Path | None) -> None:
    """Speech, noise and music to augment with."""
    spk2utt = speech.spk2utt()
    for number, speaker in enumerate(speakers[:BABBLE_SPEAKERS]):
        clips = [speech.read_wave(speech[utterance], RATE) for utterance in spk2utt[speaker][:BABBLE_CLIPS]]
        write_audio(folder / "speech/librivox" / f"speech-librivox-{number:04d}.wav", np.concatenate(clips), RATE)
    rng = np.random.default_rng(0)
    noises = recordings(noise) if noise else (synthetic_noise(rng) for _ in range(N_NOISES))
    for number, wave in enumerate(noises):
        write_audio(folder / "noise/free-sound" / f"noise-free-sound-{number:04d}.wav", wave, RATE)
    annotations = []
    for number, wave in enumerate(recordings(music) if music else (synthetic_music(rng) for _ in range(N_NOISES))):
        name = f"music-fma-{number:04d}"
        write_audio(folder / "music/fma" / f"{name}.wav", wave, RATE)
        annotations.append(f"{name} unknown {'Y' if number % 4 == 3 else 'N'} unknown")
    write_lines(folder / "music/fma/ANNOTATIONS", annotations)


def recordings(directory: Path) -> Iterator[np.ndarray]:
    corpus = Corpus.read(directory)
    return (corpus.read_wave(utterance, RATE) for utterance in corpus)


def synthetic_noise(rng: np.random.Generator) -> np.ndarray:
    """(S,) noise whose spectrum falls by a slope between that of white and of brown noise."""
    n_samples = int(NOISE_S * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20.0) ** rng.uniform(0.0, 1.0)
    return scaled(np.fft.irfft(spectrum, n_samples), 0.3)


def synthetic_music(rng: np.random.Generator) -> np.ndarray:
    """(S,) chords of decaying harmonic tones, two a second."""
    time_s = np.arange(RATE // 2) / RATE
    chords = []
    for _ in range(int(2 * NOISE_S)):
        roots_hz = 110.0 * 2.0 ** (rng.choice(24, 3, replace=False) / 12)
        tones = [np.sin(2 * np.pi * root * k * time_s) / k for root in roots_hz for k in range(1, 6)]
        chords.append(np.sum(tones, axis=0) * np.exp(-3 * time_s))
    return scaled(np.concatenate(chords), 0.3)


def scaled(wave: np.ndarray, share: float) -> np.ndarray:
    """The wave with its peak at a share of full scale."""
    return (wave * (share * PEAK / np.abs(wave).max())).astype(np.float32)


def write_rooms(folder: Path, n_rooms: int) -> None:
    """Responses of small and medium rooms with their lists; paths in them begin with the name of the corpus."""
    for size in ROOM_SIZES:
        lines = []
        for number, response in enumerate(room_responses(size, n_rooms), start=1):
            place = f"simulated_rirs/{size}room/Room{number:03d}/Room{number:03d}-00001.wav"
            write_audio(folder / place, response, RATE)
            room = f"{size}-Room{number:03d}"
            lines.append(f"--rir-id {room}-00001 --room-id {room} RIRS_NOISES/{place}")
        write_lines(folder / f"simulated_rirs/{size}room/rir_list", lines)


def room_responses(size: str, n_rooms: int) -> list[np.ndarray]:
    """Simulated rooms, or else a direct sound and noise that decays by 60 dB within 0.2 to 0.8 s."""
    try:
        return [wave for _, wave in simulate_rooms(RoomConfig(size=size, n_rooms=n_rooms, n_positions=1))]  # type: ignore[arg-type]
    except ImportError:
        rng = np.random.default_rng(list(size.encode()))
        return [decaying_noise(rng, rng.uniform(0.2, 0.8)) for _ in range(n_rooms)]


def decaying_noise(rng: np.random.Generator, rt60_s: float) -> np.ndarray:
    time_s = np.arange(int(rt60_s * RATE)) / RATE
    response = 0.1 * rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / rt60_s)
    response[0] = 1.0
    return scaled(response, 1.0)


if __name__ == "__main__":
    main()
