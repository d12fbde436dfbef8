"""Cosine against PLDA on the trials of a data directory: python examples/compare_backends.py examples/dev"""

import sys
from pathlib import Path

import numpy as np

import pysid
from pysid.data.corpus import Corpus
from pysid.metrics import equal_error_rate

if len(sys.argv) < 2:
    sys.exit(__doc__)
directory = Path(sys.argv[1])
model, corpus = pysid.load(), Corpus.read(directory)
rate = model.config.sample_rate
# Samples of a corpus are at Kaldi's scale, that of 16-bit integers, and not within [-1, 1].
vectors = {u.id: model.embed(pysid.Int16Scale(corpus.read_wave(u, rate))) for u in corpus}

trials = [line.split() for line in (directory / "trials").read_text().splitlines()]
same = np.array([kind == "target" for _, _, kind in trials])
for kind in ("cosine", "plda"):
    backend = model.scorer(kind)
    scores = np.array([backend.score(vectors[a][None], vectors[b][None])[0, 0] for a, b, _ in trials])
    eer, threshold = equal_error_rate(scores[same], scores[~same])
    print(f"{kind:6}  EER {100 * eer:.2f}% of {len(trials)} trials, at a score of {threshold:.2f}")
