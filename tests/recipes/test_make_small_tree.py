"""The small corpora of the VoxCeleb recipe are laid out like the real ones: all of `pysid prepare` takes them."""

import subprocess
import sys
from pathlib import Path

import pytest

from pysid.augment.responses import ResponseSet
from pysid.data.corpora.musan import prepare_musan
from pysid.data.corpora.rirs import prepare_rirs
from pysid.data.corpora.voxceleb import prepare_voxceleb1, prepare_voxceleb2
from pysid.data.corpus import Corpus
from pysid.data.validate import validate
from pysid.io.tables import read_trials

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "recipes" / "voxceleb" / "make_small_tree.py"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    out = tmp_path_factory.mktemp("small")
    options = ["--speech", ROOT / "examples" / "train", "--clips", "3", "--rooms", "2"]
    subprocess.run([sys.executable, SCRIPT, out, *options], check=True, cwd=ROOT)
    return out


def test_voxceleb(tree, tmp_path):
    prepare_voxceleb1(tree / "VoxCeleb1", tmp_path)  # a warning would be an error
    prepare_voxceleb2(tree / "VoxCeleb2", tmp_path)
    names = ("voxceleb1_train", "voxceleb1_test", "voxceleb2_train", "voxceleb2_test")
    corpora = [Corpus.read(tmp_path / name) for name in names]
    assert [len(corpus.speakers()) for corpus in corpora] == [2, 2, 5, 1]
    assert [problem for name in (*names, "voxceleb1") for problem in validate(tmp_path / name)] == []
    everybody = [speaker for corpus in corpora for speaker in corpus.speakers()]
    assert len(set(everybody)) == 10 and all(corpus.genders() for corpus in corpora)
    hard, all_ = (read_trials(tmp_path / "voxceleb1" / f"trials-{name}") for name in "he")
    genders = Corpus.read(tmp_path / "voxceleb1").genders()
    assert 0 < len(hard) < len(all_)
    assert all(genders[trial.enrol[:7]] == genders[trial.test[:7]] for trial in hard)
    assert len(read_trials(tmp_path / "voxceleb1_test" / "trials-o-cleaned")) + 1 == len(
        read_trials(tmp_path / "voxceleb1_test" / "trials")
    )


def test_what_augments(tree, tmp_path):
    prepared = prepare_musan(tree / "musan", tmp_path)
    assert all(line.counts["recordings"] >= 5 for line in prepared)
    lists = [line.path for line in prepare_rirs(tree / "RIRS_NOISES", tmp_path / "rirs")]
    assert [path.parent.name for path in lists] == ["smallroom", "mediumroom"]
    assert len(ResponseSet.from_lists(lists, 16000, (0.5, 0.5))) == 4
