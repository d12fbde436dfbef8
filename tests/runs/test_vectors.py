"""Embeddings by name out of an archive, an scp file and audio."""

import numpy as np
import pytest

from pysid.errors import DataError, Skipped
from pysid.io.ark.archive import ArkWriter, write_npz
from pysid.model.speaker_model import SpeakerModel
from pysid.parallel.workers import THIS_PROCESS
from pysid.runs.vectors import ArchivedVectors, EmbeddedVectors, ListedVectors, open_vectors

VECTORS = {name: np.full(3, i, np.float32) for i, name in enumerate("abc")}


@pytest.fixture
def archive(tmp_path):
    with ArkWriter(tmp_path / "x.ark") as writer:
        for name, vector in VECTORS.items():
            writer.write(name, vector)
    write_npz(tmp_path / "x.npz", VECTORS.items())
    return tmp_path / "x.ark"


@pytest.mark.parametrize("source", ["ark:{}/x.ark", "{}/x.ark", "{}/x.npz"])
def test_archives(archive, source):
    found = open_vectors(source.format(archive.parent), None, {"a", "c", "z"}, archive, THIS_PROCESS)
    assert isinstance(found, ArchivedVectors) and set(found.names) == {"a", "c"}
    skipped = Skipped()
    vectors = found.read({"c"}, skipped)
    assert list(vectors) == ["c"] and np.array_equal(vectors["c"], VECTORS["c"]) and not len(skipped)


def test_an_scp_file_whose_entries_cost_only_themselves(archive):
    with open(archive.with_suffix(".scp"), "a") as file:
        file.write("d nowhere.ark:3\n")
    found = open_vectors(f"scp:{archive.with_suffix('.scp')}", None, {"a"}, archive, THIS_PROCESS)
    assert isinstance(found, ListedVectors) and list(found.names) == ["a", "b", "c", "d"]
    skipped = Skipped()
    assert list(found.read({"b", "d"}, skipped)) == ["b"] and "cannot read the file" in skipped.reasons["d"]


def test_audio_is_embedded_when_it_is_asked_for(model, small, tmp_path):
    opened = SpeakerModel.load(model)
    out = tmp_path / "scores"
    found = open_vectors(str(small), opened, {"alicia-0", "denis-1"}, out, THIS_PROCESS)
    assert isinstance(found, EmbeddedVectors) and len(found.names) == 6
    assert not (tmp_path / "scores.shards").exists()
    vectors = found.read({"alicia-0", "denis-1"}, Skipped())
    assert list(vectors) == ["alicia-0", "denis-1"] and vectors["denis-1"].shape == (16,)
    assert (tmp_path / "scores.shards").is_dir(), "for a second run"
    found.forget()
    assert not (tmp_path / "scores.shards").exists()


def test_what_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"x\.ark: cannot read the file"):
        open_vectors(f"ark:{tmp_path}/x.ark", None, set(), tmp_path / "y", THIS_PROCESS)
