"""Writes a data directory with those speakers of another who have at least so many clips.

    python several_clips.py DATA OUT MIN_CLIPS

A back-end learns how embeddings of one speaker vary, which one clip cannot show.
"""

import argparse
from collections import Counter
from pathlib import Path

from pysid.data.corpus import Corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("min_clips", type=int)
    args = parser.parse_args()
    corpus = Corpus.read(args.data)
    n_clips = Counter(corpus.utt2spk.values())
    chosen = [name for name, speaker in corpus.utt2spk.items() if n_clips[speaker] >= args.min_clips]
    corpus.subset(chosen).write(args.out)


if __name__ == "__main__":
    main()
