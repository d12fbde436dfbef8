import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError, PysidWarning
from pysid.io.table_formats import SegmentLine
from pysid.io.tables import (
    Trial,
    read_durations,
    read_num_frames,
    read_scores,
    read_segments,
    read_spk2gender,
    read_spk2utt,
    read_table,
    read_trials,
    read_utt2lang,
    read_utt2spk,
    read_wav_scp,
    spk2utt_from_utt2spk,
    utt2spk_from_spk2utt,
    write_scores,
    write_spk2utt,
    write_table,
    write_trials,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"

keys = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8).filter(
    lambda key: not key.startswith("\ufeff")
)
seconds = st.floats(0.001, 1e6)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table"


def written(tmp_path, data):
    path = tmp_path / "table"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refused(read, path):
    with pytest.raises(DataError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@settings(max_examples=40)
@given(st.dictionaries(keys, keys))
def test_utt2spk_round_trip(path, table):
    write_table(path, table)
    assert read_utt2spk(path) == table
    assert read_utt2lang(path) == table
    assert list(read_wav_scp(path).items()) == list(table.items())


@settings(max_examples=40)
@given(st.dictionaries(keys, seconds))
def test_durations_round_trip(path, table):
    write_table(path, table)
    assert read_durations(path) == table


@settings(max_examples=40)
@given(st.dictionaries(keys, st.integers(1, 10**9)))
def test_num_frames_round_trip(path, table):
    write_table(path, table)
    assert read_num_frames(path) == table


@settings(max_examples=40)
@given(st.dictionaries(keys, st.tuples(keys, seconds, st.none() | seconds, st.none() | st.integers(0, 9))))
def test_segments_round_trip(path, rows):
    table = {
        key: SegmentLine(recording, start, math.inf if length is None else start + length, channel)
        for key, (recording, start, length, channel) in rows.items()
    }
    write_table(path, table)
    assert read_segments(path) == table


@settings(max_examples=40)
@given(st.lists(st.tuples(keys, keys, st.sampled_from([True, False, None])), unique_by=lambda row: row[:2]))
def test_trials_round_trip(path, rows):
    trials = [Trial(*row) for row in rows]
    write_trials(path, trials)
    assert read_trials(path) == trials


@settings(max_examples=40)
@given(st.dictionaries(st.tuples(keys, keys), st.floats(allow_nan=False, allow_infinity=False)))
def test_scores_round_trip(path, scores):
    write_scores(path, [(enrol, test, score) for (enrol, test), score in scores.items()])
    assert read_scores(path) == scores


@settings(max_examples=40)
@given(st.dictionaries(keys, keys, min_size=1))
def test_spk2utt_is_the_inverse_of_utt2spk(path, utt2spk):
    spk2utt = spk2utt_from_utt2spk(utt2spk)
    assert utt2spk_from_spk2utt(spk2utt) == utt2spk
    write_spk2utt(path, spk2utt)
    assert read_spk2utt(path) == spk2utt


def test_kaldi_files_are_read():
    backend = GOLDEN / "backend"
    assert spk2utt_from_utt2spk(read_utt2spk(backend / "train_utt2spk")) == read_spk2utt(backend / "train_spk2utt")
    trials = read_trials(backend / "trials")
    assert trials[0] == Trial("evl000-00", "evl000-01", True)
    assert set(read_scores(backend / "scores")) == {(trial.enrol, trial.test) for trial in trials}
    assert read_num_frames(backend / "enroll_num_utts")["evl000"] == 3
    segments = read_segments(GOLDEN / "clustering" / "segments")
    assert segments["recA-00000075-00000225"] == ("recA", 0.75, 2.25, None)


def test_white_space_is_that_of_the_c_locale(tmp_path):
    text = "\ufeffu1\tspk 1 \r\n\n  u2   a\u3000b\u00a0c.wav  x \r\nu3"
    assert read_table(written(tmp_path, text)) == {"u1": "spk 1", "u2": "a\u3000b\u00a0c.wav  x", "u3": ""}


def test_segments_as_kaldi_reads_them(tmp_path):
    path = written(tmp_path, "u1 r 0 1.5\nu2 r 1.5 -1\nu3 r 0.5 2 1\n")
    segments = read_segments(path)
    assert segments == {
        "u1": ("r", 0.0, 1.5, None),
        "u2": ("r", 1.5, math.inf, None),
        "u3": ("r", 0.5, 2.0, 1),
    }
    assert segments["u1"].segment.duration_s == 1.5
    write_table(path, segments)
    assert path.read_text() == "u1 r 0.0 1.5\nu2 r 1.5 -1\nu3 r 0.5 2.0 1\n"


def test_the_truth_behind_a_score_is_passed_over(tmp_path):
    """WeSpeaker's score files have it."""
    path = written(tmp_path, "a b 1.5 target\na c -2 nontarget\n")
    assert read_scores(path) == {("a", "b"): 1.5, ("a", "c"): -2.0}


def test_published_trial_lists_repeat_pairs(tmp_path):
    path = written(tmp_path, "a b 1.5\na c 2\na b 1.5\n")
    assert read_scores(path) == {("a", "b"): 1.5, ("a", "c"): 2.0}


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_utt2spk, "u1 s\nu2\n", ":2: expected 'utterance speaker', got 'u2'"),
        (read_utt2spk, "u1 s x\n", ":1: expected 'utterance speaker', got 'u1 s x'"),
        (read_utt2spk, "u1 s\nu2 s\n\nu1 t\n", ":4: 'u1' is already on line 1"),
        (read_utt2spk, b"u1 s\nu2 caf\xe9\n", r":2: expected UTF-8 text, got 'u2 caf\\xe9'"),
        (read_utt2lang, "u1\n", ":1: expected 'utterance label', got 'u1'"),
        (read_wav_scp, "u1  \n", ":1: expected 'recording path', got 'u1'"),
        (read_table, "a 1\na 2\n", ":2: 'a' is already on line 1"),
        (read_spk2utt, "s\n", ":1: expected 'speaker utterance...', got 's'"),
        (read_spk2utt, "s u\ns v\n", ":2: 's' is already on line 1"),
        (
            read_spk2utt,
            "s u\nt v u\n",
            ":2: expected each utterance once, got 'u'; the speaker 's' has it already",
        ),
        (read_spk2gender, "s male\n", ":1: expected the gender m or f, got 'male'"),
        (read_durations, "u 0\n", ":1: expected a duration in seconds above 0, got '0'"),
        (read_durations, "u -1.5\n", ":1: expected a duration in seconds above 0, got '-1.5'"),
        (read_durations, "u nan\n", ":1: expected a duration in seconds above 0, got 'nan'"),
        (read_durations, "u long\n", ":1: expected a duration in seconds above 0, got 'long'"),
        (read_num_frames, "u 1.5\n", ":1: expected a whole number above 0, got '1.5'"),
        (read_num_frames, "u 0\n", ":1: expected a whole number above 0, got '0'"),
        (
            read_segments,
            "u r 0\n",
            ":1: expected 'utterance recording start end [channel]', got 'u r 0'",
        ),
        (read_segments, "u r x 1\n", ":1: expected a start in seconds, got 'x'"),
        (read_segments, "u r 0 inf\n", ":1: expected an end in seconds, got 'inf'"),
        (read_segments, "u r 0 1 A\n", ":1: expected a channel number from 0 on, got 'A'"),
        (read_trials, "a b\na\n", ":2: expected 'enrol test target|nontarget', got 'a'"),
        (read_trials, "a b tgt\n", ":1: expected target or nontarget in the third column, got 'tgt'"),
        (read_scores, "a b\n", ":1: expected 'enrol test score', got 'a b'"),
        (read_scores, "a b 1 c\n", ":1: expected target or nontarget after the score, got 'c'"),
        (read_scores, "a b nan\n", ":1: expected a finite score, got 'nan'"),
        (read_scores, "a b 1\na b 2\n", ":2: expected the score 1.0 again for this pair, got 2"),
        (read_utt2spk, "u" * 300 + "\n", ":1: expected 'utterance speaker', got '" + "u" * 80 + "...'"),
    ],
)
def test_errors_name_file_and_line(tmp_path, read, text, message):
    assert refused(read, written(tmp_path, text)) == message


def test_a_missing_file(tmp_path):
    assert refused(read_utt2spk, tmp_path / "no") == ": cannot read the file: No such file or directory"
    assert refused(read_trials, tmp_path) == ": cannot read the file: Is a directory"


@pytest.mark.parametrize("table", [{"a b": "c"}, {"": "c"}, {"a": "b\nc"}, {"a": " b"}, {"a\u000b": "b"}])
def test_what_would_not_read_back_is_not_written(tmp_path, table):
    message = re.escape(f"{tmp_path / 't'}: expected a key without white space and one line, got ")
    with pytest.raises(DataError, match=message):
        write_table(tmp_path / "t", table)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("line", "got"), [("u r 2 2", "2 and 2"), ("u r 2 1", "2 and 1"), ("u r -1 1", "-1 and 1")])
def test_segments_of_no_length_are_left_out_as_kaldi_does(tmp_path, line, got):
    path = tmp_path / "segments"
    path.write_text(f"t r 0 1\n{line}\nv r 1 -1\n")
    message = f"^{path}:2: expected 0 <= start < end, or an end of -1, got {got}: 1 of 3 utterances are left out$"
    with pytest.warns(PysidWarning, match=message):
        assert list(read_segments(path)) == ["t", "v"]
