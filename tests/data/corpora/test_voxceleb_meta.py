"""Who the speakers of VoxCeleb are, in the forms that the file goes around in."""

import pytest

from pysid.data.corpora.voxceleb_meta import Speaker, find_meta, read_meta
from pysid.errors import DataError

HEADING = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"


def put(folder, content):
    path = folder / "meta.csv"
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        HEADING + "id10001\tA.J._Buckley\tm\tIreland\tdev\nid10270\tEartha_Kitt\tf\tUSA\ttest\n",
        "\ufeffVoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \r\n"
        "id10001 ,A.J._Buckley ,m ,dev \r\n\r\nid10270,Eartha_Kitt,f,test",
        "ID, name, gender, nationality, set\n"
        "id10001, A.J._Buckley, m, Ireland, dev\nid10270, Eartha_Kitt, f, USA, Test\n",
    ],
)
def test_tabs_commas_and_blanks(tmp_path, content):
    assert read_meta(put(tmp_path, content)) == {
        "id10001": Speaker("A.J._Buckley", "m", False),
        "id10270": Speaker("Eartha_Kitt", "f", True),
    }


def test_a_gender_may_be_unknown(tmp_path):
    assert read_meta(put(tmp_path, HEADING + "id1\tA\t\tX\tdev\n"))["id1"].gender is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected speakers, got none"),
        (HEADING, "expected speakers, got none"),
        ("id\tname\tset\n", r"meta.csv:1: expected the columns id, name, Gender, ..., Set, got"),
        (HEADING + "id1\tA\tm\n", r"meta.csv:2: expected 5 columns as in line 1, got 'id1"),
        (HEADING + "id1\tA\tx\tY\tdev\n", r"meta.csv:2: expected the gender m or f, got 'x'"),
        (HEADING + 2 * "id1\tA\tm\tY\tdev\n", r"meta.csv:3: expected each speaker once, got 'id1' again"),
    ],
)
def test_wrong_files(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_meta(put(tmp_path, content))


def test_the_file_in_or_beside_the_corpus(tmp_path):
    folder = tmp_path / "VoxCeleb1"
    (folder / "meta").mkdir(parents=True)
    assert find_meta(folder, "vox1_meta.csv") is None
    for place in (tmp_path, folder / "meta", folder):  # the nearest is taken
        (place / "vox1_meta.csv").touch()
        assert find_meta(folder, "vox1_meta.csv").resolve() == place / "vox1_meta.csv"
