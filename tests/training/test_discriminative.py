"""PLDA that goes on learning from trials after EM."""

import tracemalloc
import warnings

import numpy as np
import pytest
import torch

from pysid.backend import LogisticCalibration, Plda, PldaBackend
from pysid.backend.chain import backend_from_arrays
from pysid.backend.projection import Projection
from pysid.errors import DataError
from pysid.metrics.detection import equal_error_rate
from pysid.training.discriminative import (
    DiscriminativeConfig,
    TrainablePlda,
    _Batches,
    _Decisions,
    _most_alike,
    train_discriminatively,
)

DIM = 8
QUICK = DiscriminativeConfig(n_steps=150, learning_rate=5e-3, pull=0.1, n_speakers=24, n_alike=4)
FORMS = [
    {"lda_dim": None},
    {"lda_dim": 5},
    {"lda_dim": 5, "total_covariance_factor": 0.5, "cosine_weight": 3.0},
    {"lda_dim": None, "cosine_weight": 20.0, "smoothing": 0.1},
    {"lda_dim": None, "length_norm": False, "plda_length_norm": None},
    {"lda_dim": 5, "length_norm": False, "plda_length_norm": "simple", "cosine_weight": 1.0},
    {"lda_dim": 5, "centre": False},
]


def corpus(seed: int, n_speakers: int = 60, n_each: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Speakers of two kinds, as women and men are, and utterances that are noisier now and then: not Gaussian."""
    random = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_each)
    speakers = random.normal(size=(n_speakers, DIM))
    speakers[:, 0] = np.where(np.arange(n_speakers) % 2, 4, -4) + 0.1 * speakers[:, 0]
    spread = np.where(random.random(len(y)) < 0.25, 2.5, 0.6)
    return speakers[y] + random.normal(size=(len(y), DIM)) * spread[:, None] + 4.0, y


def trials(backend: PldaBackend, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, same = backend.score(X, X), y[:, None] == y
    pair = np.triu(np.ones_like(same), 1)
    return scores[same & pair], scores[~same & pair]


def cost(target: np.ndarray, nontarget: np.ndarray, p: float = 0.05) -> float:
    """Cross-entropy of calibrated decisions at a prior."""
    calibration, logit = LogisticCalibration(p).fit(target, nontarget), np.log(p / (1 - p))
    miss, false_alarm = -calibration.transform(target) - logit, calibration.transform(nontarget) + logit
    return float(p * np.logaddexp(0, miss).mean() + (1 - p) * np.logaddexp(0, false_alarm).mean())


def check_that_it_scores_as_the_back_end(backend: PldaBackend, X: np.ndarray) -> None:
    """Before training, and after changes."""
    network = TrainablePlda(backend, DIM, float(X.std(axis=0).mean()))
    x = torch.tensor(X[::7], dtype=torch.float32)
    np.testing.assert_allclose(network(x).detach(), backend.score(X[::7], X[::7]), rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(network.backend().score(X[:9], X[:9]), backend.score(X[:9], X[:9]), rtol=1e-5, atol=1e-6)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, change in network.named_parameters():
            change.add_(0.1 * torch.randn_like(change), alpha=0.3 if name == "psi_change" else 1.0)
        network.psi_change += torch.linspace(-1, 1, backend.plda_.dim)
    changed = network.backend()
    psi = backend.plda_.psi_ * network.psi_change.detach().exp().numpy()
    assert (np.diff(psi) > 0).any(), "the axes must be put in order"
    np.testing.assert_allclose(network(x).detach(), changed.score(X[::7], X[::7]), rtol=1e-3, atol=5e-3)
    assert np.abs(changed.score(X[:9], X[:9]) - backend.score(X[:9], X[:9])).max() > 0.05
    assert (np.diff(changed.plda_.psi_) <= 0).all() and changed.cosine_weight == backend.cosine_weight
    np.testing.assert_equal(changed.projection.mean_, backend.projection.mean_)  # plain cosines stay as they are


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_it_scores_as_the_back_end_before_and_after(options):
    X, y = corpus(0)
    check_that_it_scores_as_the_back_end(PldaBackend(**options).fit(X, y), X)


@pytest.mark.parametrize("centre", [True, False])
def test_a_projection_with_an_offset_as_kaldi_s_may_have(centre):
    X, y = corpus(0)
    matrix = np.random.default_rng(0).normal(size=(5, DIM + 1))
    projection = Projection.from_parts(X.mean(axis=0) if centre else None, matrix)
    plda = Plda().fit(projection.transform(X), y)
    check_that_it_scores_as_the_back_end(PldaBackend.of(projection, plda, cosine_weight=2.0), X)


def test_a_back_end_that_was_adapted_can_be_trained():
    X, y = corpus(0)
    adapted = PldaBackend(None).fit(*corpus(1)).adapt(X)
    check_that_it_scores_as_the_back_end(adapted, X)
    trained = train_discriminatively(adapted, X, y, QUICK)
    assert cost(*trials(trained, X, y)) < cost(*trials(adapted, X, y))


@pytest.mark.parametrize("p", [0.05, 0.5])
def test_the_cost_is_that_of_calibrated_decisions_over_that_of_the_prior(p):
    X, y = corpus(0, 12)
    backend = PldaBackend(None).fit(X, y)
    decisions = _Decisions(torch.tensor(backend.score(X, X)), torch.tensor(y), p)
    unknowing = -p * np.log(p) - (1 - p) * np.log(1 - p)
    at_first = decisions(torch.tensor(backend.score(X, X)), torch.tensor(y)).item()
    np.testing.assert_allclose(at_first, cost(*trials(backend, X, y), p) / unknowing, rtol=1e-5)
    with torch.no_grad():
        decisions.offset.zero_()
    np.testing.assert_allclose(decisions(torch.zeros(len(y), len(y)), torch.tensor(y)).item(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("options", [FORMS[0], FORMS[3], FORMS[5]], ids=str)
def test_decisions_get_better_for_speakers_heard_and_not_heard(options):
    X, y = corpus(0)
    backend = PldaBackend(**options).fit(X, y)
    trained = train_discriminatively(backend, X, y, QUICK)
    for judged in ((X, y), corpus(1)):
        before, after = trials(backend, *judged), trials(trained, *judged)
        assert cost(*after) < cost(*before) and equal_error_rate(*after)[0] < equal_error_rate(*before)[0]


def test_what_comes_out_is_a_back_end_like_another():
    X, y = corpus(0)
    backend = PldaBackend(None, cosine_weight=2.0).fit(X, y)
    backend.calibration_ = LogisticCalibration().fit(*trials(backend, X, y))
    trained = train_discriminatively(backend, X, y, QUICK)
    assert trained.calibration_ is None and backend.calibration_ is not None
    again = backend_from_arrays(trained.to_arrays())
    np.testing.assert_array_equal(again.score(X[:5], X[5:9], 3), trained.score(X[:5], X[5:9], 3))


def test_the_seed_decides():
    X, y = corpus(0, 20)
    backend = PldaBackend(None).fit(X, y)
    few = {"n_steps": 5, "n_speakers": 8, "n_alike": 2}
    scores = [
        train_discriminatively(backend, X, y, DiscriminativeConfig(**few, seed=seed)).score(X[:9], X[:9])
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert (scores[0] != scores[2]).any()


def test_a_strong_pull_leaves_all_as_it_is():
    X, y = corpus(0)
    backend = PldaBackend(None).fit(X, y)
    far, near = (
        train_discriminatively(backend, X, y, DiscriminativeConfig(n_steps=60, learning_rate=5e-3, pull=pull))
        for pull in (0.0, 1e4)
    )
    moved = [np.abs(trained.score(X, X) - backend.score(X, X)).mean() for trained in (far, near)]
    assert moved[1] < 0.1 * moved[0]


def test_one_step_is_one_of_adam_and_the_running_mean_takes_nine_tenths_of_it():
    X, y = corpus(0)
    backend = PldaBackend(None).fit(X, y)
    trained = train_discriminatively(backend, X, y, DiscriminativeConfig(n_steps=1, learning_rate=1e-3))
    change = np.log(trained.plda_.psi_ / backend.plda_.psi_)
    np.testing.assert_allclose(np.abs(change), 0.9e-3, rtol=1e-3)


def test_axes_on_which_speakers_do_not_vary_can_be_learned_too():
    X, y = corpus(0)
    backend = PldaBackend(None, cosine_weight=1.0).fit(X, y)
    backend.plda_.psi_[-2:] = 0
    with warnings.catch_warnings(action="error"):
        trained = train_discriminatively(backend, X, y, QUICK)
    assert trained.plda_.psi_[-1] > 0 and np.isfinite(trained.score(X, X)).all()


def test_embeddings_that_are_nothing():
    X, y = corpus(0)
    X[::20] = 0
    for centre in (True, False):
        backend = PldaBackend(None, centre=centre, cosine_weight=5.0).fit(X, y)
        trained = train_discriminatively(backend, X, y, QUICK)
        assert cost(*trials(trained, X, y)) < cost(*trials(backend, X, y))


def test_more_speakers_asked_for_than_there_are_and_speakers_with_one_utterance():
    X, y = corpus(0, 12)
    y[y > 3] = np.arange((y > 3).sum()) + 100
    trained = train_discriminatively(PldaBackend(None).fit(X, y), X, y, DiscriminativeConfig(n_steps=3))
    assert np.isfinite(trained.score(X, X)).all()


def batches(X: np.ndarray, y: np.ndarray, **options: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(rows.numpy(), speakers.numpy()) for rows, speakers in _Batches(X, y, DiscriminativeConfig(**options))]


def test_a_batch_is_made_of_groups_of_speakers_who_are_alike():
    X, y = corpus(0, 40)
    X[:, 1:] *= 0.01  # of two kinds
    found = batches(X - X.mean(axis=0), y, n_steps=60, n_speakers=12, n_utterances=4, n_alike=4)
    assert set(np.concatenate([rows for rows, _ in found])) == set(range(len(y))), "all utterances, though 4 at a time"
    for rows, speakers in found:
        assert len(set(rows)) == len(rows) and (speakers == y[rows]).all()
        assert (np.unique(speakers, return_counts=True)[1] == 4).all()
        in_order = list(dict.fromkeys(speakers.tolist()))
        assert len(in_order) == 12 and len({speaker % 2 for speaker in in_order[:4]}) == 1


def test_every_batch_has_a_trial_of_one_speaker_however_few_there_are():
    X, y = np.random.default_rng(0).normal(size=(400, DIM)), np.arange(400)
    y[:2] = 0  # alone among 399
    for rows, speakers in batches(X, y, n_steps=50, n_speakers=3, n_alike=2):
        assert len(rows) == 4 and sorted(np.bincount(speakers)[np.unique(speakers)]) == [1, 1, 2]


def test_the_most_alike_are_found_in_blocks(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    monkeypatch.setattr("pysid.training.discriminative.BLOCK_ROWS", 10)
    found = _most_alike(vectors, 5)
    expected = np.argsort(-(vectors @ vectors.T), axis=1)[:, :5]
    np.testing.assert_array_equal(np.sort(found), np.sort(expected))
    assert _most_alike(vectors, 99).shape == (23, 23)


def test_the_most_alike_of_many_need_little_memory(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(1500, 2)).astype(np.float32)
    monkeypatch.setattr("pysid.training.discriminative.BLOCK_ROWS", 10)
    tracemalloc.start()
    _most_alike(vectors, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * 8 * len(vectors) ** 2, "one block of comparisons at a time, not those of all with all"


def test_what_it_cannot_learn_from():
    X, y = corpus(0)
    backend = PldaBackend(None).fit(X, y)
    with pytest.raises(
        DataError, match="discriminative training needs a speaker with two utterances, all 360 have one"
    ):
        train_discriminatively(backend, X, np.arange(len(X)))
    with pytest.raises(DataError, match="discriminative training needs at least two speakers, the data has 1"):
        train_discriminatively(backend, X, np.zeros(len(X)))
    with pytest.raises(DataError, match="X has 7 dimensions, expected 8"):
        train_discriminatively(backend, X[:, :7], y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": 0}, "must be at least 1"),
        ({"n_speakers": 1}, "n_speakers and n_utterances 2"),
        ({"n_utterances": 1}, "n_speakers and n_utterances 2"),
        ({"n_alike": 0}, "must be at least 1"),
        ({"seed": -1}, "seed 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive"),
        ({"pull": -1.0}, "pull not negative"),
        ({"pull": float("inf")}, "both finite"),
        ({"p_target": 1.0}, "must lie in"),
        ({"average_decay": 0.0}, "must lie in"),
    ],
)
def test_options_out_of_their_range(options, message):
    with pytest.raises(ValueError, match=message):
        DiscriminativeConfig(**options)
