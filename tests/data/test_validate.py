from pathlib import Path

import numpy as np
import pytest

from pysid.data.validate import Problem, validate
from pysid.io.audio.files import write_audio

GOOD = {
    "wav.scp": "r1 r1.wav\nr2 cat r2.sph |\nr3 wav.ark:17\n",
    "segments": "a-1 r1 0 1.5\na-2 r1 1.5 -1\nb-1 r2 0 2 1\nb-2 r3 0 2.0\n",
    "utt2spk": "a-1 a\na-2 a\nb-1 b\nb-2 b\n",
    "spk2utt": "a a-1 a-2\nb b-1 b-2\n",
    "spk2gender": "a f\nb m\n",
    "reco2dur": "r1 3.0\nr2 2.0\nr3 2.0\n",
    "utt2dur": "a-1 1.5\na-2 1.5\nb-1 2\nb-2 2\n",
    "utt2num_frames": "a-1 150\na-2 150\nb-1 200\nb-2 200\n",
    "utt2lang": "a-1 de\na-2 de\nb-1 fr\nb-2 fr\n",
    "feats.scp": "a-1 f.ark:5\na-2 f.ark:50\nb-1 f.ark:500\nb-2 f.ark:5000\n",
    "text": "a-1 one\na-2\nb-1 two three\nb-2 x\n",
    "trials": "a-1 a-2 target\na-1 b-1 nontarget\nb a-2 nontarget\nb b-1\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "r1.wav").touch()
    (tmp_path / "wav.ark").touch()
    return tmp_path


def found(folder, **files):
    """The problems after some files were replaced (None: removed), as (file, line, level, message)."""
    for name, text in files.items():
        path = folder / name.replace("_scp", ".scp")
        if text is None:
            path.unlink()
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(Path(p.file).name, p.line, p.level, p.message) for p in validate(folder)]


def test_a_good_directory(folder):
    assert validate(folder) == []


def test_a_directory_without_segments(folder):
    for name in ("segments", "reco2dur"):
        (folder / name).unlink()
    (folder / "wav.scp").write_text("a-1 r1.wav\na-2 r1.wav\nb-1 r1.wav\nb-2 r1.wav\n")
    assert validate(folder) == []


def test_a_problem_reads_like_a_compiler_message():
    assert str(Problem("d/utt2spk", 3, "wrong")) == "d/utt2spk:3: error: wrong"
    assert str(Problem("d/utt2spk", None, "odd", "warning")) == "d/utt2spk: warning: odd"


def test_no_directory(tmp_path):
    problem = Problem(str(tmp_path / "no"), None, "expected a Kaldi data directory, got no such folder")
    assert validate(tmp_path / "no") == [problem]


