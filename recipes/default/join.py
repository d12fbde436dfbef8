"""Writes one data directory of several, whose recordings stay where they are.

python join.py DATA... OUT
"""

import argparse
from pathlib import Path

from pysid.data.copies import corpus_tables, joined, write_tables
from pysid.data.corpus import Corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    write_tables(args.out, joined([corpus_tables(Corpus.read(data)) for data in args.data]))


if __name__ == "__main__":
    main()
