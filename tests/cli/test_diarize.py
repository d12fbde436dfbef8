"""`pysid diarize`, on the example conversation and on files that are out of the ordinary."""

import base64
import io
import json
import os
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm

MEETING = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"
TRUTH = MEETING.with_suffix(".rttm")


def wrote(outcome) -> list[str]:
    return re.findall(r"^wrote (.+)$", outcome.out, re.MULTILINE)


@pytest.fixture
def piece(tmp_path) -> Path:
    """The first 12 s of the conversation: three speakers, quicker than all of it."""
    wave, rate = read_audio(MEETING, end_s=12.0)
    write_audio(tmp_path / "piece.wav", wave, rate)
    return tmp_path / "piece.wav"


def test_every_format(pysid, tmp_path):
    out = tmp_path / "results"
    formats = "rttm,srt,vtt,json,audacity,textgrid,exmaralda,chat,html"
    outcome = pysid("diarize", MEETING, "--reference", TRUTH, "-o", out, "--format", formats)
    assert outcome.status == 0
    endings = ["rttm", "srt", "vtt", "json", "txt", "TextGrid", "exb", "cha", "html"]
    assert wrote(outcome) == [str(out / f"meeting.{ending}") for ending in endings]
    turns = read_rttm(out / "meeting.rttm")["meeting"]
    assert {turn.speaker for turn in turns} == {"speaker1", "speaker2", "speaker3", "speaker4"}
    n, duration_s, der = re.search(
        r"^meeting: 4 speakers, (\d+) turns in ([\d.]+) s, DER ([\d.]+)%$", outcome.out, re.M
    ).groups()
    assert int(n) == len(turns) and float(duration_s) == 84.9 and 0 < float(der) < 15
    assert "missed" in outcome.out and "no collar, overlapping speech scored" in outcome.out
    plain = json.loads((out / "meeting.json").read_text())
    assert len(plain["turns"]) == len(turns)
    page = (out / "meeting.html").read_text()
    assert "DER" in page and "anna" in page and f"{float(der):.2f}" in page


def test_settings_are_shown(pysid):
    outcome = pysid("diarize", "--show-settings", "--set", "turns.join_s=1.5", "-m", "xvector")
    assert outcome.status == 0
    assert "turns.join_s=1.5\n    in subtitles and on the page " in outcome.out
    assert pysid("diarize").status == 2
    assert "unknown key" in pysid("diarize", "--show-settings", "--set", "turns.join=1").error


def test_a_channel_is_all_that_its_page_has(pysid, piece, tmp_path):
    """The other side of a call is neither seen nor heard, and no warning says that their mean is taken."""
    one, rate = read_audio(piece)
    write_audio(tmp_path / "two.wav", np.stack([np.roll(one, rate), one], 1), rate)
    for name, options in (("piece", ()), ("two", ("--channel", 1))):
        outcome = pysid("diarize", tmp_path / f"{name}.wav", "-o", tmp_path, "-q", *options)
        assert outcome.status == 0 and outcome.err == ""
    pages = [(tmp_path / f"{name}.html").read_text() for name in ("piece", "two")]
    data = [json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1]) for page in pages]
    assert data[1]["turns"] == data[0]["turns"] and data[1]["peaks"] == data[0]["peaks"]
    assert [x["sound"]["media_type"] for x in data] == ["audio/wav", "audio/ogg"]


def test_json_tells_more(pysid, piece, tmp_path):
    assert pysid("diarize", piece, "-o", tmp_path, "-f", "json", "-m", "xvector").status == 0
    document = json.loads((tmp_path / "piece.json").read_text())
    assert document["exclusive_turns"] and len(document["model"]) == 64
    assert all(0 <= turn["confidence"] <= 1 for turn in document["turns"] if turn["confidence"] is not None)
    speakers = document["speakers"]
    assert sum(speaker["share"] for speaker in speakers) == pytest.approx(1.0, abs=1e-3)
    for speaker in speakers:
        assert 0 <= speaker["clean_s"] <= speaker["speaking_s"]
        assert speaker["embedding"] is None or len(speaker["embedding"]) == len(speakers[0]["embedding"])
        assert speaker["snr_db"] > 0