CASES = {
    "missing tables": (
        {
            "wav_scp": None,
            "utt2spk": None,
            "segments": None,
            "reco2dur": None,
            "trials": None,
            "spk2gender": None,
        },
        [
            ("wav.scp", None, "error", "expected the file, got none: there is no audio"),
            ("utt2spk", None, "warning", "expected the file, got none: speakers are not known"),
        ],
    ),
    "missing spk2utt": (
        {"spk2utt": None},
        [("spk2utt", None, "warning", "expected the file, got none (Kaldi wants it)")],
    ),
    "empty file": (
        {"utt2lang": "", "trials": ""},
        [
            ("utt2lang", None, "error", "expected entries, got an empty file"),
            ("trials", None, "error", "expected entries, got an empty file"),
            ("utt2lang", None, "warning", "4 of 4 ids are missing; the first is 'a-1'"),
        ],
    ),
    "wrong lines": (
        {"utt2spk": "a-1 a\n\na-2 a junk\nb-1 b\nb-2 b", "trials": b"a-1 caf\xe9 target\na-1 a-2 yes\n"},
        [
            ("utt2spk", 2, "error", "expected an entry, got a blank line"),
            ("utt2spk", 3, "error", "expected 'utterance speaker', got 'a-2 a junk'"),
            ("utt2spk", 5, "error", "expected a line end at the end of the file"),
            ("trials", 1, "error", r"expected UTF-8 text, got 'a-1 caf\\xe9 target'"),
            ("trials", 2, "error", "expected target or nontarget in the third column, got 'yes'"),
            ("utt2spk", None, "error", "1 of 4 ids are missing; the first is 'a-2'"),
            ("spk2utt", 1, "error", "expected an utterance of utt2spk, got 'a-2'"),
        ],
    ),
    "line ends": (
        {"spk2gender": b"\xef\xbb\xbfa f\r\nb m\n"},
        [
            ("spk2gender", 1, "error", "expected plain UTF-8, got a byte-order mark"),
            ("spk2gender", 1, "warning", r"expected the line end '\n', got '\r\n'"),
        ],
    ),
    "order": (
        {"utt2lang": "a-1 de\nb-1 fr\na-2 de\nb-2 fr\n", "trials": "b b-1\na-1 b-1\n"},
        [("utt2lang", 3, "error", "expected the order of LC_ALL=C sort, got 'a-2' after 'b-1'")],
    ),
    "repeated": (
        {"utt2lang": "a-1 de\na-1 de\na-2 de\nb-1 fr\nb-2 fr\n"},
        [("utt2lang", 2, "error", "'a-1' is already on line 1")],
    ),
    "no audio": (
        {"wav_scp": "r1 no.wav\nr2 r1.wav:7\nr3 no.ark:17\n"},
        [
            ("wav.scp", 1, "error", "expected an audio file, got none at 'no.wav'"),
            ("wav.scp", 3, "error", "expected an audio file, got none at 'no.ark:17'"),
        ],
    ),
    "segments": (
        {"segments": "a-1 r1 2 1\na-2 r4 0 1\nb-1 r2 0 2.5\nb-2 r3 0 2.4\n"},
        [
            ("segments", 1, "error", "expected 0 <= start < end, or an end of -1, got 2 and 1"),
            ("segments", 2, "error", "expected a recording of wav.scp, got 'r4'"),
            ("segments", 3, "error", "expected a segment of the 2 s of 'r2', got 0 to 2.5 s"),
            ("segments", 4, "warning", "ends 0.4 s after the end of 'r3' and will be cut"),
        ],
    ),
    "start behind the end": (
        {"segments": "a-1 r1 3 -1\na-2 r1 1.5 -1\nb-1 r2 0 2 1\nb-2 r3 0 2.0\n"},
        [("segments", 1, "error", "expected a segment of the 3 s of 'r1', got 3 to inf s")],
    ),
    "a recording without segments": (
        {"segments": "a-1 r1 0 1.5\na-2 r1 1.5 -1\nb-1 r1 0 2\nb-2 r3 0 2.0\n"},
        [("segments", None, "warning", "1 of 3 ids are missing; the first is 'r2'")],
    ),
    "values": (
        {"spk2gender": "a female\nb m\n", "utt2dur": "a-1 -1\na-2 1\nb-1 1\nb-2 0\n", "reco2dur": "r1 x\n"},
        [
            ("spk2gender", 1, "error", "expected the gender m or f, got 'female'"),
            ("utt2dur", 1, "error", "expected a duration in seconds above 0, got '-1'"),
            ("utt2dur", 4, "error", "expected a duration in seconds above 0, got '0'"),
            ("reco2dur", 1, "error", "expected a duration in seconds above 0, got 'x'"),
            ("utt2dur", None, "warning", "2 of 4 ids are missing; the first is 'a-1'"),
            ("reco2dur", None, "warning", "3 of 3 ids are missing; the first is 'r1'"),
            ("spk2gender", None, "warning", "1 of 2 ids are missing; the first is 'a'"),
        ],
    ),
    "unknown ids": (
        {"utt2spk": "a-1 a\na-2 a\nb-1 b\nb-2 b\nz z\n", "feats_scp": "a-1 f\na-2 f\nb-1 f\nb-2 f\nc f\n"},
        [
            ("utt2spk", 5, "error", "expected an utterance of segments, got 'z'"),
            ("feats.scp", 5, "error", "expected an utterance of segments, got 'c'"),
            ("spk2gender", None, "warning", "1 of 3 ids are missing; the first is 'z'"),
            ("spk2utt", None, "error", "1 of 5 ids are missing; the first is 'z'"),
        ],
    ),
    "spk2utt against utt2spk": (
        {"spk2utt": "a a-1 b-1\nb b-1 b-2 c\n"},
        [
            ("spk2utt", 1, "error", "has 'b-1' for 'a', but utt2spk has it for 'b'"),
            ("spk2utt", 2, "error", "'b-1' is already on line 1"),
            ("spk2utt", 2, "error", "expected an utterance of utt2spk, got 'c'"),
            ("spk2utt", None, "error", "1 of 4 ids are missing; the first is 'a-2'"),
        ],
    ),
    "prefixes": (
        {
            "utt2spk": "a-1 a\na-2 x\nb-1 y\nb-2 b\n",
            "spk2utt": "a a-1\nb b-2\nx a-2\ny b-1\n",
            "spk2gender": "a f\nb m\nx f\ny m\n",
        },
        [
            (
                "utt2spk",
                2,
                "warning",
                "expected speakers that begin the names of their utterances, got 2 others, first 'x' for 'a-2'",
            )
        ],
    ),
    "trials": (
        {"trials": "a-1 a target\nz a-1 nontarget\na b-9\n"},
        [
            ("trials", 1, "error", "expected an utterance to test, got 'a'"),
            ("trials", 2, "error", "expected an utterance or speaker to enrol, got 'z'"),
            ("trials", 3, "error", "expected an utterance to test, got 'b-9'"),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_problems(folder, case):
    files, expected = CASES[case]
    problems = found(folder, **files)
    if case == "missing tables":
        problems = [problem for problem in problems if problem[0] in ("wav.scp", "utt2spk")]
    if case == "segments":
        problems = [problem for problem in problems if problem[0] == "segments" and problem[1]]
    assert problems == expected


def test_a_table_that_is_a_folder(folder):
    (folder / "trials").unlink()
    (folder / "trials").mkdir()
    assert found(folder) == [("trials", None, "error", "cannot read the file: Is a directory")]


def test_segments_are_held_against_the_audio_where_no_table_has_its_length(tmp_path):
    write_audio(tmp_path / "a.wav", np.zeros(16000), 16000)
    (tmp_path / "wav.scp").write_text("r a.wav\n")
    (tmp_path / "segments").write_text("u1 r 0 1\nu2 r 0 1.6\nu3 r 0.5 -1\nu4 r 1 -1\n")
    (tmp_path / "utt2spk").write_text("u1 u1\nu2 u2\nu3 u3\nu4 u4\n")
    (tmp_path / "spk2utt").write_text("u1 u1\nu2 u2\nu3 u3\nu4 u4\n")
    assert [(problem.line, problem.message) for problem in validate(tmp_path)] == [
        (2, "expected a segment of the 1 s of 'r', got 0 to 1.6 s"),
        (4, "expected a segment of the 1 s of 'r', got 1 to inf s"),
    ]
