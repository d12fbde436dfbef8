"""agglomerative-cluster."""

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.command_line import Option
from pysid.kaldi.holders import INTEGER, MATRIX, WORDS
from pysid.kaldi.run import Program, Run

_FIRST_PASS_MAX = 32767


def _agglomerative_cluster(run: Run) -> int:
    from pysid.diarization.ahc import agglomerative_clustering

    score_table, lists, label_table = run.arguments
    segments = run.lookup(lists, WORDS)
    counts_name = run.options["reco2num-spk-rspecifier"]
    counts = run.lookup(counts_name, INTEGER) if counts_name else None
    sign = np.float32(1 if run.options["read-costs"] else -1)
    writer = run.write(label_table, INTEGER)
    for recording, scores in run.read(score_table, MATRIX):
        names = segments[recording]
        if scores.shape != (len(names), len(names)):
            raise DataError(f"{recording}: expected {len(names)} x {len(names)} scores, got {scores.shape}")
        labels = agglomerative_clustering(
            sign * scores,
            threshold=float(sign) * run.options["threshold"],
            n_clusters=None if counts is None else counts[recording],
            max_fraction=run.options["max-spk-fraction"],
            first_pass_max=run.options["first-pass-max-utterances"],
        )
        for name, label in zip(names, labels, strict=True):
            writer.write(name, int(label))
    return 0


PROGRAMS = {
    "agglomerative-cluster": Program(
        "Cluster the segments of each recording by their scores.\n"
        "Usage: agglomerative-cluster [options] <scores-rspecifier> <reco2utt-rspecifier> <labels-wspecifier>",
        (3,),
        _agglomerative_cluster,
        (
            Option("reco2num-spk-rspecifier", "", "Table of the number of speakers; without it --threshold counts"),
            Option("threshold", 0.0, "Clusters are merged while their score is higher (cost lower) than this"),
            Option("read-costs", False, "Read costs instead of scores"),
            Option("first-pass-max-utterances", _FIRST_PASS_MAX, "Longer recordings are clustered in two passes"),
            Option("max-spk-fraction", 1.0, "With a number of speakers: the largest share that one may have"),
        ),
    ),
}
