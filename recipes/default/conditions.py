"""Sounds and rooms for training, others for testing, and the development set in noise, music and rooms of the latter.

Of DATA, a folder with dev/, noise/ and music/, this writes into OUT:

    noise_train noise_test music_train music_test    data directories: every fifth source is for testing
    rooms_train rooms_test                           simulated responses and their rir_list
    dev_noisy                                        dev, each clip under one of `CONDITIONS`, by turns; with utt2cond

A source is a recording that several clips were cut from, or a piece of music: what is cut from one lies on one side.
A second run keeps what is complete. The same seed gives the same files.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from pysid.augment import (
    AugmentConfig,
    Augmenter,
    MusicAugment,
    NoiseAugment,
    ReverbAugment,
    RoomConfig,
    simulate_rooms,
)
from pysid.augment.recordings import open_bank, open_rooms
from pysid.augment.room_batch import corrupt
from pysid.data.copies import corpus_tables, sorted_names, write_tables
from pysid.data.corpus import Corpus
from pysid.io.audio.files import write_audio
from pysid.io.files import atomic_text
from pysid.io.scp import resolve_path
from pysid.io.tables import read_trials, read_wav_scp, write_table, write_trials
from pysid.progress import track

SAMPLE_RATE = 16000
HELD_OUT = 5  # every fifth source is for testing
SIZES = ("small", "medium", "large")
N_ROOMS = {"train": 30, "test": 10}  # of each size, with
N_POSITIONS = {"train": 4, "test": 2}  # places of source and microphone
ROOM_SEED = {"train": 0, "test": 1}
CONDITIONS = ("noise", "music", "room", "room-noise")


def source(name: str) -> str:
    """What a clip was cut from: its name without the take or the second.

    >>> source("noise-dog_bark-1-100032-A"), source("music-macroform-cold_day-0030")
    ('noise-dog_bark-1-100032', 'music-macroform-cold_day')
    """
    return name.rpartition("-")[0]


def held_out(names: Iterable[str]) -> set[str]:
    """The clips of every fifth source, the first one included.

    >>> sorted(held_out(["a-0", "a-1", "b-0", "c-0", "d-0", "e-0", "f-0"]))
    ['a-0', 'a-1', 'f-0']
    """
    names = list(names)
    chosen = set(sorted_names({source(name) for name in names})[::HELD_OUT])
    return {name for name in names if source(name) in chosen}


def split_sounds(directory: Path, out: Path) -> None:
    """Writes OUT/NAME_train and OUT/NAME_test for a data directory NAME of sounds; the audio stays where it is."""
    entries = read_wav_scp(directory / "wav.scp")
    test = held_out(entries)
    for part, names in {"train": [name for name in entries if name not in test], "test": test}.items():
        audio = {name: str(Path(resolve_path(entries[name], directory)).absolute()) for name in names}
        write_tables(out / f"{directory.name}_{part}", {"wav.scp": audio})


def write_rooms(out: Path, part: str) -> None:
    """Writes the responses of one part, "train" or "test", as 16-bit files, and rir_list when all are there."""
    if (out / "rir_list").exists():
        return
    lines = []
    for size in SIZES:
        config = RoomConfig(
            size=size,
            n_rooms=N_ROOMS[part],
            n_positions=N_POSITIONS[part],
            sample_rate=SAMPLE_RATE,
            seed=ROOM_SEED[part],
        )
        responses = simulate_rooms(config)
        for name, response in track(responses, f"{size} rooms", config.n_rooms * config.n_positions):
            write_audio(out / f"{name}.wav", response, SAMPLE_RATE)
            lines.append(f"--rir-id {name} --room-id {source(name)} {name}.wav")
    with atomic_text(out / "rir_list") as file:
        print(*lines, sep="\n", file=file)


class Conditions:
    """Puts utterances under a condition; what one gets depends on its name and the seed alone."""

    def __init__(self, out: Path, seed: int) -> None:
        self.seed = seed
        noise, music, room = NoiseAugment(), MusicAugment(start="random"), ReverbAugment()
        banks = {"noises": open_bank(str(out / "noise_test"), SAMPLE_RATE)}
        banks["music"] = open_bank(str(out / "music_test"), SAMPLE_RATE)
        rooms = open_rooms(str(out / "rooms_test" / "rir_list"), SAMPLE_RATE)
        self.draw = {
            policy.kind: Augmenter(AugmentConfig(probability=1.0, policies=(policy,)), responses=rooms, **banks).draw
            for policy in (noise, music, room)
        }

    def apply(self, name: str, wave: np.ndarray, condition: str) -> np.ndarray:
        """(S,) of an utterance (S,) at int16 scale."""
        rng = np.random.default_rng([self.seed, *name.encode()])
        sound = room = None
        if condition != "room":
            sound = self.draw["music" if condition == "music" else "noise"](len(wave), rng).noise
        if condition.startswith("room"):
            room = self.draw["reverb"](len(wave), rng).response
        rows = {"noise": _row(sound), "response": _row(room)}
        return corrupt(_batch(wave), None, SAMPLE_RATE, **rows)[0].numpy()


def write_conditions(corpus: Corpus, out: Path, conditions: Conditions) -> None:
    """Writes the corpus with its trials under all conditions by turns; utterances keep their names."""
    if (out / "wav.scp").exists():
        return
    names = sorted_names(corpus.utt2spk)
    by_turns = {name: CONDITIONS[i % len(CONDITIONS)] for i, name in enumerate(names)}
    audio = {}
    for name, condition in track(by_turns.items(), str(out), len(names)):
        audio[name] = (out / "audio" / f"{name}.flac").absolute()
        if not audio[name].exists():
            wave = corpus.read_wave(corpus[name], SAMPLE_RATE)
            write_audio(audio[name], conditions.apply(name, wave, condition), SAMPLE_RATE)
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / "utt2cond", by_turns)
    write_trials(out / "trials", read_trials(corpus.directory / "trials"))
    write_tables(out, {**corpus_tables(corpus), "wav.scp": {name: str(path) for name, path in audio.items()}})


def _batch(wave: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(wave)[None]


def _row(wave: np.ndarray | None) -> torch.Tensor | None:
    return None if wave is None else _batch(wave)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with dev/, noise/ and music/")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn for dev_noisy")
    args = parser.parse_args()
    for sounds in ("noise", "music"):
        split_sounds(args.data / sounds, args.out)
    for part in ("train", "test"):
        write_rooms(args.out / f"rooms_{part}", part)
    write_conditions(Corpus.read(args.data / "dev"), args.out / "dev_noisy", Conditions(args.out, args.seed))


if __name__ == "__main__":
    main()
