"""VoxCeleb's trial lists under Kaldi's names, of both releases."""

import re
from pathlib import Path

import pytest

from pysid.data.corpora.voxceleb_meta import Speaker
from pysid.data.corpora.voxceleb_trials import Naming, find_lists, list_title, read_voxceleb_trials
from pysid.errors import DataError
from pysid.io.tables import Trial

KITT = {"id10270": Speaker("Eartha_Kitt", "f", True)}


@pytest.mark.parametrize(
    ("old", "path", "speaker", "utterance"),
    [
        (False, "id10270/x6uYqmx31kE/00001.wav", "id10270", "id10270-x6uYqmx31kE-00001"),
        (False, "Eartha_Kitt/x6uYqmx31kE_0000001.wav", "id10270", "id10270-x6uYqmx31kE-00001"),
        (True, "Eartha_Kitt/x6uYqmx31kE_0000001.wav", "Eartha_Kitt", "Eartha_Kitt-x6uYqmx31kE-0000001"),
        (True, "id10270/x6uYqmx31kE/00001.wav", "Eartha_Kitt", "Eartha_Kitt-x6uYqmx31kE-0000001"),
        (False, "id10271/-HJ1cf_qh-E/00002.m4a", "id10271", "id10271--HJ1cf_qh-E-00002"),  # a speaker not in the table
        (False, "id10270/x6uYqmx31kE/first.wav", None, None),
    ],
)
def test_names(old, path, speaker, utterance):
    naming = Naming(old, KITT)
    if speaker is None:
        with pytest.raises(ValueError, match=r"expected 'speaker/video/segment\.wav'"):
            naming.of_path(path)
    else:
        assert naming.of_path(path) == (speaker, utterance)


def test_a_list(tmp_path):
    path = tmp_path / "veri_test.txt"
    first = "id1/x6uYqmx31kE/00001.wav"
    path.write_text(f"1 {first} id1/x6uYqmx31kE/00002.wav\n0 {first} id2/v/00001.wav\n")
    trials, speakers = read_voxceleb_trials(path, Naming(False, {}))
    assert trials == [
        Trial("id1-x6uYqmx31kE-00001", "id1-x6uYqmx31kE-00002", True),
        Trial("id1-x6uYqmx31kE-00001", "id2-v-00001", False),
    ]
    assert speakers == {"id1", "id2"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "veri_test.txt: expected trials, got none"),
        ("1 a/b/1.wav\n", "veri_test.txt:1: expected '1|0 speaker/video/segment.wav"),
        ("1 a/b/1.wav a/b/2.wav\n2 a/b/1.wav a/b/2.wav\n", "veri_test.txt:2: expected 1 or 0 first, got '2'"),
        ("1 a/b/1.wav a/b/x.wav\n", "veri_test.txt:1: expected 'speaker/video/segment.wav', got 'a/b/x.wav'"),
    ],
)
def test_wrong_lists(tmp_path, content, message):
    path = tmp_path / "veri_test.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=re.escape(message)):
        read_voxceleb_trials(path, Naming(False, {}))


def test_lists_by_their_names(tmp_path):
    folder = tmp_path / "VoxCeleb1"
    (folder / "meta").mkdir(parents=True)
    for path in (folder / "meta/veri_test.txt", tmp_path / "veri_test.txt", tmp_path / "list_test_hard2.txt"):
        path.touch()
    found = find_lists(folder)
    assert set(found) == {"o", "h-cleaned"} and found["o"] == folder / "meta" / "veri_test.txt"
    assert list_title(Path("x/veri_test2.txt")) == "o-cleaned" and list_title(Path("mine.txt")) == "mine"
