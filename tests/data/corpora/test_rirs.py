"""RIRS_NOISES: Kaldi's lists with paths that hold in any folder."""

import pytest

from pysid.augment.responses import read_rir_list
from pysid.data.corpora.rirs import prepare_rirs
from pysid.errors import DataError, PysidWarning

SMALL = "simulated_rirs/smallroom"
REAL = "real_rirs_isotropic_noises"


@pytest.fixture
def rirs(tmp_path):
    """Under another name than the lists say, one file with a blank in its name."""
    root = tmp_path / "slr28"
    for name in ("Room001/Room001-00001.wav", "Room002/Room002-00001.wav"):
        (root / SMALL / name).parent.mkdir(parents=True)
        (root / SMALL / name).touch()
    (root / REAL).mkdir()
    (root / REAL / "air aula.wav").touch()
    (root / SMALL / "rir_list").write_text(
        f"--rir-id s1 --room-id r1 RIRS_NOISES/{SMALL}/Room001/Room001-00001.wav\n"
        f"--rir-id s2 --room-id r2 --probability 0.25 RIRS_NOISES/{SMALL}/Room002/Room002-00001.wav\n"
    )
    (root / REAL / "rir_list").write_text(f"--rir-id 1 --room-id 1 --rt60 0.58 'RIRS_NOISES/{REAL}/air aula.wav'\n")
    return root


def test_lists_with_absolute_paths(rirs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepared = prepare_rirs(rirs.relative_to(tmp_path), tmp_path / "out")
    assert [(line.path.parent.name, line.counts["room responses"]) for line in prepared] == [
        ("smallroom", 2),
        (REAL, 1),
    ]
    monkeypatch.chdir("/")
    assert read_rir_list(tmp_path / "out" / SMALL / "rir_list") == {
        "s1": (f"{rirs}/{SMALL}/Room001/Room001-00001.wav", None),
        "s2": (f"{rirs}/{SMALL}/Room002/Room002-00001.wav", 0.25),
    }
    line = (tmp_path / "out" / REAL / "rir_list").read_text()
    assert line == f"--rir-id 1 --room-id 1 --rt60 0.58 '{rirs}/{REAL}/air aula.wav'\n"


def test_absent_responses(rirs, tmp_path):
    (rirs / SMALL / "Room001" / "Room001-00001.wav").unlink()
    with pytest.warns(PysidWarning, match=r"^1 responses of .*smallroom/rir_list are not there: RIRS_NOISES/simulated"):
        prepare_rirs(rirs, tmp_path / "out")
    assert list(read_rir_list(tmp_path / "out" / SMALL / "rir_list")) == ["s2"]
    (rirs / SMALL / "Room002" / "Room002-00001.wav").unlink()
    with pytest.raises(DataError, match=r"smallroom/rir_list: expected responses in .*slr28, got none, not even RIRS_"):
        prepare_rirs(rirs, tmp_path / "out")


def test_bad_input(rirs, tmp_path):
    with pytest.raises(DataError, match=r"none: expected the folder RIRS_NOISES, got nothing"):
        prepare_rirs(tmp_path / "none", tmp_path / "out")
    with pytest.raises(DataError, match=r"with simulated_rirs/smallroom/rir_list in it; got slr28/$"):
        prepare_rirs(tmp_path, tmp_path / "out")
    (rirs / SMALL / "rir_list").write_text("s1 Room001/Room001-00001.wav\n")
    with pytest.raises(DataError, match=r"smallroom/rir_list:1: expected '--rir-id ID"):
        prepare_rirs(rirs, tmp_path / "out")
