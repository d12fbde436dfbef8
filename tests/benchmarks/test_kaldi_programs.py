"""Kaldi's programs are not here: others of their names show what they would be given."""

import numpy as np
import pytest

from benchmarks import kaldi_programs
from pysid.backend import Plda
from pysid.exchange.kaldi_backend import read_plda
from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.io.tables import read_spk2utt, read_trials

FAKE = """#!/bin/sh
for last; do :; done
printf '%s\\n' "$@" > "$SEEN/arguments"
path="${last#ark,t:}"
[ "$1" = --read-costs=true ] && printf 'w0 1\\nw1 2\\nw2 1\\n' > "$path"
cp -r "$(dirname "$path")" "$SEEN/files"
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a program on PATH; the folder has its arguments, and the files beside its output, afterwards."""
    monkeypatch.setenv("SEEN", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def write(name, text=FAKE):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
        return tmp_path

    return write


def names(folder):
    """The arguments, without the temporary folder."""
    return [line.rpartition("/")[2] for line in (folder / "arguments").read_text().splitlines()]


X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
PLDA = Plda.from_parameters(np.zeros(3), np.eye(3), [3.0, 2.0, 1.0])


def test_where_there_are_none_nothing_is_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kaldi_programs.plda_training(X, np.arange(6)) == []
    assert kaldi_programs.plda_scoring(PLDA, X, np.array([[0, 1]])) == []
    assert kaldi_programs.clustering(3, lambda n: pytest.fail("costs were made"), 0.0) == []


def test_plda_training(install):
    seen = install("ivector-compute-plda")
    (measurement,) = kaldi_programs.plda_training(X, np.array([0, 0, 0, 1, 1, 2]))
    assert (measurement.by, measurement.count, measurement.unit) == ("Kaldi", 6, "vectors")
    assert measurement.peak_gib > 0
    assert names(seen) == ["spk2utt", "train.ark", "plda"]
    vectors = dict(read_vectors(seen / "files" / "train.ark"))
    np.testing.assert_array_equal(list(vectors.values()), X)
    assert list(read_spk2utt(seen / "files" / "spk2utt").values()) == [
        list(vectors)[a:b] for a, b in ((0, 3), (3, 5), (5, 6))
    ]


def test_plda_scoring(install):
    seen = install("ivector-plda-scoring")
    (measurement,) = kaldi_programs.plda_scoring(PLDA, X, np.array([[0, 1], [5, 2]]))
    assert (measurement.what, measurement.count) == ("PLDA scoring, 2 trials", 2)
    assert names(seen) == ["--normalize-length=true", "plda", "vectors.ark", "vectors.ark", "trials", "scores"]
    assert read_plda(seen / "files" / "plda").psi_.tolist() == [3.0, 2.0, 1.0]
    keys = [key for key, _ in read_vectors(seen / "files" / "vectors.ark")]
    trials = [(t.enrol, t.test) for t in read_trials(seen / "files" / "trials")]
    assert trials == [(keys[0], keys[1]), (keys[5], keys[2])]


def test_clustering(install):
    seen = install("agglomerative-cluster")
    costs = np.arange(9, dtype=np.float32).reshape(3, 3)
    (measurement,) = kaldi_programs.clustering(3, lambda n: costs, -0.2)
    assert (measurement.what, measurement.remark) == ("average linkage, 3", "2 clusters")
    assert names(seen) == ["--read-costs=true", "--threshold=-0.2", "costs.ark", "reco2utt", "labels"]
    assert (seen / "files" / "reco2utt").read_text() == "recording w0 w1 w2\n"
    np.testing.assert_array_equal(dict(read_matrices(seen / "files" / "costs.ark"))["recording"], costs)


def test_a_failure_is_told(install):
    install("agglomerative-cluster", "#!/bin/sh\necho WARNING; echo 'ERROR: no such option' >&2; exit 1\n")
    with pytest.raises(SystemExit, match=r"agglomerative-cluster --read-costs=true .*: failed: ERROR: no such option"):
        kaldi_programs.clustering(3, lambda n: np.zeros((3, 3)), 0.0)
