"""Recordings as people have them, through the commands: each costs only itself, and nothing is silently wrong."""

import json
import os
import shutil
import sys
from contextlib import contextmanager, redirect_stdout

import numpy as np
import pytest
import soundfile

from pysid.cli.main import main
from pysid.io.ark.npz import read_npz

RATE = 16000


@contextmanager
def redirected(descriptor, to):
    """What is written to a descriptor goes to another one for the time being."""
    kept = os.dup(descriptor)
    os.dup2(to, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


@pytest.fixture
def audio(dev):
    return lambda *names: [str(dev / "audio" / f"{name}.ogg") for name in names]


def test_what_cannot_answer_is_not_answered(pysid, audio, tmp_path):
    seconds = np.arange(5 * RATE) / RATE
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(2 * np.pi * 440 * seconds), RATE)
    (good,) = audio("alicia-0")
    outcome = pysid("verify", good, tmp_path / "tone.wav")
    assert outcome.error == f"{tmp_path}/tone.wav: expected speech, found none in 5.0 s"
    outcome = pysid("enroll", "--db", tmp_path / "x.db", "tone", tmp_path / "tone.wav")
    assert "expected speech, found none" in outcome.error and not (tmp_path / "x.db").exists()
    wave, rate = soundfile.read(good)
    soundfile.write(tmp_path / "short.wav", wave[rate : 2 * rate], rate)
    outcome = pysid("verify", good, tmp_path / "short.wav", "--json", tmp_path / "x.json")
    assert "short.wav: little speech: " in outcome.err and "s of speech" in outcome.out
    (decision,) = json.loads((tmp_path / "x.json").read_text())["decisions"]
    assert 0.2 < decision["speech_s"] <= 1 and decision["faults"][0].startswith("little speech")


@pytest.mark.slow
def test_the_order_of_channels_does_not_decide(pysid, audio, tmp_path):
    a1, b0 = (soundfile.read(path)[0] for path in audio("alicia-1", "storm-0"))
    rate = soundfile.info(audio("alicia-0")[0]).samplerate
    n = min(len(a1), len(b0))
    soundfile.write(tmp_path / "ab.wav", np.stack([a1[:n], b0[:n]], 1), rate)
    soundfile.write(tmp_path / "ba.wav", np.stack([b0[:n], a1[:n]], 1), rate)
    first, second = (pysid("verify", *audio("alicia-0"), tmp_path / name) for name in ("ab.wav", "ba.wav"))
    assert "its channels hold different things" in first.err
    answers = [outcome.out.splitlines()[0].split(": ", 1)[1].split(",")[0] for outcome in (first, second)]
    assert answers[0] == answers[1]
    for name, channel in (("ab.wav", 0), ("ba.wav", 1)):
        outcome = pysid("verify", *audio("alicia-0"), tmp_path / name, "--channel", channel)
        assert ": accepted, " in outcome.out and outcome.err == ""


def test_a_table_has_the_channels_that_its_files_have(pysid, model, audio, tmp_path):
    (a, rate), (b, _) = (soundfile.read(path) for path in audio("alicia-1", "storm-0"))
    n = min(len(a), len(b))
    soundfile.write(tmp_path / "ab.wav", np.stack([a[:n], b[:n]], 1), rate)
    (tmp_path / "wav.scp").write_text("ab ab.wav\n")
    for name, options in (("mean", ()), ("second", ("--channel", 1))):
        vectors = []
        for source in ("wav.scp", "ab.wav"):
            outcome = pysid("embed", tmp_path / source, tmp_path / "x.npz", "--model", model, *options)
            assert outcome.status == 0 and ("hold different things" in outcome.err) == (name == "mean"), outcome.err
            vectors.append(dict(read_npz(tmp_path / "x.npz"))["ab"])
        np.testing.assert_array_equal(*vectors)
    outcome = pysid("features", tmp_path, tmp_path / "feats", "--channel", 2)
    assert "expected a channel of the file (0 to 1), got 2" in outcome.error
    outcome = pysid("embed", tmp_path / "wav.scp", tmp_path / "y.npz", "--model", model, "--max-hours", 0.001)
    assert "expected at most 0.001 hours" in outcome.error


@pytest.mark.slow
def test_names_do_not_reach_the_terminal_raw(pysid, audio, tmp_path):
    name = tmp_path / "a\nb\x1b[31mc.ogg"
    shutil.copy(*audio("alicia-0"), name)
    for arguments in (
        ("diarize", name, "-o", tmp_path / "o\x1b", "-f", "rttm"),
        ("diarize", name, *audio("slt-0"), "-o", tmp_path / "o\x1b", "-f", "rttm"),
        ("verify", name, name),
        ("enroll", "--db", tmp_path / "x\x1b.db", "anna", name),
        ("embed", name, tmp_path / "x\x1b.npz"),
    ):
        outcome = pysid(*arguments)
        assert outcome.status == 0, outcome.err
        assert "\x1b" not in outcome.out + outcome.err and "\\x1b" in outcome.out, arguments


def test_one_bad_file_costs_only_itself(pysid, model, audio, tmp_path):
    (good,) = audio("slt-0")
    folder = tmp_path / "in"
    folder.mkdir()
    name = os.path.join(os.fsencode(folder), b"ren\xe9.ogg")
    with open(good, "rb") as file, open(name, "wb") as copy:
        copy.write(file.read())
    (folder / "noise.raw").write_bytes(bytes(range(256)) * 50)
    (folder / "empty.wav").touch()
    (folder / "a\nb\x1b[31m.wav").write_bytes(b"RIFF")
    (folder / "gone.wav").symlink_to("nowhere")
    (folder / "notes.txt").write_text("no recording")
    outcome = pysid("embed", folder, tmp_path / "x.npz", "-m", model)
    assert outcome.status == 1 and outcome.out == f"{tmp_path}/x.npz: 1 embeddings\n"
    assert np.load(tmp_path / "x.npz")["keys"].tolist() == ["ren\u00e9"]
    lines = outcome.err[outcome.err.index("skipped 4 of 5") :].splitlines()
    assert len(lines) == 5 and "\x1b" not in outcome.err
    outcome = pysid("embed", good, folder / "noise.raw", tmp_path / "y.npz", "-m", model)
    assert outcome.status == 1 and (tmp_path / "y.npz").exists()


def test_a_changed_file_is_embedded_again(pysid, model, audio, tmp_path):
    """Shards that a stopped run left are those of the files as they were."""
    from pysid.data.sources import AudioFiles

    a, b = audio("slt-0", "rms-0")
    path = tmp_path / "a.ogg"
    entries = []
    for source in (a, b):
        shutil.copy(source, path)
        entries.append(AudioFiles({"a": str(path)}, RATE).entry("a"))
    assert entries[0] != entries[1]


def test_json_on_standard_output_leaves_the_file_behind_it(fitted, audio, tmp_path, monkeypatch):
    log = tmp_path / "log"
    command = ["pysid", "verify", *audio("alicia-0", "alicia-1"), "-m", str(fitted), "--json"]
    for place in ("/dev/stdout", "-"):
        monkeypatch.setattr(sys, "argv", [*command, place])
        with (
            open(log, "w") as file,
            redirected(1, file.fileno()),
            redirect_stdout(file),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        assert ended.value.code == 0
        text = log.read_text()
        answer, figures = text[: text.index("{")], json.loads(text[text.index("{") :])
        assert ": accepted, " in answer and figures["decisions"][0]["accepted"]
