"""Settings files and what is set over them."""

import pytest

from pysid.config import read_plain, read_settings
from pysid.errors import DataError
from pysid.training.embedding.chunks import ChunkConfig


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.yaml"


def test_yaml_and_json(path):
    path.write_text("min_frames: 100  # a comment\nsampling: utterance\n")
    expected = ChunkConfig(min_frames=100, sampling="utterance")
    assert read_settings(ChunkConfig, path) == expected
    path.write_text('{"min_frames": 100, "sampling": "utterance"}')
    assert read_settings(ChunkConfig, path) == expected
    path.write_text("# nothing\n")
    assert read_settings(ChunkConfig, path) == ChunkConfig()


def test_assignments_are_yaml_too(path):
    path.write_text("a: {b: 1, c: 2}\nd: x\n")
    assignments = ["a.b=3", "d=[1, 2]", "e.f=true", "g=", "h=a=b", "i=1.0e-3"]
    assert read_plain(path, assignments) == {
        "a": {"b": 3, "c": 2},
        "d": [1, 2],
        "e": {"f": True},
        "g": None,
        "h": "a=b",
        "i": 0.001,
    }


@pytest.mark.parametrize("assignment", ["a", "=3", ""])
def test_an_assignment_needs_a_name_and_a_value(path, assignment):
    path.touch()
    with pytest.raises(DataError, match=f"^expected key=value, got '{assignment}'$"):
        read_plain(path, [assignment])


def test_an_assignment_that_is_no_yaml(path):
    path.touch()
    with pytest.raises(DataError, match=r"^out=\[a: expected YAML, got: .+"):
        read_plain(path, ["out=[a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: [2\n", ":3: expected YAML, got: expected ',' or ']'"),
        (b"a: 1\n\tb: 2\n", ":2: expected YAML, got: found character"),
        (b"a: b: c\nd: e\n", ":1: expected YAML, got: mapping values are not allowed here"),
        (b"a: !!python/object:os.system {}\nb: 1\n", ":1: expected YAML, got: could not determine a constructor"),
        (b"a: 2024-13-45\n", ": expected YAML, got: month must be in 1..12"),
        (b"caf\xe9: 1\n", ": expected YAML, got: unacceptable character #x00e9"),
        (b"a: \0\n", ": expected YAML, got: unacceptable character #x0000"),
        (b"- 1\n", ": expected 'key: value' lines, got list"),
        (b"just words\n", ": expected 'key: value' lines, got str"),
        (b"0\n", ": expected 'key: value' lines, got int"),
    ],
)
def test_bad_files(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_plain(path)
    assert str(error.value).startswith(f"{path}{message}")
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none.yaml: cannot read the file: No such file or directory$"):
        read_settings(ChunkConfig, tmp_path / "none.yaml")
    with pytest.raises(DataError, match=r": cannot read the file: Is a directory$"):
        read_settings(ChunkConfig, tmp_path)


def test_a_refused_value_names_the_file(path):
    path.write_text("min_frames: 500\n")
    with pytest.raises(DataError, match=r"c.yaml: chunks need 1 <= min_frames <= max_frames, got 500, 400$"):
        read_settings(ChunkConfig, path)
