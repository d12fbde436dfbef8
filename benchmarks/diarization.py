"""Time and memory of `pysid diarize`: `python -m benchmarks.diarization [--minutes M ...] [--clustering KIND ...]`.

Recordings are clips of single speakers one after the other, each time in another order and at another loudness: the
turns of the example conversation, or with --data those of some speakers of a data directory. Each measurement is a
process of its own, with the command line that a user would give, on as many cores as --threads says; what follows "--"
goes to `pysid diarize`, such as `-- --segmentation pyannote`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.measure.machine import GIB
from benchmarks.measure.tables import console, show, write_json
from pysid.data.corpus import Corpus
from pysid.io.audio.files import read_audio
from pysid.io.turns.rttm import read_rttm
from pysid.parallel.isolated import bytes_of

EXAMPLE = Path(__file__).parents[1] / "examples" / "conversation" / "meeting.ogg"
RATE = 16000  # Hz


@dataclass(frozen=True)
class Cost:
    """What one recording took.

    Attributes:
        seconds: of wall-clock time, from the start of the command to its end.
        peak_gib: the peak of the process's memory.
        n_turns, n_speakers: found.
    """

    minutes: float
    clustering: str
    n_threads: int
    seconds: float
    cpu_seconds: float
    peak_gib: float
    n_turns: int
    n_speakers: int

    @property
    def times_real_time(self) -> float:
        """Duration of the audio over the wall-clock time that it took."""
        return 60 * self.minutes / self.seconds


def example_pieces() -> list[np.ndarray]:
    """The turns of the example conversation, waveforms with a full scale of 1."""
    wave, _ = read_audio(EXAMPLE, sample_rate=RATE)
    turns = [turn.segment for turn in read_rttm(EXAMPLE.with_suffix(".rttm"))["meeting"]]
    return [wave[round(s.start_s * RATE) : round((s.end_s + 0.2) * RATE)] / 32768 for s in turns]


def corpus_pieces(data: Path, n_speakers: int) -> list[np.ndarray]:
    """The clips of those speakers of a data directory who have the most."""
    corpus = Corpus.read(data)
    by_speaker: dict[str, list[str]] = {}
    for utterance, speaker in zip(corpus.ids, corpus.speaker_of_each(), strict=True):
        by_speaker.setdefault(speaker, []).append(utterance)
    chosen = sorted(by_speaker.values(), key=len, reverse=True)[:n_speakers]
    return [corpus.read_wave(corpus[name], RATE) / 32768 for names in chosen for name in names]


def write_recording(path: Path, minutes: float, pieces: Sequence[np.ndarray]) -> None:
    """A FLAC file of so many minutes."""
    rng = np.random.default_rng(0)
    n_left = round(60 * minutes * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, format="FLAC") as file:
        while n_left > 0:
            for i in rng.permutation(len(pieces)):
                piece = (pieces[i] * 10 ** rng.uniform(-0.2, 0))[:n_left]
                file.write(piece)
                n_left -= len(piece)


def measure(path: Path, minutes: float, clustering: str, n_threads: int, options: Sequence[str] = ()) -> Cost:
    """Runs the command and watches it."""
    out = path.parent / "out"
    command = [sys.executable, "-m", "pysid", "diarize", str(path), "-o", str(out), "-f", "json"]
    command += [*(["--clustering", clustering] if clustering != "default" else []), *options]
    start = time.monotonic()
    environment = os.environ | {"OMP_NUM_THREADS": str(n_threads)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"pysid diarize failed: {' '.join(command)}")
    seconds = time.monotonic() - start
    found = json.loads((out / f"{path.stem}.json").read_text())["turns"]
    peak = bytes_of(usage)
    n_speakers = len({turn["speaker"] for turn in found})
    return Cost(
        minutes, clustering, n_threads, seconds, usage.ru_utime + usage.ru_stime, peak / GIB, len(found), n_speakers
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diarization", description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 60, 240], help="(default: %(default)s)")
    parser.add_argument("--clustering", nargs="+", default=["default"], help="default, ahc, spectral, vbx")
    parser.add_argument("--threads", type=int, default=1, help="cores (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="data directory to take clips from")
    parser.add_argument("--speakers", type=int, default=8, help="how many of its speakers (default: %(default)s)")
    parser.add_argument("options", nargs="*", metavar="-- OPTION", help="of pysid diarize")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    pieces = corpus_pieces(arguments.data, arguments.speakers) if arguments.data else example_pieces()
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in arguments.minutes:
            path = Path(folder) / f"{minutes:g}min.flac"
            write_recording(path, minutes, pieces)
            for kind in arguments.clustering:
                costs.append(measure(path, minutes, kind, arguments.threads, arguments.options))
                console().print(f"{minutes:g} min, {kind}: {costs[-1].seconds:.1f} s")
            path.unlink()
    rows = []
    for c in costs:
        speed = f"{c.seconds:.1f}", f"{c.times_real_time:.0f}"
        figures = *speed, f"{c.cpu_seconds:.1f}", f"{c.peak_gib:.2f}", str(c.n_speakers), str(c.n_turns)
        rows.append([f"{c.minutes:g} min", c.clustering, *figures])
    show(
        ["audio", "clustering", "seconds", "times real time", "CPU seconds", "peak GiB", "speakers found", "turns"],
        rows,
        n_left=2,
    )
    if arguments.json:
        write_json(arguments.json, [asdict(cost) for cost in costs])


if __name__ == "__main__":
    main()
