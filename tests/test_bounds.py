"""Text that is small and means much: one line, and no memory."""

import os
from itertools import pairwise

import pytest

from pysid.config import read_json, read_plain
from pysid.errors import DataError
from pysid.io import text as text_module
from pysid.io.ark.archive import read_vector, read_vectors, split_entry
from pysid.io.scp import resolve
from pysid.io.tables import read_utt2spk
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.subtitles import read_subtitle_turns
from pysid.transcript import read_transcript

LEVELS = "abcdefghijklmnopqrstu"
BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in pairwise(LEVELS)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "more than 100 aliases"),
        ("[" * 5000, "too many levels"),
        ("a: " + "9" * 5000, "a number of 5000 digits"),
        ("a: 1" + ":59" * 2000, "a number of 6001 digits"),
        ("# " + "x" * (1 << 20), "expected at most 1048576 bytes of YAML"),
    ],
)
def test_yaml(tmp_path, content, message):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_plain(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[" * 100_000, "9" * 5000, '{"a": ', "\xff"])
def test_json(tmp_path, content):
    (tmp_path / "a.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=r"a\.json: expected JSON, got"):
        read_json(tmp_path / "a.json")


def test_devices_and_pipes_without_a_writer(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="/dev/zero: expected a file or a pipe, got a device"):
        read_rttm("/dev/zero")
    monkeypatch.setattr("pysid.io.files.PATIENCE_S", 0.05)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match="expected somebody to write to this pipe"):
        read_utt2spk(tmp_path / "fifo")
    with pytest.raises(DataError, match=r"cannot read the file: .*null"):
        read_utt2spk(f"{tmp_path}/a\0b")


def test_archives_that_are_devices_or_pipes_without_a_writer(tmp_path, monkeypatch):
    monkeypatch.setattr("pysid.io.files.PATIENCE_S", 0.05)
    os.mkfifo(tmp_path / "fifo")
    for read in (
        lambda path: list(read_vectors(f"ark:{path}")),
        lambda path: read_vector(f"{path}:3", tmp_path),
        lambda path: resolve(f"{path}:3", tmp_path),
    ):
        with pytest.raises(DataError, match="/dev/zero: expected a file or a pipe, got a device"):
            read("/dev/zero")
        with pytest.raises(DataError, match="fifo: expected somebody to write to this pipe"):
            read(tmp_path / "fifo")


def test_a_place_in_a_pipe(tmp_path):
    read_end, write_end = os.pipe()
    os.write(write_end, b"RIFF")
    with pytest.raises(DataError, match=r"/dev/fd/\d+: expected a file, in which there are places, got a pipe$"):
        resolve(f"/dev/fd/{read_end}:3", tmp_path)
    os.close(write_end)
    os.close(read_end)


def test_an_archive_without_white_space(tmp_path):
    (tmp_path / "a.ark").write_bytes(bytes(1 << 17))
    with pytest.raises(DataError, match=r"a\.ark: the first key: expected a key of at most 65536 bytes, got '.x00"):
        list(read_vectors(tmp_path / "a.ark"))


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(text_module, "LONGEST_LINE", 1000)
    (tmp_path / "utt2spk").write_text("a b\n" + "x" * 2000)
    with pytest.raises(DataError, match=r"utt2spk:2: expected a line of text, got more than 1000 bytes"):
        read_utt2spk(tmp_path / "utt2spk")


@pytest.mark.parametrize("piece", ["<v ", "<v.a", "{\\"])
@pytest.mark.parametrize("head", ["", "WEBVTT\n\n"])
def test_a_cue_of_marks_without_end(tmp_path, piece, head):
    (tmp_path / "a.srt").write_text(f"{head}00:00:01.000 --> 00:00:02.000\n{50_000 * piece}\n")
    assert len(read_subtitle_turns(tmp_path / "a.srt")) == 1
    assert read_transcript(tmp_path / "a.srt").words


def test_a_time_of_many_digits_in_a_cue(tmp_path):
    (tmp_path / "a.vtt").write_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\n<{'9' * 5000}:00:01.400>Good\n")
    assert [word.text for word in read_transcript(tmp_path / "a.vtt").words] == ["Good"]


def test_times_beyond_reason(tmp_path):
    (tmp_path / "a.rttm").write_text("SPEAKER m 1 1e308 1e308 <NA> <NA> anna <NA> <NA>\n")
    with pytest.raises(DataError, match=r"a\.rttm:1: expected a start in seconds, 0 or more, got '1e308'"):
        read_rttm(tmp_path / "a.rttm")


@pytest.mark.parametrize("n_digits", [30, 5000])
def test_offsets_of_many_digits(n_digits):
    entry = f"a.ark:{'9' * n_digits}"
    assert split_entry(entry)[1] == 0
    with pytest.raises(DataError):
        read_vector(entry)


def test_a_text_archive_that_is_never_closed(tmp_path):
    (tmp_path / "a.ark").write_text("a  [\n" + "1 2 3\n" * 200_000)
    with pytest.raises(DataError, match=r"cut off: expected a closing '\]'"):
        read_vector(f"{tmp_path}/a.ark:2")
