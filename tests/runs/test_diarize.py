"""Recordings that a user names, who speaks in them, and the files that come of it."""

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.diarization import Diarizer, SpeakerCount
from pysid.diarization.steps import Clustering
from pysid.errors import DataError, PysidWarning, Skipped
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm
from pysid.runs.diarize import Recording, diarize, diarize_recording, list_recordings
from pysid.runs.speaker_names import Naming
from pysid.segments import Segment, Turn

MEETING = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"
SPOKEN = [Turn(Segment(1.0, 3.0), "x"), Turn(Segment(4.0, 7.5), "y")]
ONE = [Turn(turn.segment, "speaker1") for turn in SPOKEN]


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    """The first 8 s of the conversation."""
    path = tmp_path_factory.mktemp("audio") / "piece.wav"
    wave, rate = read_audio(MEETING, end_s=8.0)
    write_audio(path, wave, rate)
    return path


@pytest.fixture(scope="module")
def diarizer():
    """Takes all speech for one speaker's."""
    return Diarizer.load(
        "xvector", clusterer=lambda embeddings, windows, count: Clustering(np.zeros(len(windows), int))
    )


def recordings(piece, *names):
    return [Recording(name, str(piece)) for name in names]


def run(diarizer, found, out, formats=("rttm",), **options):
    """The outcomes, with speech that is known in every recording."""
    skipped = Skipped()
    options = {"speech": {x.name: SPOKEN for x in found}} | options
    return list(diarize(diarizer, found, out, skipped, formats=formats, **options)), skipped


class TestRecordings:
    def test_files_and_folders_by_their_names(self, tmp_path):
        for name in ("b.wav", "a.mp3", "notes.txt"):
            (tmp_path / name).touch()
        found = list_recordings([str(tmp_path)])
        assert [(x.name, x.entry, x.directory) for x in found] == [
            ("a", f"{tmp_path}/a.mp3", None),
            ("b", f"{tmp_path}/b.wav", None),
        ]
        assert found[0].path == f"{tmp_path}/a.mp3"
        with pytest.raises(DataError, match=r"expected each file once, got a.wav again"):
            list_recordings(["a.wav", "a.wav"])

    def test_a_table_or_its_folder(self, tmp_path):
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.wav").touch()
        (tmp_path / "wav.scp").write_text("two /b.wav\none sub/a.wav\nthree cat c.wav |\n")
        for source in (tmp_path, tmp_path / "wav.scp"):
            found = {x.name: x for x in list_recordings([str(source)])}
            assert list(found) == ["two", "one", "three"]
            assert found["one"].path == str(tmp_path / "sub" / "a.wav") and found["two"].path == "/b.wav"
            assert found["three"].path is None
        (tmp_path / "other.scp").write_text("one\n")
        with pytest.raises(DataError, match=r"other\.scp:1: "):
            list_recordings([str(tmp_path / "other.scp")])

    def test_a_table_without_recordings(self, tmp_path):
        (tmp_path / "wav.scp").touch()
        for source in (tmp_path, tmp_path / "wav.scp"):
            with pytest.raises(DataError, match=r"wav\.scp: expected at least one recording, got none$"):
                list_recordings([str(source)])

    def test_segments_are_not_what_is_diarized(self, tmp_path):
        (tmp_path / "wav.scp").write_text("one /a.wav\n")
        (tmp_path / "segments").write_text("one-1 one 5 12\n")
        with pytest.warns(
            PysidWarning, match=r"segments: not read, as recordings are diarized as a whole; pysid diarize --sp"
        ):
            assert [x.name for x in list_recordings([str(tmp_path)])] == ["one"]
        list_recordings([str(tmp_path / "wav.scp")])  # in which nobody looks for segments

    def test_a_pipe_is_read_only_if_allowed(self, tmp_path):
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        (tmp_path / "wav.scp").write_text(f"a cat {tmp_path}/a.wav |\n")
        (refused,), (allowed,) = (list_recordings([str(tmp_path)], allow) for allow in (False, True))
        with pytest.raises(DataError, match="--allow-pipes"):
            refused.resolved()
        assert allowed.resolved().read() == b"RIFF"