def test_without_a_reference(pysid, piece, tmp_path, monkeypatch):
    """Results are put where the user is, and nothing is said about errors."""
    monkeypatch.chdir(tmp_path)
    outcome = pysid("diarize", piece)
    assert outcome.status == 0
    assert wrote(outcome) == ["piece.rttm", "piece.html"]
    assert "DER" not in outcome.out
    assert "speaker1" in outcome.out


@pytest.mark.slow
def test_number_of_speakers(pysid, piece, tmp_path):
    for options, n in ((["-n", 2], 2), (["--max-speakers", 1], 1), (["--min-speakers", 5], 5)):
        pysid("diarize", piece, "-o", tmp_path, "-f", "rttm", *options)
        assert len({turn.speaker for turn in read_rttm(tmp_path / "piece.rttm")["piece"]}) == n


def test_speech_that_is_known(pysid, piece, tmp_path):
    (tmp_path / "speech.rttm").write_text("SPEAKER piece 1 1.000 3.000 <NA> <NA> any <NA> <NA>\n")
    assert (
        pysid("diarize", piece, "-o", tmp_path, "-f", "rttm", "--speech", tmp_path / "speech.rttm", "-n", 1).status == 0
    )
    assert (tmp_path / "piece.rttm").read_text() == "SPEAKER piece 1 1.000 3.000 <NA> <NA> speaker1 <NA> <NA>\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--vad", "energy"],
        ["--vad", "webrtc"],
        ["--clustering", "spectral"],
        ["--clustering", "vbx", "--overlap"],
        ["--clustering", "ahc", "--threshold", "-3", "--set", "windows.shift_s=0.5"],
        ["--set", "affinity.kind=cosine", "--set", "resegmentation={}"],
    ],
    ids=" ".join,
)
def test_ways_to_do_it(pysid, piece, tmp_path, options):
    assert pysid("diarize", piece, "-o", tmp_path, "-f", "rttm", *options).status == 0
    assert read_rttm(tmp_path / "piece.rttm")["piece"]


@pytest.mark.slow
def test_a_higher_threshold_finds_no_fewer_speakers(pysid, piece, tmp_path):
    counts = []
    for threshold in (-1000, 1000):
        pysid("diarize", piece, "-o", tmp_path, "-f", "rttm", "--clustering", "ahc", "--threshold", threshold)
        counts.append(len({turn.speaker for turn in read_rttm(tmp_path / "piece.rttm")["piece"]}))
    assert counts[0] == 1 and counts[1] > 10


def test_several_files_of_which_one_is_bad(pysid, piece, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"")
    outcome = pysid("diarize", tmp_path / "bad.wav", piece, "-o", tmp_path / "out", "-f", "rttm")
    assert outcome.status == 1
    assert re.search(r"^piece: \d speakers?, \d+ turns? in 12.0 s$", outcome.out, re.MULTILINE)
    assert "skipped 1 of 2 utterances:" in outcome.err and "bad.wav: expected audio, got an empty file" in outcome.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["piece.rttm"]


@pytest.mark.slow
def test_a_data_directory_and_going_on(pysid, piece, tmp_path):
    (tmp_path / "wav.scp").write_text(f"one {piece.name}\ntwo {piece}\n")
    out = tmp_path / "out"
    assert pysid("diarize", tmp_path, "-o", out, "-f", "rttm").status == 0
    assert list(read_rttm(out / "one.rttm")) == ["one"]
    (out / "one.rttm").write_text("kept\n")
    (out / "two.rttm").unlink()
    outcome = pysid("diarize", tmp_path / "wav.scp", "-o", out, "-f", "rttm", "--resume")
    assert outcome.out.startswith("two: ") and "one" not in outcome.out
    assert (out / "one.rttm").read_text() == "kept\n" and (out / "two.rttm").exists()
    nothing = pysid("diarize", tmp_path / "wav.scp", "-o", out, "-f", "rttm", "--resume")
    assert nothing.out == "" and nothing.err == f"nothing to do: the files of 2 recordings are in {out} already\n"
    printed = pysid("diarize", tmp_path / "wav.scp", "-o", "-", "-f", "rttm", "--quiet")
    assert printed.out.startswith("SPEAKER one 1 ") and (out / "two.rttm").read_text() in printed.out
    assert pysid("diarize", tmp_path / "wav.scp", "-o", "-").status == 2


