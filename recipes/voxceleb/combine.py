"""One data directory from several, as Kaldi's utils/combine_data.sh makes it; with features if all have them.

python combine.py OUT DIRECTORY DIRECTORY...
"""

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pysid.data.copies import corpus_tables, joined, sorted_names, write_tables
from pysid.data.corpus import Corpus
from pysid.data.features import FRONTEND_FILE, read_frontend
from pysid.errors import DataError
from pysid.io.ark.archive import split_entry
from pysid.io.scp import resolve_path
from pysid.io.tables import read_num_frames, read_table, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("directories", type=Path, nargs="+")
    args = parser.parse_args()
    try:
        combine(args.out, args.directories)
    except DataError as error:
        raise SystemExit(f"combine.py: {error}") from None


def combine(out: Path, directories: Sequence[Path]) -> None:
    """Writes the tables that all directories have, and their features.

    Raises:
        DataError: a directory is not one, two have an utterance in common, or their features are from two front-ends.
    """
    corpora = [Corpus.read(directory) for directory in directories]
    tables = joined([corpus_tables(corpus) for corpus in corpora])
    if len(tables["utt2spk"]) < sum(map(len, corpora)):
        listed = ", ".join(map(str, directories))
        raise DataError(f"{out}: expected directories without an utterance in common, got {listed}")
    if all((directory / "feats.scp").exists() for directory in directories):
        join_features(out, directories)
    write_tables(out, tables)
    print(f"{out}: {len(set(tables['utt2spk'].values()))} speakers, {len(tables['utt2spk'])} utterances")


def join_features(out: Path, directories: Sequence[Path]) -> None:
    """Writes feats.scp with absolute paths, utt2num_frames and frontend.json."""
    frontends = [read_frontend(directory) for directory in directories]
    odd = next((directory for directory, x in zip(directories, frontends, strict=True) if x != frontends[0]), None)
    if odd:
        raise DataError(f"{odd}: expected features of the front-end of {directories[0]}, got others")
    entries: dict[str, str] = {}
    n_frames: dict[str, int] = {}
    for directory in directories:
        n_frames |= read_num_frames(directory / "utt2num_frames")
        for name, entry in read_table(directory / "feats.scp").items():
            path = split_entry(entry)[0]
            entries[name] = os.path.abspath(resolve_path(path, directory)) + entry.removeprefix(path)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(directories[0] / FRONTEND_FILE, out / FRONTEND_FILE)
    write_table(out / "utt2num_frames", {name: n_frames[name] for name in sorted_names(n_frames)})
    write_table(out / "feats.scp", {name: entries[name] for name in sorted_names(entries)})


if __name__ == "__main__":
    main()
