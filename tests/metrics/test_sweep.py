"""The error rates against pyannote.metrics, digit for digit, and as quick for hours of meetings."""

import math
import random
import tracemalloc

import numpy as np
import pytest
from pyannote.core import Annotation, Timeline
from pyannote.core import Segment as Piece
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

from pysid.io.turns.annotation import to_annotation
from pysid.io.turns.cues import by_speaker
from pysid.metrics import sweep
from pysid.metrics.diarization import diarization_error, jaccard_error, speaker_mapping
from pysid.metrics.sweep import best_pairs
from pysid.segments import Segment, Turn


def some_turns(rng: random.Random, n_turns: int, names: list[str], digits: int) -> list[Turn]:
    """Turns of a meeting, a part of which overlap; with few digits many of them share as much time as others."""
    time_s, turns = 0.0, []
    for _ in range(n_turns):
        start_s = round(max(0.0, time_s + rng.uniform(-1.5, 1.5)), digits)
        time_s = round(start_s + rng.uniform(0.0, 4.0), digits)
        turns.append(Turn(Segment(start_s, time_s), rng.choice(names)))
    return turns


def annotation(turns: list[Turn]) -> Annotation:
    return to_annotation([Turn(segment, name) for name, own in by_speaker(turns).items() for segment in own])


CASES = [
    (seed, n_speakers, digits)
    for seed, (n_speakers, digits) in enumerate([(2, 0), (3, 1), (5, 3), (5, 9), (12, 1), (30, 2), (40, 6)] * 3)
]


@pytest.mark.parametrize(("seed", "n_speakers", "digits"), CASES)
def test_matches_pyannote_to_the_last_digit(seed, n_speakers, digits):
    rng = random.Random(seed)
    names = [f"s{i}" for i in range(n_speakers)]
    reference = some_turns(rng, 80, names, digits)
    hypothesis = some_turns(rng, 70, names[: max(2, n_speakers - 2)], digits)
    if seed % 3 == 0:
        uem = [Segment(3, 40), Segment(40, 60), Segment(70, 1000)]
    else:
        ends = [time for turn in reference + hypothesis for time in (turn.segment.start_s, turn.segment.end_s)]
        uem = [Segment(min(ends), max(ends))]
    pieces = Timeline([Piece(segment.start_s, segment.end_s) for segment in uem])
    inputs = (annotation(reference), annotation(hypothesis), pieces)
    for collar_s, skip_overlap in ((0.0, False), (0.25, False), (0.1, True)):
        counts = diarization_error(reference, hypothesis, uem, collar_s=collar_s, skip_overlap=skip_overlap)
        expected = DiarizationErrorRate(2 * collar_s, skip_overlap).compute_components(*inputs)
        found = (counts.total, counts.missed, counts.false_alarm, counts.confusion)
        assert found == tuple(expected[part] for part in ("total", "missed detection", "false alarm", "confusion"))
    jer = JaccardErrorRate().compute_components(*inputs)
    found_jer = jaccard_error(reference, hypothesis, uem)
    assert (found_jer.n_speakers, found_jer.error) == (jer["speaker count"], jer["speaker error"])


def test_pairs_of_a_large_table_are_as_good_as_those_of_a_small_one(monkeypatch):
    rng = random.Random(1)
    names = [f"s{i}" for i in range(60)]
    reference, hypothesis = some_turns(rng, 500, names, 3), some_turns(rng, 500, names[:50], 3)
    dense = diarization_error(reference, hypothesis)
    mapping = speaker_mapping(reference, hypothesis)
    monkeypatch.setattr(sweep, "DENSE_CELLS", 10)
    monkeypatch.setattr(sweep, "DENSE_SHARE", 0)
    assert diarization_error(reference, hypothesis) == dense
    assert speaker_mapping(reference, hypothesis) == mapping


def test_hundreds_who_all_talk_at_once_fill_no_memory():
    tracks = {f"s{i:03d}": [(i / 1000, 100 - i / 1000)] for i in range(500)}
    best_pairs(tracks, {"s000": [(0.0, 1.0)]})  # what is imported does not count
    tracemalloc.start()
    try:
        assert best_pairs(tracks, tracks) == {name: name for name in tracks}
        assert tracemalloc.get_traced_memory()[1] < 40 * len(tracks) ** 2  # bytes: a few numbers for each pair
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_work_grows_with_the_turns_and_not_with_their_square(monkeypatch):
    """Counted, not timed: how often durations are compared, for a meeting and for one eight times as long."""
    n_compared = [0]
    lasts = sweep._lasts

    def counting(span: tuple[float, float]) -> bool:
        n_compared[0] += 1
        return lasts(span)

    monkeypatch.setattr(sweep, "_lasts", counting)
    work = []
    for n_turns in (500, 4000):
        n_compared[0] = 0
        rng = random.Random(0)
        names = [f"s{i}" for i in range(n_turns // 3)]
        turns = some_turns(rng, n_turns, names, 3)
        diarization_error(turns, some_turns(rng, n_turns, names, 3), collar_s=0.25, skip_overlap=True)
        work.append(n_compared[0])
    assert work[1] < 10 * work[0]


def test_spans_of_nothing_are_nothing():
    assert sweep.joined([(1.0, 1.0), (2.0, 2.0 + 1e-7)]) == []
    assert sweep.without([(0.0, 1.0)], [(0.5, 0.5 + 1e-7)]) == [(0.0, 0.5), (0.5 + 1e-7, 1.0)]
    assert sweep.common([(0.0, 1.0)], []) == []
    assert math.isclose(sweep.seconds([(0.0, 0.25), (1.0, 1.5)]), 0.75)
    assert sweep.best_pairs({}, {"anna": [(0.0, 1.0)]}) == {}
    assert np.isfinite(sweep.seconds([]))
