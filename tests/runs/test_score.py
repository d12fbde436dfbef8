"""Scores of trial lists: enrolment, score normalisation, calibration."""

import numpy as np
import pytest

from pysid.backend import PldaBackend
from pysid.backend.trials import enrol, score_trials
from pysid.errors import DataError
from pysid.io.ark.archive import read_vectors, write_npz
from pysid.io.tables import read_trials, read_utt2spk
from pysid.runs.score import fit_calibration


@pytest.fixture
def labelled(vectors, dev):
    """A PLDA back-end of the development voices, and where their embeddings and trials are."""
    pairs = dict(read_vectors(vectors))
    speakers = read_utt2spk(dev / "utt2spk")
    backend = PldaBackend(3).fit(np.stack(list(pairs.values())), np.array([speakers[key] for key in pairs]))
    return backend, f"scp:{vectors}", dev / "trials"


def test_calibration_makes_log_likelihood_ratios(labelled):
    backend, source, path = labelled
    calibration = fit_calibration(backend, path, source, 16)
    trials = read_trials(path)
    vectors = dict(read_vectors(source))
    raw = score_trials(backend, trials, enrol(vectors), vectors)
    truth = np.array([t.is_target for t in trials])
    ratios = calibration.transform(raw)
    # The first-order condition of logistic regression at even priors.
    miss, alarm = 1 / (1 + np.exp(ratios[truth])), 1 / (1 + np.exp(-ratios[~truth]))
    np.testing.assert_allclose(miss.mean(), alarm.mean(), rtol=1e-4)
    assert calibration.scale_ > 0 and calibration.p_target == 0.5


def test_calibration_refuses_bad_lists(labelled, tmp_path):
    backend, source, path = labelled
    trials, npz = tmp_path / "trials", tmp_path / "x.npz"
    trials.write_text("slt-0 slt-1 target\n\nslt-0 slt-99 nontarget\n")
    with pytest.raises(DataError, match=rf"{trials}:3: 'slt-99' is not in {source}"):
        fit_calibration(backend, trials, source, 16)
    trials.write_text("slt-0 slt-1 target\n")
    with pytest.raises(DataError, match="got no nontarget trial"):
        fit_calibration(backend, trials, source, 16)
    trials.write_text("slt-0 slt-1\n")
    with pytest.raises(DataError, match=r"expected 'enrol test target\|nontarget' on every line, got 'slt-0 slt-1'"):
        fit_calibration(backend, trials, source, 16)
    with pytest.raises(DataError, match="expected an embedding of 17 dimensions, got the shape"):
        fit_calibration(backend, path, source, 17)
    write_npz(npz, ((key, np.full(16, np.nan)) for key, _ in read_vectors(source)))
    with pytest.raises(DataError, match=r"36 skipped, the first is alicia-0: the embedding holds a NaN"):
        fit_calibration(backend, path, str(npz), 16)
