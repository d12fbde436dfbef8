"""Tables of the recipe's experiments: equal error rate by epoch, and the last epoch's figures side by side."""

import argparse
import json
from pathlib import Path

from rich.table import Table

from pysid.report.tables import VERIFICATION, print_tables, verification_cells

BACKENDS = ("plda", "nonplda")


def read_results(folder: Path) -> dict[tuple[str, str], dict[int, dict]]:
    """{(experiment, back-end): {epoch: figures}} of all scored epochs below `folder`."""
    results: dict[tuple[str, str], dict[int, dict]] = {}
    for path in sorted(folder.glob("*/epoch-*/*.json")):
        if path.stem in BACKENDS:
            key = (path.parts[-3], path.stem)
            results.setdefault(key, {})[int(path.parts[-2].removeprefix("epoch-"))] = json.loads(path.read_text())
    return results


def by_epoch(results: dict[tuple[str, str], dict[int, dict]]) -> Table:
    """One line per epoch, one column per combination: equal error rates in %."""
    table = Table("epoch", *(f"{name} {backend}" for name, backend in results), title="EER [%] by epoch")
    for epoch in sorted({e for figures in results.values() for e in figures}):
        cells = [f"{100 * figures[epoch]['eer']:.2f}" if epoch in figures else "" for figures in results.values()]
        table.add_row(str(epoch), *cells)
    return table


def last_epoch(results: dict[tuple[str, str], dict[int, dict]]) -> Table:
    """One line per combination: the figures of its last epoch."""
    table = Table("experiment", "back-end", "epoch", *VERIFICATION, title="last epoch")
    for (name, backend), figures in results.items():
        epoch = max(figures)
        table.add_row(name, backend, str(epoch), *verification_cells(figures[epoch]))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of experiments")
    parser.add_argument("--only", help="this experiment alone")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a README")
    args = parser.parse_args()
    results = read_results(args.folder)
    if args.only:
        results = {key: figures for key, figures in results.items() if key[0] == args.only}
    if not results:
        raise SystemExit(f"report.py: no scored epochs in {args.folder}" + (f"/{args.only}" if args.only else ""))
    print_tables([by_epoch(results), last_epoch(results)], as_markdown=args.markdown)


if __name__ == "__main__":
    main()
