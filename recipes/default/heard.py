"""Writes what the back-end of windows learns from: of each speaker with many clips so many of each kind.

python heard.py CLEAN COPIES TELEPHONE OUT

CLEAN is a data directory of clips, COPIES one of the same clips and noisy copies of them (as `pysid augment` writes),
TELEPHONE one of copies over a telephone. With all of them, the few speakers who have most would count most.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pysid.data.copies import corpus_tables, joined, write_tables
from pysid.data.corpus import Corpus

MIN_CLIPS = 5  # of a speaker
CLEAN, NOISY, TELEPHONE = 5, 3, 1  # of each speaker, where there are so many
SEED = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("clean", "copies", "telephone", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    clean, copies, telephone = (Corpus.read(data) for data in (args.clean, args.copies, args.telephone))
    clips = _by_speaker(clean, clean.utt2spk)
    noisy = _by_speaker(copies, (name for name in copies.utt2spk if name not in clean.utt2spk))
    called = _by_speaker(telephone, telephone.utt2spk)
    rng = np.random.default_rng(SEED)

    def some(names: list[str], n: int) -> list[str]:
        return [names[i] for i in rng.permutation(len(names))[:n]]

    near, far = [], []
    for speaker, own in clips.items():
        if len(own) >= MIN_CLIPS:
            near += some(own, CLEAN) + some(noisy.get(speaker, []), NOISY)
            far += some(called.get(speaker, []), TELEPHONE)
    if not near:
        raise SystemExit(f"heard.py: {args.clean}: expected speakers with {MIN_CLIPS} clips or more, got none")
    write_tables(args.out, joined([corpus_tables(copies.subset(near)), corpus_tables(telephone.subset(far))]))


def _by_speaker(corpus: Corpus, names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(corpus.utt2spk[name], []).append(name)
    return found


if __name__ == "__main__":
    main()
