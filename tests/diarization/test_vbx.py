from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.backend.chain import PldaBackend
from pysid.backend.plda import Plda
from pysid.diarization.steps import Clustering, SpeakerCount, Windows
from pysid.diarization.vbx import Vbx, VbxConfig, forward_backward, infer, join, refine
from pysid.errors import DataError

PSI = np.array([16.0, 8.0, 4.0, 2.0, 1.0, 0.5])


def conversation(seed, n_speakers, n_turns, psi=PSI, turn=(3, 9)):
    """(T, D) windows in the space of a PLDA model, and who speaks in each."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n_speakers, len(psi))) * np.sqrt(psi)
    speakers = np.concatenate([np.arange(n_speakers), rng.integers(0, n_speakers, n_turns - n_speakers)])
    z = np.repeat(speakers, rng.integers(*turn, n_turns))
    return means[z] + rng.normal(size=(len(z), len(psi))), z


def random_posteriors(seed, n_windows, n_speakers):
    return np.random.default_rng(seed).dirichlet(np.ones(n_speakers), n_windows)


def agree(labels, truth):
    """Whether two labellings are the same but for the names."""
    return len(set(zip(labels, truth, strict=True))) == len(set(labels)) == len(set(truth))


@pytest.mark.parametrize("loop", [0.0, 0.7])
@pytest.mark.parametrize("pi", [[0.5, 0.3, 0.2], [0.6, 0.4, 0.0]])
def test_forward_backward_sums_over_all_paths(loop, pi):
    log_p = np.random.default_rng(0).normal(scale=2.0, size=(5, 3))
    total, occupied, drawn = 0.0, np.zeros((5, 3)), np.zeros(3)
    for path in product(range(3), repeat=5):
        for draws in product([False, True], repeat=4):  # whether the speaker of each later window was drawn
            p = pi[path[0]]
            for t, is_draw in enumerate(draws, start=1):
                p *= (1 - loop) * pi[path[t]] if is_draw else loop * (path[t] == path[t - 1])
            p *= np.exp(log_p[range(5), path].sum())
            total += p
            occupied[range(5), path] += p
            drawn += p * np.bincount([path[0], *(path[t] for t in range(1, 5) if draws[t - 1])], minlength=3)
    posteriors, draws, log_likelihood = forward_backward(log_p, np.array(pi), loop)
    assert log_likelihood == pytest.approx(np.log(total), rel=1e-12)
    np.testing.assert_allclose(posteriors, occupied / total, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(draws, drawn / total, rtol=1e-10, atol=1e-15)


def test_windows_far_from_all_but_one_speaker_do_not_underflow():
    log_p = np.array([[0.0, -1e6], [-1e6, 0.0], [0.0, -1e6]])
    posteriors, _, log_likelihood = forward_backward(log_p, np.array([0.5, 0.5]), 0.9)
    np.testing.assert_array_equal(posteriors, [[1, 0], [0, 1], [1, 0]])
    assert log_likelihood == pytest.approx(np.log(0.5 * 0.05 * 0.05), rel=1e-12)


def literal_infer(x, psi, gamma, fa, fb, loop, n_iterations):
    """The paper's equations one by one, with the transition matrix written out and one speaker after another."""
    n_windows, n_dims = x.shape
    n_speakers = gamma.shape[1]
    pi = np.full(n_speakers, 1 / n_speakers)
    elbos = []
    for _ in range(n_iterations):
        log_p = np.zeros((n_windows, n_speakers))
        penalty = 0.0
        for s in range(n_speakers):
            precision = np.eye(n_dims) + fa / fb * gamma[:, s].sum() * np.diag(psi)
            covariance = np.linalg.inv(precision)
            alpha = fa / fb * covariance @ sum(gamma[t, s] * np.sqrt(psi) * x[t] for t in range(n_windows))
            for t in range(n_windows):
                spread = np.trace(np.diag(psi) @ (covariance + np.outer(alpha, alpha)))
                log_p[t, s] = fa * (
                    alpha @ (np.sqrt(psi) * x[t]) - 0.5 * spread - 0.5 * (n_dims * np.log(2 * np.pi) + x[t] @ x[t])
                )
            penalty += np.linalg.slogdet(covariance)[1] + n_dims - np.trace(covariance) - alpha @ alpha
        transition = loop * np.eye(n_speakers) + (1 - loop) * np.tile(pi, (n_speakers, 1))
        forward, backward = np.zeros((n_windows, n_speakers)), np.ones((n_windows, n_speakers))
        forward[0] = pi * np.exp(log_p[0])
        for t in range(1, n_windows):
            forward[t] = np.exp(log_p[t]) * (forward[t - 1] @ transition)
        for t in reversed(range(n_windows - 1)):
            backward[t] = transition @ (np.exp(log_p[t + 1]) * backward[t + 1])
        likelihood = forward[-1].sum()
        gamma = forward * backward / likelihood
        elbos.append(np.log(likelihood) + fb * 0.5 * penalty)
        entered = [forward[t - 1].sum() * np.exp(log_p[t]) * backward[t] / likelihood for t in range(1, n_windows)]
        pi = gamma[0] + (1 - loop) * pi * sum(entered)
        pi /= pi.sum()
    return gamma, pi, elbos


