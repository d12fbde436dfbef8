"""Diarization and Jaccard error rates: against md-eval, against frames, and by their laws."""

import math
import re
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import (
    DerCounts,
    JerCounts,
    diarization_error,
    error_pieces,
    jaccard_error,
    speaker_mapping,
)
from pysid.segments import Segment, Turn

GOLDEN = Path(__file__).parents[1] / "golden" / "md-eval"  # by make.sh there
CASES = sorted(GOLDEN.glob("collar*.txt"))
assert CASES, "md-eval's results are missing"

FRAME_S = 0.1
N_FRAMES = 100


def turn(start_s: float, end_s: float, speaker: str) -> Turn:
    return Turn(Segment(start_s, end_s), speaker)


def seconds(counts: DerCounts) -> list[float]:
    return [counts.total, counts.missed, counts.false_alarm, counts.confusion]


frame_pairs = st.tuples(st.integers(0, N_FRAMES), st.integers(0, N_FRAMES)).map(sorted)
segments = frame_pairs.map(lambda pair: Segment(pair[0] * FRAME_S, pair[1] * FRAME_S))
references = st.lists(st.builds(Turn, segments, st.sampled_from("abc")), max_size=9)
hypotheses = st.lists(st.builds(Turn, segments, st.sampled_from("wxyz")), max_size=9)
uems = st.none() | st.lists(segments, max_size=3)
few = settings(max_examples=50, deadline=None)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_matches_md_eval(path):
    collar_s, skip_overlap = float(path.stem.split("-")[0].removeprefix("collar")), path.stem.endswith("skipped")
    reference, hypothesis = read_rttm(GOLDEN / "ref.rttm"), read_rttm(GOLDEN / "hyp.rttm")
    uem = read_uem(GOLDEN / "all.uem")
    counts = {
        name: diarization_error(turns, hypothesis[name], uem[name], collar_s=collar_s, skip_overlap=skip_overlap)
        for name, turns in reference.items()
    }
    counts["ALL"] = sum(counts.values(), DerCounts())
    results = path.read_text(encoding="utf-8").split("*** Performance analysis for Speaker Diarization for ")[1:]
    assert len(results) == len(counts) == 5
    for result in results:
        name = result.split()[0].removeprefix("f=")
        printed = [float(number) for number in re.findall(r"TIME = +([\d.]+) secs", result)]
        np.testing.assert_allclose(seconds(counts[name]), printed, rtol=0, atol=0.0051)  # it prints hundredths


def frames_of(turns: list[Turn]) -> np.ndarray:
    """(T, S) bool: which speaker talks in which frame."""
    speakers = sorted({turn.speaker for turn in turns})
    active = np.zeros((N_FRAMES, len(speakers)), dtype=bool)
    for t in turns:
        active[round(t.segment.start_s / FRAME_S) : round(t.segment.end_s / FRAME_S), speakers.index(t.speaker)] = True
    return active


def frames(reference: list[Turn], hypothesis: list[Turn], uem: list[Segment] | None) -> tuple[np.ndarray, np.ndarray]:
    """(T, R) and (T, H) bool of the scored frames, and of the speakers who talk in them."""
    scored = slice(None) if uem is None else frames_of([Turn(segment, "") for segment in uem]).any(1)
    speaks, said = frames_of(reference)[scored], frames_of(hypothesis)[scored]
    return speaks[:, speaks.any(0)], said[:, said.any(0)]


def der_of_frames(speaks: np.ndarray, said: np.ndarray) -> list[float]:
    """Seconds in all, missed, of false alarm and of confusion."""
    shared = speaks.T.astype(int) @ said.astype(int)
    n_right = shared[linear_sum_assignment(-shared)].sum()
    n_ref, n_hyp = speaks.sum(1), said.sum(1)
    missed, false_alarm = np.maximum(n_ref - n_hyp, 0).sum(), np.maximum(n_hyp - n_ref, 0).sum()
    return [FRAME_S * n for n in (n_ref.sum(), missed, false_alarm, np.minimum(n_ref, n_hyp).sum() - n_right)]


@few
@given(references, hypotheses, uems)
def test_der_of_frames(reference, hypothesis, uem):
    counts = diarization_error(reference, hypothesis, uem)
    np.testing.assert_allclose(seconds(counts), der_of_frames(*frames(reference, hypothesis, uem)), atol=1e-6)


@few
@given(references, hypotheses)
def test_der_of_frames_without_overlap(reference, hypothesis):
    speaks, said = frames(reference, hypothesis, None)
    single = speaks.sum(1) < 2
    counts = diarization_error(reference, hypothesis, skip_overlap=True)
    np.testing.assert_allclose(seconds(counts), der_of_frames(speaks[single], said[single]), atol=1e-6)


