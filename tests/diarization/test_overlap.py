import numpy as np
import pytest
from scipy.optimize import nnls

from pysid.backend.chain import CosineBackend
from pysid.backend.normalize import length_normalize
from pysid.backend.projection import Projection
from pysid.diarization.overlap import (
    MixtureOverlap,
    OverlapConfig,
    best_mixtures,
    make_overlap,
    with_second_speakers,
)
from pysid.diarization.steps import Clustering, Windows
from pysid.diarization.turns import turns_from_windows
from pysid.errors import DataError
from pysid.segments import Segment, Turn

IDENTITY = Projection.from_parts(length_norm=False)
SPEAKERS = np.eye(3, 8)


def windows(n, speech=None):
    start = 0.75 * np.arange(n)
    return Windows(start, start + 1.5, np.zeros(n, dtype=int) if speech is None else np.array(speech))


def spoken(*weights, noise=0.02):
    """(N, 8) windows of mixtures of three speakers, the weights of the speakers for each window."""
    return np.array(weights) @ SPEAKERS + noise * np.random.default_rng(0).normal(size=(len(weights), 8))


def second_of(x, labels, speech=None, **options):
    assigner = MixtureOverlap(OverlapConfig(**options), IDENTITY)
    return assigner(x, windows(len(x), speech), Clustering(np.array(labels))).tolist()


A, B, C = [1, 0, 0], [0, 1, 0], [0, 0, 1]


def test_finds_who_else_speaks():
    x = spoken(*[A] * 6, [0.55, 0, 0.45], *[A] * 5, *[B] * 8, [0.45, 0.55, 0], B, *[C] * 5)
    second = second_of(x, [0] * 12 + [1] * 10 + [2] * 5)
    assert [(i, s) for i, s in enumerate(second) if s >= 0] == [(6, 2), (20, 0)]


def test_windows_at_a_change_of_speakers_are_left_out_unless_asked_for():
    x = spoken(*[A] * 8, [0.55, 0.45, 0], *[B] * 8, [0.45, 0.55, 0], B)
    labels = [0] * 9 + [1] * 10
    assert [i for i, s in enumerate(second_of(x, labels)) if s >= 0] == [17]
    assert [i for i, s in enumerate(second_of(x, labels, at_changes=True)) if s >= 0] == [8, 17]
    labels[9] = 0  # now the change is before window 10
    assert [i for i, s in enumerate(second_of(x, labels)) if s >= 0] == [8, 17]


def test_a_pause_is_not_a_change_of_speakers():
    x = spoken(*[A] * 8, [0.55, 0.45, 0], *[B] * 8)
    labels = [0] * 9 + [1] * 8
    assert second_of(x, labels)[8] == -1
    assert second_of(x, labels, speech=labels)[8] == 1


@pytest.mark.parametrize(("options", "found"), [({}, True), ({"min_share": 0.45}, False), ({"min_gain": 0.3}, False)])
def test_gain_and_share_must_both_be_high_enough(options, found):
    x = spoken(A, A, [0.6, 0.4, 0], A, A, B, B, B, B, noise=0.0)
    assert second_of(x, [0] * 5 + [1] * 4, **options)[2] == (1 if found else -1)


def test_where_two_explain_no_more_than_one_there_is_no_second_even_without_thresholds():
    x = spoken(A, A, [1.0, -0.3, 0], A, B, B, [-0.2, 1.0, 0], B, noise=0.0)
    assert second_of(x, [0] * 4 + [1] * 4, min_gain=0.0, min_share=0.0)[2] == -1
    assert second_of(spoken(A, A, A), [0, 0, 0], min_gain=0.0, min_share=0.0) == [-1, -1, -1]  # a single speaker


def test_speakers_that_cannot_be_told_apart_are_no_mixture():
    x = np.tile(SPEAKERS[0], (6, 1))
    assert second_of(x, [0, 0, 0, 1, 1, 1], min_gain=0.0, min_share=0.0, at_changes=True) == [-1] * 6


def test_best_mixture_is_that_of_least_squares_with_weights_that_are_not_negative():
    rng = np.random.default_rng(0)
    x = length_normalize(rng.normal(size=(40, 5)) + 0.5, scale_up=False)
    speakers = length_normalize(rng.normal(size=(4, 5)) + 0.5, scale_up=False)
    labels = rng.integers(0, 4, 40)
    second, gain, share = best_mixtures(x, speakers, labels)
    assert (gain > 0).sum() > 10
    for i, a in enumerate(labels):
        best = (0.0, a, 0.0)
        for b in range(4):
            (u, v), _ = nnls(np.stack([speakers[a], speakers[b]], axis=1), x[i])
            if b != a and u > 0 and v > 0:
                mixture = u * speakers[a] + v * speakers[b]
                better = mixture @ x[i] / np.linalg.norm(mixture) - speakers[a] @ x[i]
                best = max(best, (better, b, v / (u + v)))
        assert gain[i] == pytest.approx(best[0], abs=1e-12)
        assert share[i] == pytest.approx(best[2], abs=1e-12)
        assert gain[i] == 0 or second[i] == best[1]


def test_embeddings_are_projected_first():
    x = spoken(A, A, [0.6, 0.4, 0], A, A, B, B, B, B)
    backend = CosineBackend.of(Projection.from_parts(np.full(8, 5.0), length_norm=False))
    clustering = Clustering(np.repeat([0, 1], [5, 4]))
    second = make_overlap(OverlapConfig(), backend)(x + 5.0, windows(9), clustering)
    assert second.tolist() == [-1, -1, 1, -1, -1, -1, -1, -1, -1]
    with pytest.raises(DataError, match="NaN"):
        make_overlap(OverlapConfig(), backend)(np.full((9, 8), np.nan), windows(9), clustering)


def test_second_turns_have_the_borders_of_windows():
    names, labels = ["anna", "ben", "cleo"], np.array([0, 0, 0, 0, 1])
    recording = windows(5, [0, 0, 0, 0, 0])
    turns = turns_from_windows(recording, labels, names)
    both = with_second_speakers(turns, recording, np.array([-1, 1, 1, -1, 2]), names)
    assert both == [
        *turns[:1],
        Turn(Segment(1.125, 2.625), "ben"),
        Turn(Segment(3.375, 4.5), "ben"),
        Turn(Segment(3.375, 4.5), "cleo"),
    ]
    assert with_second_speakers(turns, recording, np.full(5, -1), names) == turns


def test_what_a_speaker_has_twice_is_joined():
    recording = windows(3)
    moved = [Turn(Segment(0.0, 1.5), "anna"), Turn(Segment(1.5, 3.0), "ben")]  # as re-segmentation may leave them
    both = with_second_speakers(moved, recording, np.array([-1, 1, -1]), ["anna", "ben"])
    assert both == [Turn(Segment(0.0, 1.5), "anna"), Turn(Segment(1.125, 3.0), "ben")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_gain": -0.1}, r"min_gain must lie in \[0, 2\], got -0.1"),
        ({"min_share": 1.5}, r"min_share must lie in \[0, 1\], got 1.5"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OverlapConfig(**options)
