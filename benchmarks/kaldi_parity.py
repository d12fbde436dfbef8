"""How far pysid's numbers are from Kaldi's: `python -m benchmarks.kaldi_parity [--json PATH]`.

Each command in the reference's `commands.tsv` is done again by pysid, and its output compared with the file
that Kaldi wrote. The exit status is 1 if a deviation exceeds its bound.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.measure.tables import console, show, write_json
from benchmarks.parity import backend, chains, clustering, frontend, nnet3, scoring
from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import Row

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "kaldi"

PROGRAMS: dict[str, Callable[[Reference, str, Command], list[Row]]] = {
    "compute-mfcc-feats": frontend.feature_rows,
    "compute-fbank-feats": frontend.feature_rows,
    "compute-vad": frontend.vad_rows,
    "apply-cmvn-sliding": frontend.cmvn_rows,
    "add-deltas": frontend.delta_rows,
    "copy-feats": frontend.compressed_rows,
    "nnet3-xvector-compute": nnet3.xvector_rows,
    "ivector-mean": backend.mean_rows,
    "ivector-compute-lda": backend.lda_rows,
    "ivector-compute-plda": backend.plda_rows,
    "ivector-copy-plda": backend.smoothing_rows,
    "ivector-adapt-plda": backend.adaptation_rows,
    "ivector-subtract-global-mean": backend.projection_rows,
    "ivector-plda-scoring": scoring.plda_score_rows,
    "ivector-plda-scoring-dense": scoring.dense_score_rows,
    "ivector-compute-dot-products": scoring.cosine_score_rows,
    "get_uniform_subsegments.py": clustering.subsegment_rows,
    "agglomerative-cluster": clustering.label_rows,
    "make_rttm.py": clustering.rttm_rows,
    "compute-eer": scoring.eer_rows,
    "compute_min_dcf.py": scoring.min_dcf_rows,
}
"""What pysid has for Kaldi's programs, by name; files of other programs are not compared."""


def parity_rows(reference: Reference) -> Iterator[Row]:
    """The rows of all files whose program is known, then those of several steps at once."""
    for name, text in reference.commands.items():
        command = reference.parse(text)
        if command.program in PROGRAMS:
            yield from PROGRAMS[command.program](reference, name, command)
    for name, chain in chains.CHAINS.items():
        if name in reference.commands:
            yield from chain(reference)


def not_compared(reference: Reference) -> dict[str, int]:
    """The programs that no row is about, with the number of files each made."""
    programs = Counter(reference.parse(text).program for text in reference.commands.values())
    return {program: n for program, n in programs.items() if program not in PROGRAMS}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kaldi_parity", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--reference", type=Path, default=GOLDEN, help="folder with a commands.tsv")
    arguments = parser.parse_args()
    if not (arguments.reference / "commands.tsv").is_file():
        parser.error(f"{arguments.reference}: expected a folder with a commands.tsv")
    reference = Reference(arguments.reference)
    with torch.inference_mode():
        rows = list(parity_rows(reference))
    header = ["what", "Kaldi's file", "measured", "remark", "values", "largest deviation", "bound", "ok"]
    show(header, [_cells(row) for row in rows], n_left=4)
    broken = [row for row in rows if not row.is_ok]
    missing = not_compared(reference)
    out = console()
    out.print(f"{len(rows)} rows, {sum(row.bound is not None for row in rows)} bounded, {len(broken)} broken")
    out.print("files not compared:", ", ".join(f"{n} of {program}" for program, n in missing.items()) or "none")
    if arguments.json:
        write_json(arguments.json, {"rows": [_json_row(row) for row in rows], "not_compared": missing})
    return 1 if broken else 0


def _cells(row: Row) -> list[str]:
    verdict = "-" if row.bound is None else "yes" if row.is_ok else "NO"
    bound = "not bounded" if row.bound is None else _short(row.bound, 0)
    deviation = _short(row.deviation, 1)
    return [row.what, row.case, row.measure, row.remark, f"{row.n_values:,}", deviation, bound, verdict]


def _short(value: float, digits: int) -> str:
    """A number as 1e-4, not 1e-04."""
    return f"{value:.{digits}e}".replace("e-0", "e-").replace("e+00", "") if value else "0"


def _json_row(row: Row) -> dict[str, object]:
    finite = row.deviation if math.isfinite(row.deviation) else None
    return asdict(row) | {"deviation": finite, "is_ok": row.is_ok}


if __name__ == "__main__":
    sys.exit(main())
