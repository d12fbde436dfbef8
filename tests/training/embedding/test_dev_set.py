"""A development set: what it holds, what is wrong with it, and the error rate of scores that are known."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.frontend import VOXCELEB, FbankConfig, FrontendConfig
from pysid.io.tables import Trial
from pysid.training.embedding.dev_set import DevSet


class Known:
    """A model whose embedding of an utterance is its first frame; it cannot embed those without frames."""

    def embed_features(self, items, on_skip):
        for name, frames in items:
            if len(frames):
                yield name, frames[0]
            else:
                on_skip(name, "no frames")


def made(vectors, trials):
    features = {name: np.array([x], np.float32) if x else np.zeros((0, 2)) for name, x in vectors.items()}
    return DevSet([Trial(*trial) for trial in trials], features, "made")


VECTORS = {"a1": [1, 0.1], "a2": [1, -0.1], "b1": [-1, 0.2], "b2": [-1, -0.2]}
TRIALS = [("a1", "a2", True), ("b1", "b2", True), ("a1", "b1", False), ("a2", "b2", False)]


def test_scores_that_tell_all_apart_have_no_error():
    assert made(VECTORS, TRIALS).equal_error_rate(Known()) == 0.0
    wrong = [(enrol, test, not is_target) for enrol, test, is_target in TRIALS]
    assert made(VECTORS, wrong).equal_error_rate(Known()) >= 0.5


def test_embeddings_are_centred():
    """Seen from afar, those of one direction are of two speakers; about their mean, of one."""
    far = {name: [x + 10, y] for name, (x, y) in VECTORS.items()}
    assert made(far, TRIALS).equal_error_rate(Known()) == 0.0


def test_trials_of_utterances_without_an_embedding_do_not_count():
    trials = [*TRIALS, ("a1", "c", False), ("c", "a2", True)]
    assert made(VECTORS | {"c": None}, trials).equal_error_rate(Known()) == 0.0
    with pytest.raises(DataError, match=r"^made: no utterance gave an embedding$"):
        made(dict.fromkeys(VECTORS), TRIALS).equal_error_rate(Known())
    with pytest.raises(DataError, match="made: expected target and nontarget trials, got no nontarget trial"):
        made(VECTORS | {"b1": None, "b2": None}, TRIALS).equal_error_rate(Known())


@pytest.fixture
def stored(small_features, small, tmp_path):
    """Features with the trial list of the recordings."""
    folder = Path(shutil.copytree(small_features, tmp_path / "stored"))
    shutil.copy(small / "trials", folder / "trials")
    return folder


def test_features_are_the_same_from_archives_and_from_audio(stored, small):
    read, heard = DevSet.read(stored, None, VOXCELEB), DevSet.read(small, None, VOXCELEB)
    assert read.trials == heard.trials and len(read.trials) == 15 and read.name == str(stored / "trials")
    assert read.features.keys() == heard.features.keys() and len(read.features) == 6
    for name, features in read.features.items():
        np.testing.assert_allclose(heard.features[name], features, atol=1e-3)


def test_only_what_the_trials_name_is_read(stored, tmp_path):
    (tmp_path / "few").write_text("alicia-0 alicia-1 target\nalicia-0 denis-2 nontarget\n")
    few = DevSet.read(stored, str(tmp_path / "few"), VOXCELEB)
    assert sorted(few.features) == ["alicia-0", "alicia-1", "denis-2"] and few.name == str(tmp_path / "few")


@pytest.mark.parametrize("kind", ["stored", "audio"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alicia-0 alicia-1 target\nalicia-0 bob nontarget\n", r"^1 of 3 utterances in .*few are not in .*; the first"),
        ("alicia-0 alicia-1\n", r"few: expected 'enrol test target\|nontarget' on every line"),
        ("alicia-0 alicia-1 target\n", "few: expected target and nontarget trials, got no nontarget trial"),
        ("alicia-0 denis-1 nontarget\n", "few: expected target and nontarget trials, got no target trial"),
        (None, "few: cannot read the file"),
    ],
)
def test_trials_that_cannot_be_scored(stored, small, tmp_path, kind, text, message):
    if text is not None:
        (tmp_path / "few").write_text(text)
    with pytest.raises(DataError, match=message):
        DevSet.read(stored if kind == "stored" else small, str(tmp_path / "few"), VOXCELEB)


def test_features_of_another_front_end(stored):
    with pytest.raises(DataError, match=r"frontend\.json: another front-end than that of the training data$"):
        DevSet.read(stored, None, FrontendConfig(features=FbankConfig()))
