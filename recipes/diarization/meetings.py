"""Real meetings: every clusterer after every voice activity detector, tuned only on simulated conversations."""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from analyse import analyse_all
from experiment import EXTRAS, SYSTEMS, Fold, Task, start_worker, work

from pysid.config import to_plain
from pysid.frontend import VOXCELEB
from pysid.io.files import atomic_text
from pysid.metrics.diarization import DerCounts

DETECTORS = {
    "energy": {"vad": to_plain(VOXCELEB.vad)},
    "adaptive energy": {"vad.kind": "adaptive"},
    "webrtcvad": {"vad.kind": "webrtc", "vad.aggressiveness": 3},
    "webrtcvad, one level": {"vad": {"kind": "webrtc", "aggressiveness": 3, "block_ms": 10, "level": 3000.0}},
    "oracle": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data directory with ref.rttm and all.uem")
    parser.add_argument("exp", type=Path, help="folder of the experiment, with overlap.json of tuned settings")
    parser.add_argument("--model", required=True)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    tuned = json.loads((args.exp / "overlap.json").read_text())
    names = [system.name for system in SYSTEMS] + [f"{name}, {words}" for name, words, _ in EXTRAS]
    table = {}
    for detector, settings in DETECTORS.items():
        fold = Fold(args.data, args.exp / "analyses" / f"meetings-{detector.replace(', ', '-').replace(' ', '-')}")
        analyse_all(args.data, fold.analyses, args.model, settings, detector == "oracle", args.jobs)
        with ProcessPoolExecutor(args.jobs, initializer=start_worker, initargs=(args.model,)) as pool:
            for system in names:
                for count in ("oracle", "found"):
                    # Of the settings that the two folds were tuned to, those of the first.
                    variant = tuned[f"{system} | {count}"]["settings"][0]
                    tasks = [Task(fold, name, (variant,), count) for name in fold.names()]
                    results = [result[0] for result in pool.map(work, tasks)]
                    total = sum((result.counts for result in results), DerCounts())
                    table[f"{detector} | {system} | {count}"] = total.rates()
                    print(f"{detector}, {system}, {count}: DER {100 * total.der:.2f}%", flush=True)
    with atomic_text(args.exp / "meetings.json") as file:
        json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()
