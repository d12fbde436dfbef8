"""Speech missed and falsely found by each detector: `python -m benchmarks.speech [DIR ...] [--vad KIND ...]`.

Each DIR is a data directory with ref.rttm and all.uem, by default $PYSID_DATA/ami_mini. Speech is what `pysid diarize`
finds: by the detector, then the model's rules about lengths. Detectors whose package is not installed are left out.
"""

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure.tables import show, write_json
from pysid.config import assignment
from pysid.diarization.pipeline import Diarizer, union
from pysid.diarization.steps import Windows
from pysid.errors import DataError
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import DerCounts, diarization_error
from pysid.model.directory import DEFAULT_MODEL
from pysid.progress import say
from pysid.segments import Segment, Turn

KINDS = ("network", "silero", "webrtc", "adaptive", "energy")
KALDI = {"kind": "energy", "energy_mean_scale": 0.5, "energy_threshold": 5.5, "proportion_threshold": 0.12}


@dataclass(frozen=True)
class Line:
    """A detector on a data directory; missed and false are shares of the true speech."""

    data: str
    vad: str
    missed: float
    false: float
    cpu_ms_per_s: float


def nothing(_: Sequence[Segment]) -> Windows:
    """In place of windows: what comes after speech detection is not measured."""
    return Windows(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))


def measure(diarizer: Diarizer, directory: Path, vad: str) -> Line:
    reference, uem = read_rttm(directory / "ref.rttm"), read_uem(directory / "all.uem")
    total, spent_s, duration_s = DerCounts(), 0.0, 0.0
    for name, entry in read_wav_scp(directory / "wav.scp").items():
        begun = time.process_time()
        analysis = diarizer.analyse(resolve_path(entry, directory))
        spent_s += time.process_time() - begun
        duration_s += analysis.features.duration_s
        truth = union([turn.segment for turn in reference[name]], analysis.features.duration_s)
        sides = ([Turn(segment, "speech") for segment in segments] for segments in (truth, analysis.speech))
        total += diarization_error(*sides, uem[name])
    rates = total.rates()
    return Line(directory.name, vad, rates["missed"], rates["false alarm"], 1000 * spent_s / duration_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="*")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--vad", nargs="+", default=KINDS, help="(default: %(default)s)")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the diarization")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not args.data and "PYSID_DATA" not in os.environ:
        parser.error("give data directories, or set PYSID_DATA to a folder that has ami_mini/")
    torch.set_num_threads(1)
    lines = []
    for directory in args.data or [Path(os.environ["PYSID_DATA"]) / "ami_mini"]:
        for kind in args.vad:
            vad = {"vad": KALDI} if kind == "energy" else {"vad.kind": kind}
            settings = {"windows.kind": "uniform", "overlap": None, **vad, **dict(map(assignment, args.set))}
            try:
                lines.append(measure(Diarizer.load(args.model, settings=settings, windows=nothing), directory, kind))
            except DataError as error:
                say(f"left out: {kind} ({error})")
    rows = [[x.data, x.vad, f"{100 * x.missed:.1f}", f"{100 * x.false:.1f}", f"{x.cpu_ms_per_s:.1f}"] for x in lines]
    show(["data", "detector", "missed %", "false %", "CPU ms per s of audio"], rows, n_left=2)
    if args.json:
        write_json(args.json, [x.__dict__ for x in lines])


if __name__ == "__main__":
    main()