def test_several_recordings_on_standard_output(pysid, piece, tmp_path):
    """In formats that hold several; of the others this is said before the work."""
    (tmp_path / "wav.scp").write_text(f"one {piece}\ntwo {tmp_path}/none.wav\n")
    for kind in ("srt", "json", "html"):
        outcome = pysid("diarize", tmp_path / "wav.scp", "-o", "-", "-f", kind)
        assert outcome.error == f"-: a {kind} file holds one recording, got 2: give a folder" and outcome.out == ""
    outcome = pysid("diarize", tmp_path / "wav.scp", "-o", "-", "-f", "csv,csv", "-m", "xvector")
    assert outcome.status == 1 and "two: " in outcome.err
    assert outcome.out.startswith("recording,start_s,end_s,speaker\none,")


def test_quiet_says_nothing_but_warnings_and_errors(pysid, piece, tmp_path):
    command = ["diarize", piece, "--quiet", "-m", "xvector", "-f", "rttm"]
    outcome = pysid(*command, "-o", tmp_path)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    assert pysid(*command, "-o", "-").out == (tmp_path / "piece.rttm").read_text()


def test_the_one_recording_that_cannot_be_read_is_named(pysid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = "cannot read the file: No such file or directory"
    assert pysid("diarize", "nosuchfolder", "-m", "xvector").error == f"nosuchfolder: {missing}"
    Path("wav.scp").write_text("rec1 /none.wav\n")
    assert pysid("diarize", "wav.scp", "-m", "xvector").error == f"rec1: /none.wav: {missing}"


def test_a_pipe_runs_only_if_allowed(pysid, piece, tmp_path):
    (tmp_path / "wav.scp").write_text(f"piece cat {piece} |\n")
    assert "--allow-pipes" in pysid("diarize", tmp_path / "wav.scp", "-o", tmp_path, "-f", "rttm").error
    outcome = pysid("diarize", tmp_path / "wav.scp", "-o", tmp_path, "-f", "rttm,html", "--allow-pipes")
    assert outcome.status == 0 and (tmp_path / "piece.html").exists()


def test_a_name_that_would_leave_the_folder(pysid, piece, tmp_path):
    (tmp_path / "wav.scp").write_text(f"../../evil {piece}\n")
    out = tmp_path / "a" / "b"
    assert "expected an id that can be a file name" in pysid("diarize", tmp_path / "wav.scp", "-o", out).error
    assert not list(tmp_path.glob("**/evil*"))


def test_silence(pysid, tmp_path):
    write_audio(tmp_path / "silent.wav", np.zeros(48000), 16000)
    outcome = pysid("diarize", tmp_path / "silent.wav", "-o", tmp_path)
    assert outcome.status == 0
    assert "silent: no speech found" in outcome.out
    assert (tmp_path / "silent.rttm").read_text() == ""
    assert "<html" in (tmp_path / "silent.html").read_text()


def test_one_speaker(pysid, dev, tmp_path):
    outcome = pysid("diarize", dev / "audio" / "slt-0.ogg", "-o", tmp_path)
    assert "slt-0: 1 speaker, " in outcome.out


def test_a_third_of_a_second(pysid, tmp_path):
    wave, rate = read_audio(MEETING, start_s=2.0, end_s=2.3)
    write_audio(tmp_path / "short.wav", wave, rate)
    outcome = pysid("diarize", tmp_path / "short.wav", "-o", tmp_path)
    assert outcome.status == 0
    assert "short: 1 speaker, 1 turn in 0.3 s" in outcome.out or "no speech found" in outcome.out


@pytest.mark.slow
def test_stereo_mp3_with_a_foreign_name(pysid, tmp_path):
    wave, _ = read_audio(MEETING, sample_rate=44100, end_s=12.0)
    path = tmp_path / "mój plik — réunion.mp3"
    soundfile.write(path, np.stack([wave, wave], axis=1) / 32768, 44100, format="MP3")
    outcome = pysid("diarize", path, "-o", tmp_path, "-f", "rttm,srt,html")
    assert outcome.status == 0
    assert list(read_rttm(tmp_path / "mój plik — réunion.rttm")) == ["mój_plik_—_réunion"]
    assert "mój plik — réunion" in (tmp_path / "mój plik — réunion.html").read_text()


def test_a_truncated_wav(pysid, broken, tmp_path):
    for name in ("truncated", "missing", "zero-bytes", "text", "nan", "header-only"):
        make, reason = broken[name]
        make(tmp_path / "x.wav")
        outcome = pysid("diarize", tmp_path / "x.wav", "-o", tmp_path / "out")
        assert outcome.status == 1 and reason in outcome.error, name
        (tmp_path / "x.wav").unlink(missing_ok=True)
    assert not (tmp_path / "out").exists()


def test_bad_arguments(pysid, piece, tmp_path):
    for options in (
        ["--format", "pdf"],
        ["-n", 0],
        ["-n", 2, "--max-speakers", 3],
        ["--min-speakers", 3, "--max-speakers", 2],
        ["--threshold", 1, "--clustering", "spectral"],
        ["--vad", "ears"],
    ):
        assert pysid("diarize", piece, "-o", tmp_path / "out", *options).status == 2, options
    shutil.copy(piece, tmp_path / "piece.flac")
    errors = {
        ("--set", "windows"): "expected key=value, got 'windows'",
        ("--set", "windows.size=3"): "settings: unknown key 'windows.size'",
        (
            "--threshold",
            1,
        ): "is for ahc, linkage and centroid, and the clustering here is vbx: choose one of those (--clustering ahc), "
        "or set clustering.fb, of which higher values find fewer speakers (now ",
        ("--set", "clustering.kind=spectral", "--threshold", 1): "or say how many speakers there are",
        ("--model", tmp_path): f"{tmp_path}: expected a model directory with config.json",
        ("--reference", tmp_path / "no.rttm"): "no.rttm: cannot read the file: No such file or directory",
        ("--reference", TRUTH): "expected turns of the recording 'piece' in the file given, which has meeting",
        ("--channel", 4): "expected a channel of the file (0), got 4",
        ("--device", "cuda:7"): "expected an available device",
        ("--out-dir", piece): f"{piece}: expected a folder for the results, got a file",
    }
    for options, message in errors.items():
        outcome = pysid("diarize", piece, "-o", tmp_path / "out", *options)
        assert outcome.status == 1 and message in outcome.error, options
    assert not (tmp_path / "out").exists()


def test_the_page_of_a_pipe_has_its_sound(pysid, piece, tmp_path, monkeypatch):
    sound = base64.b64encode(piece.read_bytes()).decode()
    (tmp_path / "wav.scp").write_text(f"one cat {piece} |\n")
    assert pysid("diarize", tmp_path / "wav.scp", "-o", tmp_path, "-f", "html", "--allow-pipes").status == 0
    assert sound in (tmp_path / "one.html").read_text()
    os.mkfifo(tmp_path / "fifo")
    writer = threading.Thread(target=lambda: (tmp_path / "fifo").write_bytes(piece.read_bytes()))
    writer.start()
    outcome = pysid("diarize", tmp_path / "fifo", "-o", tmp_path, "-f", "html")
    writer.join()
    assert outcome.status == 0 and sound in (tmp_path / "fifo.html").read_text()
    (tmp_path / "stdin.html").write_text("of another recording")  # what will come is not known
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piece.read_bytes())))
    outcome = pysid("diarize", "-", "-o", tmp_path, "-f", "html", "--resume")
    assert outcome.status == 0 and "\nstdin: " in outcome.out
    assert sound in (tmp_path / "stdin.html").read_text()
    (tmp_path / "stdin.rttm").write_text("SPEAKER stdin 1 0.5 1.0 <NA> <NA> anna <NA> <NA>\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piece.read_bytes())))
    assert pysid("page", "-", tmp_path / "stdin.rttm", "--out", tmp_path / "page.html").status == 0
    assert sound in (tmp_path / "page.html").read_text()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piece.read_bytes())))
    outcome = pysid("page", "-", tmp_path / "stdin.rttm", "--out", tmp_path / "linked.html", "--link")
    assert outcome.status == 2 and "has no address to link to" in " ".join(outcome.err.replace("│", " ").split())
    assert not (tmp_path / "linked.html").exists()


def test_the_help_lists_detectors_once(pysid):
    words = " ".join(pysid("diarize", "--help").out.replace("│", " ").split())
    assert "(silero needs the package silero-vad): adaptive, webrtc, silero, energy, network." in words
