"""Equal error rates and minDCFs of the recipe's experiments, beside those that Kaldi has published."""

import argparse
import json
from pathlib import Path

from rich.table import Table

from pysid.report.tables import VERIFICATION, print_tables, verification_cells

# kaldi/egs/voxceleb/v2/run.sh: 7,323 training speakers, the original list O.
KALDI = {"eer": 0.03128, "min_dcf": {"0.01": 0.3258, "0.001": 0.5003}}
LISTS = {"o": "O", "o-cleaned": "O, cleaned", "e": "E", "e-cleaned": "E, cleaned", "h": "H", "h-cleaned": "H, cleaned"}
BACKENDS = {"plda": "PLDA", "nonplda": "cosine"}
SEEN = "*"


def results(exp: Path) -> Table:
    """One line per experiment, trial list and back-end, in the order of the lists."""
    table = Table("experiment", "back-end", "list", *VERIFICATION, title="VoxCeleb1")
    table.add_row("Kaldi, published", "PLDA", "O", *verification_cells(KALDI, 3), end_section=True)
    order = list(LISTS)
    for folder in sorted(path.parent for path in exp.glob("*/trained-on")):
        unseen = (folder / "trained-on").read_text().strip() == "voxceleb2"
        paths = [(*path.name.split("."), path) for path in sorted(folder.glob("scores/*.json"))]
        for name, backend, *more, path in sorted(paths, key=lambda x: (order.index(x[0]) if x[0] in order else 99, x)):
            figures = json.loads(path.read_text())
            kind = BACKENDS[backend] + (", as-norm" if "as-norm" in more else "")
            title = LISTS.get(name, name) + ("" if unseen or name.startswith("o") else SEEN)
            table.add_row(folder.name, kind, title, *verification_cells(figures, 3))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp", type=Path, help="folder of experiments")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a README")
    args = parser.parse_args()
    table = results(args.exp)
    if table.row_count == 1:
        raise SystemExit(f"report.py: no scored experiments in {args.exp}")
    print_tables([table], as_markdown=args.markdown)
    if any(SEEN in str(cell) for cell in table.columns[2].cells):
        print(f"{SEEN} the system was trained on speakers of this list")


if __name__ == "__main__":
    main()