@pytest.mark.parametrize(("fa", "fb", "loop"), [(1.0, 1.0, 0.9), (0.3, 4.0, 0.5), (0.6, 0.5, 0.0)])
def test_infer_is_the_literal_implementation(fa, fb, loop):
    for seed in range(3):
        x, _ = conversation(seed, 3, 5)
        start = random_posteriors(seed, len(x), 4)
        config = VbxConfig(fa=fa, fb=fb, loop_probability=loop, max_iterations=4, epsilon=0.0)
        result = infer(x, PSI, start, config)
        gamma, pi, elbos = literal_infer(x, PSI, start, fa, fb, loop, len(result.elbos))
        np.testing.assert_allclose(result.posteriors, gamma, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(result.priors, pi, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(result.elbos, elbos, rtol=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_speakers=st.integers(1, 6),
    fa=st.floats(0.05, 2.0),
    fb=st.floats(0.1, 30.0),
    loop=st.floats(0.0, 0.99),
)
def test_the_lower_bound_never_falls(seed, n_speakers, fa, fb, loop):
    x, _ = conversation(seed, 3, 8)
    config = VbxConfig(fa=fa, fb=fb, loop_probability=loop, max_iterations=30, epsilon=0.0)
    result = infer(x, PSI, random_posteriors(seed, len(x), n_speakers), config)
    assert np.diff(result.elbos).min(initial=0.0) >= -1e-9 * abs(result.elbos[0])
    np.testing.assert_allclose(result.posteriors.sum(axis=1), 1.0, atol=1e-9)
    assert result.priors.sum() == pytest.approx(1.0)


def test_the_lower_bound_lies_below_the_log_likelihood():
    x, _ = conversation(3, 2, 2, turn=(2, 4))
    n_speakers, loop = 2, 0.8
    total = 0.0
    for path in product(range(n_speakers), repeat=len(x)):
        z = np.array(path)
        p = 0.5 * np.prod(np.where(z[1:] == z[:-1], loop + (1 - loop) / 2, (1 - loop) / 2))
        for s in range(n_speakers):
            n = (z == s).sum()
            covariance = np.kron(np.ones((n, n)), np.diag(PSI)) + np.eye(n * len(PSI))
            values = x[z == s].ravel()
            log_density = -0.5 * (values @ np.linalg.solve(covariance, values) + n * len(PSI) * np.log(2 * np.pi))
            p *= np.exp(log_density - 0.5 * np.linalg.slogdet(covariance)[1])
        total += p
    config = VbxConfig(fa=1.0, fb=1.0, loop_probability=loop, max_iterations=1)
    bounds = [infer(x, PSI, random_posteriors(seed, len(x), 2), config).elbos[0] for seed in range(20)]
    assert max(bounds) < np.log(total)
    # Iterated, with pi fitted too, it is nearly reached: the speakers are far apart.
    best = infer(x, PSI, random_posteriors(0, len(x), 2), VbxConfig(fa=1.0, fb=1.0, loop_probability=loop))
    assert best.elbos[-1] > np.log(total) - 2.0


def test_the_order_of_the_speakers_does_not_matter():
    x, _ = conversation(1, 3, 10)
    start = random_posteriors(0, len(x), 4)
    first = infer(x, PSI, start, VbxConfig())
    for order in list(permutations(range(4)))[1::7]:
        other = infer(x, PSI, start[:, order], VbxConfig())
        np.testing.assert_allclose(other.posteriors, first.posteriors[:, order], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(other.priors, first.priors[list(order)], rtol=1e-6, atol=1e-9)


def split(truth, n_parts, seed=0):
    """A start that finds each speaker `n_parts` times."""
    return Clustering.in_order(truth * n_parts + np.random.default_rng(seed).integers(0, n_parts, len(truth)))


@pytest.mark.parametrize("n_speakers", [1, 2, 4])
def test_recovers_the_speakers_and_drops_superfluous_ones(n_speakers):
    psi = np.linspace(16.0, 1.0, 30)
    for seed in range(3):
        x, truth = conversation(seed, n_speakers, 30, psi)
        found = refine(x, psi, split(truth, 3), VbxConfig())
        assert found.n_speakers == n_speakers
        assert agree(found.labels, truth)
        assert found.posteriors.shape == (len(x), n_speakers)
        np.testing.assert_array_equal(found.posteriors.argmax(axis=1), found.labels)


def test_a_dearer_speaker_is_dropped():
    x, truth = conversation(0, 4, 30)
    numbers = [refine(x, PSI, split(truth, 2), VbxConfig(fb=fb)).n_speakers for fb in (1.0, 100.0, 1e5)]
    assert numbers == [4, 3, 1]


def test_loops_smooth_over_single_windows():
    means = np.array([[2.0], [-2.0]])
    truth = np.repeat([0, 1, 0, 1], 10)
    x = means[truth]
    x[[4, 25]] = 0.2 * np.array([[-1.0], [-1.0]])  # two windows that say little, and that for the wrong speaker
    start = Clustering(truth)
    sticky = refine(x, np.array([4.0]), start, VbxConfig(fa=1.0, fb=1.0, loop_probability=0.95))
    free = refine(x, np.array([4.0]), start, VbxConfig(fa=1.0, fb=1.0, loop_probability=0.0))
    np.testing.assert_array_equal(sticky.labels, truth)
    np.testing.assert_array_equal(np.flatnonzero(free.labels != truth), [4, 25])


class Start:
    """A clusterer with given labels; for a given number of speakers, of a part of each label."""

    def __init__(self, truth, n_parts=3):
        self.truth, self.n_parts, self.counts = truth, n_parts, []

    def __call__(self, embeddings, windows, count):
        self.counts.append(count)
        if count.given is None:
            return split(self.truth, self.n_parts)
        return Clustering.in_order(np.arange(len(self.truth)) * count.given // len(self.truth))


def plain_backend():
    plda = Plda.from_parameters(np.zeros(len(PSI)), np.eye(len(PSI)), PSI)
    return PldaBackend.from_parts(plda, length_norm=False)


def windows(n):
    start = 0.75 * np.arange(n)
    return Windows(start, start + 1.5, np.zeros(n, dtype=int))


def cluster(x, start, count, **options):
    return Vbx(VbxConfig(**options), plain_backend(), start)(x, windows(len(x)), count)


def test_finds_the_number_of_speakers_with_one_start():
    x, truth = conversation(0, 3, 30)
    start = Start(truth)
    assert agree(cluster(x, start, SpeakerCount()).labels, truth)
    assert start.counts == [SpeakerCount()]


def test_a_given_number_is_what_the_start_is_asked_for():
    x, truth = conversation(0, 3, 30)
    start = Start(truth)
    assert cluster(x, start, SpeakerCount.exactly(2)).n_speakers == 2
    assert start.counts == [SpeakerCount.exactly(2)]


@pytest.mark.parametrize(
    ("count", "expected"), [(SpeakerCount(maximum=2), 2), (SpeakerCount(5, 7), 5), (SpeakerCount(2, 6), 3)]
)
def test_bounds_are_kept(count, expected):
    x, truth = conversation(0, 3, 30)
    start = Start(truth)
    found = cluster(x, start, count)
    assert found.n_speakers == expected
    assert sorted(set(found.labels)) == list(range(expected))
    assert start.counts[0] == SpeakerCount(minimum=count.minimum)
    assert start.counts[1:] == ([] if expected == 3 else [SpeakerCount.exactly(expected)])


def test_speakers_to_be_kept_get_cheaper():
    x, truth = conversation(1, 2, 12)
    start = Clustering.in_order(truth)
    assert refine(x, PSI, start, VbxConfig(fb=150.0)).n_speakers == 1

    class TwoSpeakers:
        def __call__(self, embeddings, windows, count):
            return start

    found = cluster(x, TwoSpeakers(), SpeakerCount.exactly(2), fb=150.0)
    assert agree(found.labels, truth)
    assert found.posteriors is not None  # its own answer, not that of the start


def test_the_start_stands_where_speakers_cannot_be_kept():
    x = np.zeros((6, len(PSI)))  # no two windows differ
    found = cluster(x, Start(np.zeros(6, dtype=int)), SpeakerCount.exactly(3))
    np.testing.assert_array_equal(found.labels, [0, 0, 1, 1, 2, 2])


def test_works_in_the_leading_dimensions_of_the_plda_space_without_its_length_normalisation():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(40), 6)
    X = 2 * rng.normal(size=(40, 8))[y] + rng.normal(size=(240, 8)) + 3.0
    backend = PldaBackend(lda_dim=6).fit(X, y)
    recording = X[:48]
    start = split(y[:48], 2)

    class Fixed:
        def __call__(self, embeddings, windows, count):
            return start

    config = VbxConfig(dim=4)
    u = (backend.projection.transform(recording) - backend.plda_.mean_) @ backend.plda_.transform_.T
    expected = refine(u[:, :4], backend.plda_.psi_[:4], start, config)
    found = Vbx(config, backend, Fixed())(recording.astype(np.float32), windows(48), SpeakerCount())
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.posteriors, expected.posteriors, atol=1e-3)
    # Asked for more dimensions than there are, it takes all: those of `dim=None`, other ones than above.
    everything, generous = (
        Vbx(VbxConfig(dim=dim), backend, Fixed())(recording, windows(48), SpeakerCount()) for dim in (None, 100)
    )
    np.testing.assert_array_equal(everything.posteriors, generous.posteriors)
    assert everything.posteriors.tolist() != found.posteriors.tolist()


def test_a_single_window_is_a_speaker():
    found = cluster(np.ones((1, len(PSI))), Start(np.zeros(1, dtype=int)), SpeakerCount())
    np.testing.assert_array_equal(found.labels, [0])
    np.testing.assert_allclose(found.posteriors, [[1.0]])


def test_bad_embeddings_are_refused():
    x = np.zeros((3, len(PSI)))
    x[1, 2] = np.nan
    with pytest.raises(DataError, match="NaN"):
        cluster(x, Start(np.zeros(3, dtype=int)), SpeakerCount())


class EachItsNearest:
    """A clusterer that knows the speakers, and notes what it is given."""

    def __init__(self, x, truth):
        self.x, self.truth, self.given = x, truth, []

    def __call__(self, embeddings, windows, count):
        self.given.append((len(embeddings), windows.start_s[1] - windows.start_s[0]))
        where = [np.flatnonzero((self.x == row).all(axis=1))[0] for row in embeddings]
        return Clustering.in_order(self.truth[where])


def test_a_long_recording_starts_from_some_of_its_windows():
    x, truth = conversation(0, 3, 30)
    start = EachItsNearest(x, truth)
    whole = cluster(x, start, SpeakerCount())
    some = cluster(x, start, SpeakerCount(), max_start_windows=70)
    assert agree(whole.labels, truth) and agree(some.labels, truth)
    step = -(-len(x) // 70)
    assert step > 1 and start.given == [(len(x), 0.75), (-(-len(x) // step), 0.75 * step)]


def test_no_fewer_windows_start_than_speakers_are_wanted():
    x, truth = conversation(0, 3, 30)
    start = Start(truth)
    cluster(x, start, SpeakerCount.exactly(len(x) - 1), max_start_windows=1)
    assert len(start.counts) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_start_windows": 0}, "max_start_windows must be at least 1, got 0"),
        ({"fa": 0.0}, "fa and fb must be positive numbers, got 0.0 and 8.0"),
        ({"fb": float("nan")}, "fa and fb must be positive"),
        ({"fa": float("inf")}, "fa and fb must be positive"),
        ({"loop_probability": 1.0}, r"loop_probability must lie in \[0, 1\), got 1.0"),
        ({"dim": 0}, "dim must be at least 1, got 0"),
        ({"max_iterations": 0}, "max_iterations must be at least 1, got 0"),
        ({"epsilon": -1.0}, "epsilon must be a number of at least 0, got -1.0"),
        ({"start_smoothing": -2.0}, "start_smoothing must be a number of at least 0, got -2.0"),
        ({"start_smoothing": float("inf")}, "start_smoothing must be a number of at least 0, got inf"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VbxConfig(**options)


def test_where_a_recording_lies_is_of_no_account_once_it_is_centred():
    x, truth = conversation(4, 3, 30)
    moved = x + 5.0 * np.sqrt(PSI)  # as a room does
    centred = [cluster(y, Start(truth), SpeakerCount(), centred=True).posteriors for y in (x, moved)]
    np.testing.assert_allclose(*centred, atol=1e-9)
    assert agree(centred[0].argmax(1), truth)
    plain = [cluster(y, Start(truth), SpeakerCount()).posteriors for y in (x, moved)]
    assert plain[0].shape != plain[1].shape or np.abs(plain[0] - plain[1]).max() > 1e-6


def test_in_a_short_recording_a_speaker_costs_less_where_that_is_asked_for():
    x, truth = conversation(4, 2, 6)
    start, n = Start(truth), len(truth)
    for factor in (2, 5):
        less = cluster(x, start, SpeakerCount(), fb=10.0, full_cost_windows=factor * n).posteriors
        np.testing.assert_array_equal(less, cluster(x, start, SpeakerCount(), fb=10.0 / factor).posteriors)
    full = cluster(x, start, SpeakerCount(), fb=10.0).posteriors
    for n_windows in (0, 1, n):  # a recording of at least so many pays in full
        same = cluster(x, start, SpeakerCount(), fb=10.0, full_cost_windows=n_windows).posteriors
        np.testing.assert_array_equal(same, full)
    # What two windows of another voice say is less than a speaker costs, unless that is less for so short a recording.
    few = np.r_[np.zeros((20, len(PSI))), np.tile([2.5, -2.0, 1.5, 1.0, 0.5, 0.0], (2, 1))]
    few += np.random.default_rng(0).normal(scale=0.3, size=few.shape)
    two = Start(np.r_[np.zeros(20, int), 1, 1], 1)
    assert cluster(few, two, SpeakerCount(), fa=1.0, fb=10.0).n_speakers == 1
    assert cluster(few, two, SpeakerCount(), fa=1.0, fb=10.0, full_cost_windows=200).n_speakers == 2


def test_a_number_of_windows_is_not_negative():
    with pytest.raises(ValueError, match="full_cost_windows must not be negative, got -1"):
        VbxConfig(full_cost_windows=-1)


def test_a_short_recording_starts_elsewhere():
    x, truth = conversation(4, 2, 6)
    usual, short = Start(np.zeros_like(truth), 1), Start(truth)
    for short_windows, n_speakers in ((0, 1), (len(truth), 1), (len(truth) + 1, 2)):
        vbx = Vbx(VbxConfig(fa=1.0, fb=1.0, short_windows=short_windows), plain_backend(), usual, short)
        assert vbx(x, windows(len(x)), SpeakerCount()).n_speakers == n_speakers


def test_two_speakers_of_one_voice_are_joined_and_those_of_two_are_not():
    config = VbxConfig(fa=1.0, fb=8.0, loop_probability=0.9, max_iterations=1)
    halves = np.repeat(np.eye(2), 15, axis=0)
    noise = np.random.default_rng(0).normal(size=(30, len(PSI)))
    for distance, n_speakers in ((0.0, 1), (4.0, 2)):
        x = noise + np.repeat([[0.0], [distance]], 15, axis=0)
        result = infer(x, PSI, halves, config)
        assert len(set(result.posteriors.argmax(1))) == 2
        assert join(x, PSI, result, config).posteriors.shape[1] == n_speakers


def test_the_lower_bound_gains_by_joining():
    x, _ = conversation(1, 3, 12)
    config = VbxConfig(fa=1.0, fb=4.0, max_iterations=5)
    result = infer(x, PSI, random_posteriors(0, len(x), 6), config)
    joined = join(x, PSI, result, config)
    assert joined.elbos[-1] >= result.elbos[-1]
    assert join(x, PSI, joined, config) is joined
    one = infer(x, PSI, np.ones((len(x), 1)), config)
    assert join(x, PSI, one, config) is one


def test_speakers_that_were_asked_for_are_not_joined():
    x, truth = conversation(2, 2, 8)
    assert cluster(x, Start(truth), SpeakerCount.exactly(4), join=True).n_speakers == 4


@pytest.mark.parametrize("count", [SpeakerCount.exactly(3), SpeakerCount(maximum=3)])
def test_a_given_number_is_joined_down_to(count):
    x, truth = conversation(0, 4, 30)
    start = Start(truth)
    found = cluster(x, start, count, join=True)
    assert found.n_speakers == 3 and start.counts == [SpeakerCount(minimum=count.minimum)]
    # Two true speakers have become one, and nobody else has changed but for single windows.
    pairs = [truth == a for a in range(4)] + [(truth == a) | (truth == b) for a in range(4) for b in range(a)]
    for speaker in range(3):
        assert max(((found.labels == speaker) == pair).mean() for pair in pairs) > 0.95


def test_joining_stops_at_the_number_asked_for_whatever_is_likelier():
    x, _ = conversation(1, 3, 12)
    config = VbxConfig(fa=1.0, fb=4.0, max_iterations=5)
    result = infer(x, PSI, random_posteriors(0, len(x), 6), config)
    for n_speakers, left in ((None, 2), (2, 2), (1, 1)):
        joined = join(x, PSI, result, config, n_speakers).posteriors
        assert len(np.unique(joined.argmax(axis=1))) == left
    enough = len(np.unique(result.posteriors.argmax(axis=1)))
    assert join(x, PSI, result, config, enough) is result


def test_joining_ends_where_settings_are_absurd():
    x, _ = conversation(0, 3, 8)
    config = VbxConfig(fa=1e300, join=True)
    with np.errstate(all="ignore"):
        found = refine(x, PSI, Clustering.in_order(np.arange(len(x)) % 4), config)
    assert len(found.labels) == len(x)