class TestOne:
    def test_turns_and_voices(self, diarizer, piece):
        found = diarize_recording(diarizer, piece)
        assert found.recording == "piece" and found.audio == str(piece) and found.speakers == ["speaker1"]
        assert found.voices is None and found.model is None
        more = diarize_recording(diarizer, piece, voices=True)
        assert more.turns == found.turns and more.model == diarizer.model.fingerprint()
        assert [voice.speaker for voice in more.voices] == ["speaker1"] and len(more.confidences) == len(more.turns)

    def test_samples_have_no_name(self, diarizer, piece):
        assert diarize_recording(diarizer, soundfile.read(piece)).recording == "recording"

    def test_too_few_speakers_are_said(self, diarizer, piece):
        with pytest.warns(PysidWarning, match=r"^piece: 3 speakers were asked for, and 1 found: there is not enough"):
            diarize_recording(diarizer, piece, SpeakerCount(minimum=3))


class TestMany:
    def test_files_of_each(self, diarizer, piece, tmp_path):
        out = tmp_path / "new" / "folder"
        outcomes, skipped = run(diarizer, recordings(piece, "a", "b"), out, ("rttm", "json"))
        assert not skipped and [x.recording for x in outcomes] == ["a", "b"]
        assert outcomes[1].files == [out / "b.rttm", out / "b.json"]
        assert sorted(path.name for path in out.iterdir()) == ["a.json", "a.rttm", "b.json", "b.rttm"]
        assert read_rttm(out / "b.rttm") == {"b": ONE}
        document = json.loads((out / "a.json").read_text())
        assert document["speakers"][0]["embedding"] and document["model"] == diarizer.model.fingerprint()
        assert outcomes[0].counts is None and outcomes[0].errors is None

    def test_a_format_named_twice_is_written_once(self, diarizer, piece, tmp_path):
        (outcome,), skipped = run(diarizer, recordings(piece, "a"), tmp_path, ("srt", "rttm", "srt"))
        assert outcome.files == [tmp_path / "a.srt", tmp_path / "a.rttm"] and not skipped

    def test_a_file_in_place_of_the_folder_is_told_before_the_work(self, diarizer, tmp_path):
        (tmp_path / "file").touch()
        missing = [Recording("a", str(tmp_path / "none.wav"))]
        with pytest.raises(DataError, match=r"file: expected a folder for the results, got a file$"):
            run(diarizer, missing, tmp_path / "file")

    @pytest.mark.parametrize("link", [False, True])
    def test_names_that_one_format_cannot_hold_cost_no_other(self, diarizer, piece, tmp_path, monkeypatch, link):
        alike = [Turn(Segment(1.0, 3.0), "Ann B"), Turn(Segment(4.0, 7.5), "Ann_B")]
        monkeypatch.setattr("pysid.runs.diarize.with_voices", lambda d, a, found, e: replace(found, turns=alike))
        monkeypatch.setattr("pysid.runs.diarize.linked", lambda found, backend, point: found)
        (outcome,), skipped = run(
            diarizer, recordings(piece, "a"), tmp_path, ("rttm", "json", "srt"), names=Naming(link=link)
        )
        assert outcome.files == [tmp_path / "a.json", tmp_path / "a.srt"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.srt"]
        message = f"{tmp_path}/a.rttm: the names 'Ann B' and 'Ann_B' would both be written as 'Ann_B'"
        assert skipped.reasons == {"a": message}

    def test_one_at_a_time_and_each_written_at_once(self, diarizer, piece, tmp_path):
        names = iter(recordings(piece, "a", "b"))
        outcomes = iter(diarize(diarizer, names, tmp_path, Skipped(), formats=["rttm"], speech={"a": SPOKEN}))
        assert next(outcomes).recording == "a" and (tmp_path / "a.rttm").exists()
        assert next(names).name == "b"  # it was not asked for yet

    def test_linked_ones_are_written_when_all_are_heard(self, diarizer, piece, tmp_path):
        def asked():
            yield from recordings(piece, "a", "b")
            assert list(tmp_path.iterdir()) == []

        speech = {"a": SPOKEN, "b": SPOKEN[1:]}
        names = Naming(link=True)
        found = list(diarize(diarizer, asked(), tmp_path, Skipped(), formats=["rttm"], speech=speech, names=names))
        assert [x.diarization.speakers for x in found] == [["speaker1"], ["speaker1"]]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.rttm", "b.rttm"]

    def test_linked_ones_out_of_pipes_are_not_all_kept_in_memory(self, diarizer, piece, tmp_path):
        """Their pages have no sound; that of a file, which can be read again, has."""
        sound = base64.b64encode(piece.read_bytes()).decode()
        found = [Recording("a", f"cat {piece} |", tmp_path, allow_pipes=True), *recordings(piece, "b")]
        run(diarizer, found, tmp_path, ("html",), names=Naming(link=True))
        assert [sound in (tmp_path / f"{name}.html").read_text() for name in "ab"] == [False, True]
        run(diarizer, found[:1], tmp_path, ("html",))
        assert sound in (tmp_path / "a.html").read_text()

    def test_bad_recordings_are_skipped(self, diarizer, piece, tmp_path):
        (tmp_path / "bad.wav").write_text("no audio")
        found = [Recording("bad", str(tmp_path / "bad.wav")), *recordings(piece, "../evil", "good")]
        outcomes, skipped = run(diarizer, found, tmp_path / "out")
        assert [x.recording for x in outcomes] == ["good"] and list(skipped.reasons) == ["bad", "../evil"]
        assert "expected an id that can be a file name" in skipped.reasons["../evil"]
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.rttm"]

    def test_resuming_makes_what_is_missing_or_older(self, diarizer, piece, tmp_path):
        found = recordings(piece, "a", "b")
        run(diarizer, found, tmp_path)
        assert run(diarizer, found, tmp_path, resume=True)[0] == []
        (tmp_path / "a.rttm").unlink()
        assert [x.recording for x in run(diarizer, found, tmp_path, resume=True)[0]] == ["a"]
        old = os.stat(piece).st_mtime_ns - 1
        os.utime(tmp_path / "b.rttm", ns=(old, old))
        assert [x.recording for x in run(diarizer, found, tmp_path, resume=True)[0]] == ["b"]
        both = run(diarizer, found, tmp_path, ("rttm", "srt"), resume=True)[0]
        assert [x.recording for x in both] == ["a", "b"]  # there is no a.srt

    def test_a_reference_to_compare_with(self, diarizer, piece, tmp_path):
        same = [Turn(turn.segment, "anna") for turn in SPOKEN]
        (right,), _ = run(diarizer, recordings(piece, "a"), tmp_path, reference={"a": same})
        assert right.counts.der == 0 and right.errors == [] and right.reference == same
        (wrong,), _ = run(diarizer, recordings(piece, "a"), tmp_path, reference={"a": SPOKEN})
        assert wrong.counts.confusion == pytest.approx(2.0) and wrong.counts.total == pytest.approx(5.5)

    def test_turns_go_by_the_name_which_may_have_lost_its_spaces(self, diarizer, piece, tmp_path):
        (outcome,), _ = run(diarizer, recordings(piece, "a b"), tmp_path, speech={"a_b": SPOKEN})
        assert outcome.diarization.turns == ONE
        known = {f"r{i}": SPOKEN for i in range(6)}
        _, skipped = run(diarizer, recordings(piece, "a"), tmp_path, speech=known)
        message = "expected turns of the recording 'a' in the file given, which has r0, r1, r2, r3, r4 ..."
        assert skipped.reasons == {"a": message}

    def test_one_speaker_at_a_time(self, diarizer, piece, tmp_path, monkeypatch):
        both = [Turn(Segment(1.0, 3.0), "speaker1"), Turn(Segment(2.0, 4.0), "speaker2")]
        assign = diarizer.assign
        monkeypatch.setattr(diarizer, "assign", lambda *a: replace(assign(*a), turns=both))
        (plain,), _ = run(diarizer, recordings(piece, "a"), tmp_path)
        (alone,), _ = run(diarizer, recordings(piece, "a"), tmp_path, names=Naming(exclusive=True))
        assert plain.diarization.turns == both
        assert alone.diarization.turns == plain.diarization.exclusive != both

    def test_standard_output(self, diarizer, piece, capsys):
        run(diarizer, recordings(piece, "a", "b"), "-")
        out = capsys.readouterr().out
        assert out.splitlines()[0] == "SPEAKER a 1 1.000 2.000 <NA> <NA> speaker1 <NA> <NA>"
        assert [line.split()[1] for line in out.splitlines()] == ["a", "a", "b", "b"]

    def test_a_table_on_standard_output_has_one_line_of_columns(self, diarizer, piece, capsys):
        run(diarizer, recordings(piece, "a", "b"), "-", ("csv",))
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "recording,start_s,end_s,speaker"
        assert [line.split(",")[0] for line in lines[1:]] == ["a", "a", "b", "b"]
