"""The tables of the recipe's README, and a conversation's labels beside the true ones."""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import diarization_error
from pysid.report.tables import print_tables
from pysid.report.timeline import compare_labels, render_timeline

KINDS = {
    "plain": "no overlap",
    "phone": "the same by telephone",
    "overlap": "with overlap, pauses, unlike levels",
    "joined": "windows of joined speech",
    "single": "one speaker",
}
COUNTS = {"oracle": "known", "found": "found", "4": "4"}


def simulated(exp: Path) -> Table:
    """One line per system: error rates and how often the number of speakers was right."""
    table = Table("conversations", "system", "speakers", "DER %", "missed", "false alarm", "confusion", "right count %")
    for kind, words in KINDS.items():
        path = exp / f"{kind}.json"
        for key, result in json.loads(path.read_text()).items() if path.exists() else ():
            system, count = key.split(" | ")
            rates = [f"{100 * result[name]:.2f}" for name in ("DER", "missed", "false alarm", "confusion")]
            right = f"{100 * result['right_count']:.0f}" if count == "found" else ""
            table.add_row(words, system, COUNTS[count], *rates, right)
    return table


def speaker_counts(exp: Path) -> Table:
    """A line per system, a column per true number of speakers: how many were found on average, and how often right."""
    found: dict[tuple[str, str], dict[int, str]] = {}
    for kind, words in KINDS.items():
        path = exp / f"{kind}.json"
        for key, result in json.loads(path.read_text()).items() if path.exists() else ():
            system, count = key.split(" | ")
            if count == "found" and "counts" in result:
                found[words, system] = {
                    x["n_true"]: f"{x['mean_found']:.2f} ({100 * x['right']:.0f}% of {x['n_recordings']})"
                    for x in result["counts"]
                }
    numbers = sorted({n for row in found.values() for n in row})
    table = Table("conversations", "system", *(f"found of {n} (right)" for n in numbers))
    for (words, system), row in found.items():
        table.add_row(words, system, *(row.get(n, "") for n in numbers))
    return table


def meetings(path: Path) -> Table:
    """A line per system, a column per voice activity detector: DER with known and with found number of speakers."""
    results = {tuple(key.split(" | ")): rates for key, rates in json.loads(path.read_text()).items()}
    detectors = list(dict.fromkeys(detector for detector, _, _ in results))
    table = Table("system", "speakers", *(f"{detector}, DER %" for detector in detectors))
    for _, system, count in dict.fromkeys(("", system, count) for _, system, count in results):
        cells = [f"{100 * results[detector, system, count]['DER']:.1f}" for detector in detectors]
        table.add_row(system, {"oracle": "known", "found": "found"}[count], *cells)
    return table


def show(console: Console, data: Path, rttm: Path) -> None:
    """The first conversation: its time line, and labels every 0.75 s under the true ones."""
    hypotheses = read_rttm(rttm)
    name = next(iter(hypotheses))
    reference, hypothesis = read_rttm(data / "ref.rttm")[name], hypotheses[name]
    (whole,) = uem = read_uem(data / "all.uem")[name]
    console.print(f"{name}, {rttm.stem}: DER {100 * diarization_error(reference, hypothesis, uem).der:.2f}%")
    console.print(render_timeline(hypothesis, whole.end_s, reference))
    labels = []
    speakers = sorted({turn.speaker for turn in [*reference, *hypothesis]})
    for turns in (reference, hypothesis):
        row = np.full(int(whole.end_s / 0.75), -1)
        for turn in turns:
            row[round(turn.segment.start_s / 0.75) : round(turn.segment.end_s / 0.75)] = speakers.index(turn.speaker)
        labels.append(row)
    spoken = (labels[0] >= 0) & (labels[1] >= 0)
    console.print(compare_labels(labels[0][spoken], labels[1][spoken]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp", type=Path, help="folder of the experiment")
    parser.add_argument("--show", type=Path, help="data directory whose first conversation is drawn")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a README")
    args = parser.parse_args()
    tables = [simulated(args.exp), speaker_counts(args.exp)]
    if (args.exp / "meetings.json").exists():
        tables.append(meetings(args.exp / "meetings.json"))
    print_tables(tables, as_markdown=args.markdown)
    if args.show:
        show(Console(), args.show, args.exp / "rttm" / "plain" / "a" / "PLDA-AHC-found.rttm")


if __name__ == "__main__":
    main()