@few
@given(references, hypotheses, st.integers(0, 9))
def test_der_of_frames_with_a_collar(reference, hypothesis, collar):
    """Frames nearer than the collar to where a speaker of the reference starts or stops do not count."""
    ends = {(t.speaker, t.segment.end_s) for t in reference}
    assume(not any((t.speaker, t.segment.start_s) in ends for t in reference))  # frames do not show where turns touch
    speaks, said = frames(reference, hypothesis, None)
    keep = np.ones(N_FRAMES, dtype=bool)
    silence = np.zeros((1, speaks.shape[1]), dtype=bool)
    for boundary in np.flatnonzero(np.diff(np.concatenate([silence, speaks, silence]), axis=0).any(1)):
        keep[max(boundary - collar, 0) : boundary + collar] = False
    counts = diarization_error(reference, hypothesis, collar_s=collar * FRAME_S)
    np.testing.assert_allclose(seconds(counts), der_of_frames(speaks[keep], said[keep]), atol=1e-6)


@few
@given(references, hypotheses, uems)
def test_jer_of_frames(reference, hypothesis, uem):
    """That of one of the pairings that share the most time; there may be several."""
    speaks, said = frames(reference, hypothesis, uem)
    shared = speaks.T.astype(int) @ said.astype(int)
    jaccard = shared / np.maximum(speaks.sum(0)[:, None] + said.sum(0) - shared, 1)
    n = len(shared)
    padding = ((0, 0), (0, n))  # a speaker may stay alone
    shared, jaccard = np.pad(shared, padding), np.pad(jaccard, padding)
    pairings = [
        (shared[range(n), p].sum(), n - jaccard[range(n), p].sum()) for p in permutations(range(len(shared.T)), n)
    ]
    most = max(time for time, _ in pairings)
    counts = jaccard_error(reference, hypothesis, uem)
    assert counts.n_speakers == n
    assert any(math.isclose(counts.error, error, abs_tol=1e-6) for time, error in pairings if time == most)


@few
@given(references, hypotheses, uems)
def test_error_pieces_add_up_to_the_counts(reference, hypothesis, uem):
    pieces = error_pieces(reference, hypothesis, uem)
    counts = diarization_error(reference, hypothesis, uem)
    for name in ("missed", "false_alarm", "confusion"):
        summed = sum(piece.segment.duration_s * getattr(piece, name) for piece in pieces)
        assert summed == pytest.approx(getattr(counts, name), abs=1e-6)
    assert all(a.segment.end_s <= b.segment.start_s for a, b in pairwise(pieces))
    for piece in pieces:
        assert piece.segment.duration_s > 0
        assert not (piece.missed and piece.false_alarm)
        assert len(piece.reference) - len(piece.hypothesis) == piece.missed - piece.false_alarm
        middle_s = (piece.segment.start_s + piece.segment.end_s) / 2
        for turns, names in ((reference, piece.reference), (hypothesis, piece.hypothesis)):
            active = {t.speaker for t in turns if t.segment.start_s <= middle_s < t.segment.end_s}
            assert names == tuple(sorted(active))


@few
@given(references, st.permutations("wxyz"), st.floats(0, 1), st.booleans())
def test_a_reference_under_other_names_is_without_error(reference, names, collar_s, skip_overlap):
    renamed = [Turn(t.segment, names["abc".index(t.speaker)]) for t in reversed(reference)]
    counts = diarization_error(reference, renamed, collar_s=collar_s, skip_overlap=skip_overlap)
    assert counts.der == 0
    assert jaccard_error(reference, renamed).error == pytest.approx(0, abs=1e-9)
    assert error_pieces(reference, renamed) == []


@few
@given(references)
def test_all_is_missed_without_a_hypothesis(reference):
    counts = diarization_error(reference, [])
    assert seconds(counts) == [counts.total, counts.total, 0, 0]
    jer = jaccard_error(reference, [])
    assert jer.error == jer.n_speakers
    assert diarization_error([], reference).total == 0
    assert diarization_error([], reference).der == float(counts.total > 0)


def test_counts_add_and_rates_do_not():
    first = diarization_error([turn(0, 8, "a")], [turn(0, 8, "x")])
    second = diarization_error([turn(0, 2, "a")], [turn(1, 2, "x")])
    assert (first.der, second.der) == (0, 0.5)
    assert (first + second).der == 0.1
    assert sum([first, second], DerCounts()) == DerCounts(total=10.0, missed=1.0)
    assert JerCounts(2, 0.5) + JerCounts(1, 1.0) == JerCounts(3, 1.5)
    assert math.isnan(JerCounts().jer)


