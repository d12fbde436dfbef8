"""Trees of audio files: what is found, what is out of place, and what messages say of a wrong folder."""

import os
import re

import pytest

from pysid.data.corpora.trees import Recordings, audio_files, check_any_found, existing, walk_audio
from pysid.errors import DataError


@pytest.fixture
def tree(tmp_path):
    names = "s2/v/b.wav s1/v/a.FLAC s1/v/a.txt s1/v/.x.wav s1/v/deep/c.wav s1/stray.m4a .s3/v/d.wav"
    for name in names.split():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_files_of_one_level_and_what_lies_elsewhere(tree):
    strays = []
    found = list(audio_files(tree, 3, strays))
    assert [parts for parts, _ in found] == [("s1", "v", "a"), ("s2", "v", "b")]
    assert [os.path.relpath(path, tree) for _, path in found] == ["s1/v/a.FLAC", "s2/v/b.wav"]
    assert sorted(os.path.relpath(path, tree) for path in strays) == ["s1/stray.m4a", "s1/v/deep"]


def test_files_at_any_level(tree):
    assert [stem for stem, _ in walk_audio(tree)] == ["stray", "a", "c", "b"]


def test_names_must_be_utf8(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).touch()
    with pytest.raises(DataError, match=r"expected names in UTF-8, got 'caf\\\\xe9.wav'"):
        list(walk_audio(tmp_path))
    with pytest.raises(DataError, match="none: cannot read the folder: No such file"):
        list(audio_files(tmp_path / "none", 1, []))


def test_of_two_files_of_an_utterance_the_one_that_is_read_faster_stays():
    found = Recordings()
    for path in ("a.m4a", "a.wav", "a.flac"):
        found.add("a", path)
    found.add("a", "a.wav")  # itself, no duplicate
    assert found == {"a": "a.wav"} and found.duplicates == ["a a.m4a", "a a.flac"]


def test_places_that_exist(tree):
    (tree / "file").touch()
    assert existing(tree, ["s1", "none", "file", "s2/v"]) == [tree / "s1", tree / "s2" / "v"]
    for path, what in ((tree / "none", "nothing"), (tree / "file", "a file")):
        with pytest.raises(DataError, match=f"expected the folder of a corpus, got {what}"):
            existing(path, [])


def test_a_folder_without_audio_is_told_with_what_it_has(tree, tmp_path_factory):
    check_any_found(tree, 1, "speech", [])
    with pytest.raises(DataError, match=re.escape(f"{tree}: expected speech; got s1/, s2/")):
        check_any_found(tree, 0, "speech", [])
    with pytest.raises(DataError, match=r"expected speech; got x/y.wav$"):
        check_any_found(tree, 0, "speech", ["x/y.wav", "z"])
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(DataError, match="expected speech; got an empty folder"):
        check_any_found(empty, 0, "speech", [])
    for i in range(7):
        (empty / f"{i}.txt").touch()
    with pytest.raises(DataError, match=r"got 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, ...$"):
        check_any_found(empty, 0, "speech", [])
