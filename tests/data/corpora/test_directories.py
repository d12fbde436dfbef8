"""Dictionaries written as data directories, and what is said of files that do not get in."""

import warnings

import numpy as np
import pytest
import soundfile

from pysid.data.corpora.directories import (
    Meeting,
    Prepared,
    read_durations,
    report,
    write_data_directory,
    write_meetings,
)
from pysid.data.validate import validate
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import read_table
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.segments import Segment, Turn


def sound(path, seconds):
    soundfile.write(path, np.zeros(round(8000 * seconds), np.int16), 8000)
    return str(path)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_is_written_is_named_and_counted(tmp_path):
    assert str(Prepared(tmp_path, {"speakers": 2, "utterances": 8})) == f"{tmp_path}: 2 speakers, 8 utterances"


def test_tables_are_in_the_order_of_the_c_locale(tmp_path):
    names = ["é", "a", "Z", "b"]
    prepared = write_data_directory(
        tmp_path / "d", {name: f"/{name}.wav" for name in names}, dict.fromkeys([*names, "more"], "s") | {"a": "r"}
    )
    assert (prepared.path, prepared.counts) == (tmp_path / "d", {"speakers": 2, "utterances": 4})
    assert contents(tmp_path / "d") == {
        "wav.scp": "Z /Z.wav\na /a.wav\nb /b.wav\né /é.wav\n",
        "utt2spk": "Z s\na r\nb s\né s\n",  # of what is there alone
        "spk2utt": "r a\ns Z b é\n",
    }


def test_genders_are_those_that_are_known(tmp_path):
    wav, speakers = {"a-1": "a.wav", "b-1": "b.wav"}, {"a-1": "a", "b-1": "b"}
    write_data_directory(tmp_path, wav, speakers, genders={"b": "f", "c": "m"})
    assert read_table(tmp_path / "spk2gender") == {"b": "f"}


def test_what_is_not_known_any_more_does_not_stay(tmp_path):
    wav, speakers = {"a-1": "a.wav", "b-1": "b.wav"}, {"a-1": "a", "b-1": "b"}
    write_data_directory(tmp_path, wav, speakers, genders={"a": "m"}, durations={"b-1": 2.5, "a-1": 1.0, "c-1": 9.0})
    assert (tmp_path / "utt2dur").read_text() == (tmp_path / "reco2dur").read_text() == "a-1 1.0\nb-1 2.5\n"
    write_data_directory(tmp_path, wav, speakers)
    assert sorted(contents(tmp_path)) == ["spk2utt", "utt2spk", "wav.scp"]


def test_wav_scp_comes_last(tmp_path, monkeypatch):
    """A directory that has one is complete."""
    written = []
    monkeypatch.setattr(
        "pysid.data.corpora.directories.write_table", lambda path, table: written.append((path.name, dict(table)))
    )
    write_data_directory(tmp_path, {"a": "a.wav"}, {"a": "s"}, genders={"s": "f"}, durations={"a": 1.0})
    assert written[-1] == ("wav.scp", {"a": "a.wav"}) and len(written) == 5


def test_meetings(tmp_path):
    turns = [Turn(Segment(0.5, 2.0), "ann"), Turn(Segment(1.5, 3.0), "bob"), Turn(Segment(3.0, 3.5), "ann")]
    meetings = {
        "two": Meeting(sound(tmp_path / "2.wav", 60.0), turns, [Segment(0.0, 2.0), Segment(2.5, 4.0)]),
        "one": Meeting(sound(tmp_path / "1.wav", 64.0), turns[:1]),
    }
    out = tmp_path / "out"
    assert str(write_meetings(out, meetings)) == f"{out}: 2 recordings, 2 minutes"
    assert list(read_table(out / "wav.scp")) == ["one", "two"]
    assert read_table(out / "reco2num_spk") == {"one": "1", "two": "2"}
    assert read_table(out / "reco2dur") == {"one": "64.0", "two": "60.0"}
    assert read_rttm(out / "ref.rttm") == {"one": turns[:1], "two": turns}
    pieces = read_uem(out / "all.uem")
    assert pieces["two"] == [Segment(0.0, 2.0), Segment(2.5, 4.0)]
    assert pieces["one"] == [Segment(0.0, 64.0)]  # all of it
    assert [problem for problem in validate(out) if problem.level == "error"] == []


def test_a_meeting_that_cannot_be_read_stops_all(tmp_path):
    with pytest.raises(DataError, match=r"none\.wav"):
        write_meetings(tmp_path / "out", {"a": Meeting(str(tmp_path / "none.wav"), [])})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_durations_and_files_that_have_none(tmp_path, n_jobs):
    table = {
        "a": sound(tmp_path / "a.wav", 1.5),
        "none": str(tmp_path / "none.wav"),
        "b": sound(tmp_path / "b.wav", 0.25),
    }
    (tmp_path / "text.wav").write_text("no audio")
    table["text"] = str(tmp_path / "text.wav")
    seconds, skipped = read_durations(table, "x", n_jobs)
    assert seconds == {"a": 1.5, "b": 0.25}
    assert len(skipped) == 2 and skipped.brief().startswith("2 skipped, the first is none: ")


def test_oddities_are_listed_and_a_few_shown(tmp_path):
    path = tmp_path / "x.odd"
    with pytest.warns(PysidWarning) as warned:
        report(path, "files of x are odd", ["a", "b\nc", "d", "e"])
    assert [str(w.message) for w in warned] == [f"4 files of x are odd: a, b\nc, d, ... (all in {path})"]
    assert path.read_text() == "a\nb c\nd\ne\n"  # one line each
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report(path, "files of x are odd", [])
    assert not path.exists()
