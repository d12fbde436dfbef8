"""Kaldi's programs around clustering: which windows are cut, who speaks in them, and which turns result.

They write text, of which every line must be the same.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.parity.reference import Command, Reference
from benchmarks.parity.rows import IDENTICAL, Row, compare
from pysid.diarization.ahc import FIRST_PASS_MAX, agglomerative_clustering
from pysid.diarization.steps import Windows
from pysid.diarization.turns import kaldi_rttm_line, turns_from_windows
from pysid.diarization.windows import WindowConfig, subsegment_lines
from pysid.frontend.kaldi_options import boolean
from pysid.segments import Segment


def subsegment_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """get_uniform_subsegments.py."""
    rows = reference.rows(command.arguments[0])
    utterances = [(row[0], Segment(float(row[2]), float(row[3]))) for row in rows]
    lines = list(subsegment_lines(utterances, WindowConfig.from_kaldi(command.options)))
    return [_line_row("sub-segments", reference, name, lines)]


def label_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """agglomerative-cluster."""
    options = {option.replace("_", "-"): value for option, value in command.options.items()}
    scores, reco2utt = (argument.partition(":")[2] for argument in command.arguments[:2])
    windows = reference.lists(reco2utt)
    numbers_file = options.get("reco2num-spk-rspecifier", "").partition(":")[2]
    n_speakers = reference.lists(numbers_file) if numbers_file else {}
    sign = 1 if boolean(options.get("read-costs", "false")) else -1
    lines = []
    for recording, matrix in reference.matrices(scores).items():
        labels = agglomerative_clustering(
            sign * matrix,
            threshold=sign * float(options.get("threshold", 0.0)),
            n_clusters=int(n_speakers[recording][0]) if n_speakers else None,
            max_fraction=float(options.get("max-spk-fraction", 1.0)),
            first_pass_max=int(options.get("first-pass-max-utterances", FIRST_PASS_MAX)),
        )
        lines += [f"{window} {label} " for window, label in zip(windows[recording], labels, strict=True)]
    return [_line_row("labels of windows", reference, name, lines)]


def rttm_rows(reference: Reference, name: str, command: Command) -> list[Row]:
    """make_rttm.py."""
    segments_file, labels_file = command.arguments[-3:-1]
    channel = int(command.options.get("rttm-channel", "0") or command.arguments[0])  # where it comes without "="
    labels = reference.lists(labels_file)
    recordings: dict[str, list[tuple[float, float, str]]] = {}
    for window, recording, start_s, end_s in reference.rows(segments_file):
        recordings.setdefault(recording, []).append((float(start_s), float(end_s), labels[window][0]))
    lines = []
    for recording, pieces in sorted(recordings.items()):
        starts_s, ends_s, speakers = zip(*pieces, strict=True)
        windows = Windows(np.array(starts_s), np.array(ends_s), np.zeros(len(pieces), dtype=np.int64))
        lines += [kaldi_rttm_line(recording, turn, channel) for turn in turns_from_windows(windows, speakers)]
    return [_line_row("turns", reference, name, lines)]


def _line_row(what: str, reference: Reference, name: str, lines: Sequence[str]) -> Row:
    kaldis = reference.path(name).read_text().splitlines()
    return compare(what, name, {"lines": np.array(lines)}, {"lines": np.array(kaldis)}, IDENTICAL, 0.0)