REFERENCE = [turn(1, 3, "a"), turn(5, 8, "b")]
HYPOTHESIS = [turn(1.2, 3.2, "x"), turn(4.5, 8, "y")]


@pytest.mark.parametrize(
    ("collar_s", "expected"),
    [
        (0.0, [5, 0.2, 0.7, 0]),
        (0.1, [4.6, 0.1, 0.5, 0]),  # each boundary loses 0.1 s of the turn and 0.1 s outside of it
        (0.25, [4.0, 0.0, 0.25, 0]),
    ],
)
def test_the_collar_is_on_each_side_of_a_reference_boundary(collar_s, expected):
    counts = diarization_error(REFERENCE, HYPOTHESIS, collar_s=collar_s)
    np.testing.assert_allclose(seconds(counts), expected, atol=1e-9)


def test_a_collar_is_also_where_two_turns_of_a_speaker_touch():
    """As in md-eval and pyannote.metrics."""
    reference = [turn(0, 5, "a"), turn(5, 10, "a")]
    assert diarization_error(reference, [turn(0, 10, "x")], collar_s=0.25).total == 9.0


def test_the_default_region_reaches_over_both():
    late = [*HYPOTHESIS, turn(20, 21, "x")]
    assert diarization_error(REFERENCE, late).false_alarm == pytest.approx(1.7)
    assert diarization_error(REFERENCE, late, [Segment(0, 10)]).false_alarm == pytest.approx(0.7)
    assert diarization_error(REFERENCE, late, []) == DerCounts()


def test_overlapping_turns_of_a_speaker_count_once():
    assert diarization_error([turn(0, 4, "a"), turn(2, 6, "a")], [turn(0, 6, "x"), turn(1, 2, "x")]) == DerCounts(6.0)


def test_pairs_are_the_best_in_sum():
    """x shares most with a, but only so that y is left without anyone."""
    reference = [turn(0, 5, "a"), turn(5, 9, "b")]
    hypothesis = [turn(0, 2, "y"), turn(2, 9, "x")]
    assert speaker_mapping(reference, hypothesis) == {"x": "b", "y": "a"}
    assert diarization_error(reference, hypothesis).confusion == 3
    assert speaker_mapping(reference, hypothesis, [Segment(2, 6)]) == {"x": "a"}
    assert speaker_mapping(reference, hypothesis, []) == {}


def test_pieces_of_each_kind():
    reference = [turn(0, 4, "a"), turn(2, 4, "b"), turn(4, 5, "b"), turn(8, 20, "c")]
    hypothesis = [turn(1, 4, "x"), turn(4, 5, "x"), turn(6, 7, "x"), turn(6, 7, "y"), turn(10, 20, "z")]
    pieces = error_pieces(reference, hypothesis)
    assert [(p.kind, p.segment.start_s, p.segment.end_s, p.reference, p.hypothesis) for p in pieces] == [
        ("missed", 0, 1, ("a",), ()),
        ("missed", 2, 4, ("a", "b"), ("x",)),
        ("confusion", 4, 5, ("b",), ("x",)),
        ("false alarm", 6, 7, (), ("x", "y")),
        ("missed", 8, 10, ("c",), ()),
    ]
    assert [(p.missed, p.false_alarm, p.confusion) for p in pieces] == [
        (1, 0, 0),
        (1, 0, 0),
        (0, 0, 1),
        (0, 2, 0),
        (1, 0, 0),
    ]


def test_a_piece_may_be_missed_and_confused():
    reference = [turn(0, 9, "c"), turn(9, 10, "a"), turn(9, 10, "b")]
    (piece,) = error_pieces(reference, [turn(0, 10, "y")])
    assert (piece.missed, piece.false_alarm, piece.confusion, piece.kind) == (1, 0, 1, "confusion")


def test_pieces_do_not_end_where_nothing_changes():
    reference = [turn(0, 2, "a"), turn(2, 4, "a"), turn(3, 5, "a")]
    (piece,) = error_pieces(reference, [], [Segment(0, 1), Segment(1, 9)])
    assert piece.segment == Segment(0, 5)


@pytest.mark.parametrize("collar_s", [-0.1, math.nan, math.inf])
def test_a_collar_is_a_time(collar_s):
    with pytest.raises(ValueError, match="collar_s must be 0 or more seconds, got"):
        diarization_error(REFERENCE, HYPOTHESIS, collar_s=collar_s)


def test_pyannote_does_not_warn(recwarn):
    diarization_error(REFERENCE, HYPOTHESIS, collar_s=0.25, skip_overlap=True)
    jaccard_error(REFERENCE, HYPOTHESIS)
    error_pieces(REFERENCE, HYPOTHESIS)
    assert not recwarn.list
