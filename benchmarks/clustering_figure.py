"""The figure of `benchmarks.clustering`, from the files it wrote: time against the number of windows.

`python -m benchmarks.clustering_figure FIGURE.svg FILE.json ...`
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.measure.tasks import Measurement


def draw(measurements: Sequence[Measurement], path: Path) -> None:
    """Writes a plot on logarithmic axes, in the format that the ending of `path` names.

    Args:
        measurements: any, each of `count` windows.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "pysid"  # the same file for the same numbers
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for what, by in dict.fromkeys((m.what.partition(",")[0], m.by) for m in measurements):
        own = sorted((m.count, m.one_core_s) for m in measurements if (m.what.partition(",")[0], m.by) == (what, by))
        axes.loglog(*zip(*own, strict=True), marker="o", label=f"{what}, {by}")
    sizes = np.array(sorted({m.count for m in measurements}), dtype=float)
    fastest = min(m.one_core_s for m in measurements if m.count == sizes[0])
    for power, style in ((2, "--"), (3, ":")):
        axes.loglog(sizes, fastest / 2 * (sizes / sizes[0]) ** power, style, color="grey", label=f"theory: $N^{power}$")
    axes.set_xlabel("windows")
    axes.set_ylabel("seconds, one core")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clustering_figure", description=__doc__)
    parser.add_argument("figure", type=Path, help="to write, .svg or .png")
    parser.add_argument("files", type=Path, nargs="+", help="of python -m benchmarks.clustering --json")
    arguments = parser.parse_args()
    rows = [row for file in arguments.files for row in json.loads(file.read_text())["measurements"]]
    draw([Measurement(**row) for row in rows], arguments.figure)


if __name__ == "__main__":
    main()
