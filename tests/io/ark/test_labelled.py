"""Vectors with their speakers."""

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.ark.archive import write_npz
from pysid.io.ark.labelled import read_labelled_vectors


@pytest.fixture
def source(tmp_path):
    """Vectors of a (3), b (1) and c (2), and their speakers."""
    names = ["a-0", "c-0", "a-1", "b-0", "a-2", "c-1"]
    write_npz(tmp_path / "x.npz", ((name, np.full(4, i)) for i, name in enumerate(names)))
    (tmp_path / "utt2spk").write_text("".join(f"{name} {name[0]}\n" for name in [*names, "d-0"]))
    return str(tmp_path / "x.npz"), tmp_path / "utt2spk"


@pytest.mark.parametrize(("least", "kept"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 1, 2, 4, 5]), (3, [0, 2, 4])])
def test_speakers_with_enough_vectors_are_kept(source, least, kept):
    X, y = read_labelled_vectors(*source, least)
    np.testing.assert_array_equal(X, np.array(kept)[:, None] * np.ones(4))
    assert y.tolist() == [list("acabac")[i] for i in kept]
    assert X.dtype == np.float32


def test_windows_have_the_speaker_of_their_utterance(source, tmp_path):
    names = ["a-0-00000000-00000150", "a-0-00000075-00000225", "b-0-00000000-00000150", "a-1-00000000-00000099"]
    write_npz(tmp_path / "windows.npz", ((name, np.full(4, i)) for i, name in enumerate(names)))
    _, y = read_labelled_vectors(str(tmp_path / "windows.npz"), source[1], windows=True)
    assert y.tolist() == ["a", "a", "b", "a"]
    _, y = read_labelled_vectors(str(tmp_path / "windows.npz"), source[1], 2, windows=True)
    assert y.tolist() == ["a", "a", "a"]  # b has one utterance


def test_bad_vectors(source, tmp_path):
    vectors, utt2spk = source
    with pytest.raises(DataError, match=r"x.npz: no speaker has 4 utterances or more$"):
        read_labelled_vectors(vectors, utt2spk, 4)
    write_npz(tmp_path / "x.npz", [("a-0", np.ones(4)), ("a-1", np.array([1, np.nan, 1, 1]))])
    with pytest.raises(DataError, match=r"x.npz: a-1: the vector holds a NaN or an infinity$"):
        read_labelled_vectors(vectors, utt2spk)
    write_npz(tmp_path / "x.npz", [("e-0", np.ones(4))])
    with pytest.raises(DataError, match=r"x.npz: the vector 'e-0' has no speaker in .*utt2spk$"):
        read_labelled_vectors(vectors, utt2spk)
    write_npz(tmp_path / "x.npz", [])
    with pytest.raises(DataError, match=r"x.npz: expected vectors, got none$"):
        read_labelled_vectors(vectors, utt2spk)
    (tmp_path / "x.ark").write_text("a-0  [ 1 2 ]\na-1  [ 1 2 3 ]\n")
    with pytest.raises(DataError, match=r"x.ark: a-1: expected 2 numbers as before, got 3$"):
        read_labelled_vectors(str(tmp_path / "x.ark"), utt2spk)
