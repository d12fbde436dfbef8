"""Parity with Kaldi's back-end programs; tests/golden/kaldi/commands.tsv has the command behind each file."""

import numpy as np
import pytest

from pysid.backend import (
    Centring,
    Lda,
    Plda,
    PldaBackend,
    apply_affine,
    cosine_scores,
    dense_plda_scores,
    length_normalize,
    speaker_means,
)


def assert_close_rows(actual, expected):
    """Rows equal up to their sign, to 1e-4 of the largest value of each."""
    sign = np.sign((actual * expected).sum(axis=1, keepdims=True))
    size = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(sign * actual / size, expected / size, rtol=0, atol=1e-4)


def assert_same_model(model, expected):
    # The mean of centred vectors is near zero: it is compared in units of the model's standard deviation.
    deviation = np.sqrt(np.diag(sum(expected.covariances())))
    np.testing.assert_allclose(model.mean_ / deviation, expected.mean_ / deviation, rtol=0, atol=1e-4)
    np.testing.assert_allclose(model.psi_, expected.psi_, rtol=1e-4)
    assert_close_rows(model.transform_, expected.transform_)


def assert_same_scores(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_mean(kaldi):
    _, X = kaldi.vectors("backend/train")
    np.testing.assert_allclose(Centring().fit(X).mean_, kaldi.mean, rtol=1e-5)


@pytest.mark.parametrize(("factor", "name"), [(0.0, "transform.mat"), (0.1, "transform_tcf.mat")])
def test_lda(kaldi, factor, name):
    X, y = kaldi.train
    lda = Lda(16, total_covariance_factor=factor).fit(X, y)
    assert lda.transform_.shape == (16, X.shape[1] + 1)
    assert_close_rows(lda.transform_, kaldi.transform(name))


def test_plda_after_lda_and_length_normalisation(kaldi):
    X, y = kaldi.train
    projected = length_normalize(apply_affine(kaldi.transform(), X))
    assert_same_model(Plda(n_iter=10).fit(projected, y), kaldi.plda("plda"))


def test_plda_of_raw_vectors_in_five_iterations(kaldi):
    keys, X = kaldi.vectors("backend/train")
    y = kaldi.labels("backend/train_utt2spk", keys)
    assert_same_model(Plda(n_iter=5).fit(X, y), kaldi.plda("plda_full_dim"))


def test_smoothing(kaldi):
    assert_same_model(kaldi.plda("plda").smooth(0.1), kaldi.plda("plda_smoothed"))


def test_adaptation(kaldi):
    _, X = kaldi.vectors("backend/adapt")
    adapted = kaldi.plda("plda").adapt(kaldi.project(X), within_scale=0.75, between_scale=0.25)
    assert_same_model(adapted, kaldi.plda("plda_adapted"))


def test_projection_of_test_vectors(kaldi):
    _, X = kaldi.vectors("backend/eval")
    _, expected = kaldi.vectors("backend/eval_projected")
    np.testing.assert_allclose(kaldi.project(X), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "model", "smoothing", "length_norm"),
    [
        ("scores", "plda", 0.0, "kaldi"),
        ("scores_no_norm", "plda", 0.0, None),
        ("scores_simple_norm", "plda", 0.0, "simple"),
        ("scores_smoothed", "plda", 0.1, "kaldi"),
        ("scores_adapted", "plda_adapted", 0.0, "kaldi"),
    ],
)
def test_plda_scores(kaldi, name, model, smoothing, length_norm):
    keys, X = kaldi.vectors("backend/eval")
    enrol, test, expected = kaldi.scores(name, keys, keys)
    backend = PldaBackend.from_parts(
        kaldi.plda(model).smooth(smoothing), kaldi.mean, kaldi.transform(), plda_length_norm=length_norm
    )
    assert_same_scores(backend.score(X, X)[enrol, test], expected)
    assert_same_scores(backend.score_pairs(X, X, enrol, test), expected)


def test_enrolment_of_several_utterances(kaldi):
    keys, X = kaldi.vectors("backend/eval")
    speaker_of = {utt: row[0] for row in kaldi.rows("backend/enroll_spk2utt") for utt in row[1:]}
    rows = [row for row, key in enumerate(keys) if key in speaker_of]
    speakers, means, counts = speaker_means(X[rows], [speaker_of[keys[row]] for row in rows])

    expected_speakers, expected_means = kaldi.vectors("backend/enroll_mean")
    assert list(speakers) == expected_speakers
    np.testing.assert_allclose(means, expected_means, rtol=1e-5, atol=1e-6)
    assert [[s, str(n)] for s, n in zip(speakers, counts, strict=True)] == kaldi.rows("backend/enroll_num_utts")

    enrol, test, expected = kaldi.scores("enroll_scores", list(speakers), keys)
    backend = PldaBackend.from_parts(kaldi.plda("plda"), kaldi.mean, kaldi.transform())
    assert_same_scores(backend.score_pairs(means, X, enrol, test, n_enrol=counts), expected)


def test_cosine_scores(kaldi):
    keys, X = kaldi.vectors("backend/eval")
    enrol, test, expected = kaldi.scores("scores_cosine", keys, keys)
    assert_same_scores(cosine_scores(X, X)[enrol, test], expected)


def test_whole_chain_trained_here_scores_as_kaldis(kaldi):
    train_keys, train = kaldi.vectors("backend/train")
    keys, X = kaldi.vectors("backend/eval")
    enrol, test, expected = kaldi.scores("scores", keys, keys)
    backend = PldaBackend(lda_dim=16).fit(train, kaldi.labels("backend/train_utt2spk", train_keys))
    assert_same_scores(backend.score_pairs(X, X, enrol, test), expected)


@pytest.mark.parametrize(("name", "target_energy"), [("scores", 0.1), ("scores_te05", 0.5), ("scores_te1", 1.0)])
def test_dense_scores_of_recordings(kaldi, name, target_energy):
    keys, X = kaldi.vectors("clustering/segment_vectors")
    row = {key: number for number, key in enumerate(keys)}
    expected = kaldi.matrices(f"clustering/{name}")
    recordings = {fields[0]: fields[1:] for fields in kaldi.rows("clustering/spk2utt")}
    assert recordings.keys() == expected.keys()
    for recording, segments in recordings.items():
        projected = kaldi.project(X[[row[key] for key in segments]])
        scores = dense_plda_scores(kaldi.plda("plda"), projected, target_energy)
        assert_same_scores(scores, expected[recording])
