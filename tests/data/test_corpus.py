import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from pysid.data.corpus import Corpus, Utterance
from pysid.data.validate import validate
from pysid.errors import DataError, PysidWarning, Skipped
from pysid.io.audio.files import write_audio
from pysid.io.tables import Trial
from pysid.segments import Segment

RATE = 16000
WAVES = {name: 100 * np.arange(1, 8001, dtype=np.float32) % 30000 + i for i, name in enumerate("abc")}

FILES = {
    "wav.scp": "a-1 audio/a.wav\na-2 audio/b.wav\nb-1 audio/c.wav\n",
    "utt2spk": "a-1 a\na-2 a\nb-1 b\n",
    "spk2utt": "a a-1 a-2\nb b-1\n",
    "spk2gender": "a f\nb m\n",
    "utt2dur": "a-1 0.5\na-2 0.5\nb-1 0.5\n",
    "utt2lang": "a-1 de\na-2 de\nb-1 fr\n",
    "vad.scp": "a-1 vad.ark:5\na-2 vad.ark:99\nb-1 vad.ark:199\n",
    "trials": "a-1 a-2 target\na-1 b-1 nontarget\nb a-1 nontarget\n",
}
SEGMENTED = {
    "wav.scp": "rec1 audio/a.wav\nrec2 audio/b.wav\n",
    "segments": "u1 rec1 0.1 0.2\nu2 rec1 0.2 -1\nu3 rec2 0.0 0.5\n",
    "utt2spk": "u1 s\nu2 t\nu3 s\n",
    "reco2dur": "rec1 0.5\nrec2 0.5\n",
}


def make(folder, files):
    (folder / "audio").mkdir(parents=True)
    for name, wave in WAVES.items():
        write_audio(folder / "audio" / f"{name}.wav", wave, RATE)
    (folder / "vad.ark").touch()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def plain(tmp_path):
    return make(tmp_path / "plain", FILES)


@pytest.fixture
def segmented(tmp_path):
    return make(tmp_path / "segmented", SEGMENTED)


def test_the_tables_of_a_directory(plain):
    corpus = Corpus.read(plain)
    assert len(corpus) == 3
    assert [utterance.id for utterance in corpus] == ["a-1", "a-2", "b-1"]
    assert corpus["a-2"] == Utterance("a-2", "a", "a-2", "audio/b.wav")
    assert corpus.speakers() == ["a", "b"]
    assert corpus.spk2utt() == {"a": ["a-1", "a-2"], "b": ["b-1"]}
    assert corpus.genders() == {"a": "f", "b": "m"}
    assert corpus.durations() == {"a-1": 0.5, "a-2": 0.5, "b-1": 0.5}
    assert corpus.trials()[2] == Trial("b", "a-1", False)
    assert "a-1" in corpus and "a" not in corpus
    assert repr(corpus) == f"Corpus(directory={plain!r})"


def test_utterances_are_a_sequence(plain):
    utterances = Corpus.read(plain).utterances
    assert len(utterances) == 3 and utterances[-1].id == "b-1"
    assert [utterance.id for utterance in utterances[1:]] == ["a-2", "b-1"]
    assert utterances[0] in utterances
    with pytest.raises(IndexError):
        utterances[3]


def test_segments(segmented):
    corpus = Corpus.read(segmented)
    assert corpus["u1"] == Utterance("u1", "s", "rec1", "audio/a.wav", Segment(0.1, 0.2))
    assert corpus["u2"].segment == Segment(0.2, math.inf)
    np.testing.assert_array_equal(corpus.read_wave(corpus["u1"]), WAVES["a"][1600:3200])
    np.testing.assert_array_equal(corpus.read_wave(corpus["u2"]), WAVES["a"][3200:])
    assert corpus.durations() == {"u1": 0.1, "u2": 0.3, "u3": 0.5}


def test_durations_come_from_the_headers_at_last(segmented):
    (segmented / "reco2dur").unlink()
    assert Corpus.read(segmented).durations() == pytest.approx({"u1": 0.1, "u2": 0.3, "u3": 0.5})
    (segmented / "audio" / "a.wav").unlink()
    with pytest.raises(DataError, match=r"^u2: .*a\.wav: cannot read the file: No such file or directory$"):
        Corpus.read(segmented).durations()


def test_waves(plain):
    corpus = Corpus.read(plain)
    for utterance, wave in zip(corpus, WAVES.values(), strict=True):
        np.testing.assert_array_equal(corpus.read_wave(utterance), wave)
    assert len(corpus.read_wave(corpus["a-1"], sample_rate=8000)) == 4000


def test_pieces_of_an_utterance_end_where_it_ends(plain, segmented):
    corpus = Corpus.read(plain)
    wave = corpus.read_wave(corpus["a-1"], start_s=0.25, duration_s=0.125)
    np.testing.assert_array_equal(wave, WAVES["a"][4000:6000])
    np.testing.assert_array_equal(corpus.read_wave(corpus["a-1"], start_s=0.25, duration_s=9), WAVES["a"][4000:])
    corpus = Corpus.read(segmented)
    wave = corpus.read_wave(corpus["u1"], start_s=0.05, duration_s=0.25)
    np.testing.assert_array_equal(wave, WAVES["a"][2400:3200])
    wave = corpus.read_wave(corpus["u1"], start_s=0.025, duration_s=0.025)
    np.testing.assert_array_equal(wave, WAVES["a"][2000:2400])
    with pytest.raises(DataError, match=r"^u1: .*expected 0 <= start < end"):
        corpus.read_wave(corpus["u1"], start_s=0.1)


def test_a_segment_has_its_channel(segmented):
    stereo = np.stack([WAVES["a"], WAVES["b"]], axis=1)
    write_audio(segmented / "audio" / "a.wav", stereo, RATE)
    (segmented / "segments").write_text("u1 rec1 0 -1 1\nu2 rec1 0 -1\nu3 rec2 0 -1\n")
    corpus = Corpus.read(segmented)
    np.testing.assert_array_equal(corpus.read_wave(corpus["u1"]), WAVES["b"])
    np.testing.assert_array_equal(corpus.read_wave(corpus["u1"], channel=0), WAVES["b"])
    np.testing.assert_array_equal(corpus.read_wave(corpus["u2"], channel=1), WAVES["b"])
    mean = corpus.read_wave(corpus["u2"])  # as of any other recording
    np.testing.assert_allclose(mean, (WAVES["a"] + WAVES["b"]) / 2, atol=0.5)


def test_pipes_run_only_when_allowed(plain):
    (plain / "wav.scp").write_text(f"a-1 cat {plain}/audio/a.wav |\na-2 audio/b.wav\nb-1 audio/c.wav\n")
    corpus = Corpus.read(plain)
    with pytest.raises(DataError, match=r"^a-1: expected a path, got the shell pipe 'cat "):
        corpus.read_wave(corpus["a-1"])
    np.testing.assert_array_equal(corpus.read_wave(corpus["a-1"], allow_pipes=True), WAVES["a"])


def test_speakers_are_optional_and_may_come_from_spk2utt(plain):
    (plain / "utt2spk").unlink()
    assert Corpus.read(plain)["b-1"].speaker == "b"
    (plain / "spk2utt").unlink()
    corpus = Corpus.read(plain)
    assert corpus["b-1"].speaker is None and corpus.speakers() == []


def test_reading_touches_no_audio(plain, monkeypatch):
    corpus = Corpus.read(plain)
    monkeypatch.setattr(os, "stat", None)
    assert [utterance.source for utterance in corpus.utterances] == [f"audio/{name}.wav" for name in "abc"]


def test_a_corpus_goes_to_worker_processes(segmented):
    corpus = Corpus.read(segmented)
    assert pickle.loads(pickle.dumps(corpus)) == corpus


def test_write_gives_what_was_read(tmp_path, plain, segmented):
    for old in (plain, segmented):
        new = tmp_path / "new" / old.name
        Corpus.read(old).write(new)
        written, corpus = Corpus.read(new), Corpus.read(old)
        assert (written.segments, written.utt2spk) == (corpus.segments, corpus.utt2spk)
        for utterance in corpus:
            np.testing.assert_array_equal(written.read_wave(written[utterance.id]), corpus.read_wave(utterance))
        assert [problem for problem in validate(new) if problem.level == "error"] == []
        for copied in set(os.listdir(old)) - {"audio", "vad.ark", "wav.scp", "vad.scp", "segments"}:
            assert (new / copied).read_text() == (old / copied).read_text()
    assert f"a-1 {plain}/vad.ark:5\n" in (tmp_path / "new" / "plain" / "vad.scp").read_text()


def test_subset(tmp_path, plain, segmented):
    subset = Corpus.read(plain).subset(["b-1", "a-1"])
    assert [utterance.id for utterance in subset] == ["a-1", "b-1"]
    assert subset.speakers() == ["a", "b"]
    subset.write(tmp_path / "new")
    assert (tmp_path / "new" / "spk2utt").read_text() == "a a-1\nb b-1\n"
    assert (tmp_path / "new" / "utt2lang").read_text() == "a-1 de\nb-1 fr\n"
    assert (tmp_path / "new" / "trials").read_text() == "a-1 b-1 nontarget\nb a-1 nontarget\n"
    subset = Corpus.read(segmented).subset({"u3"})
    assert dict(subset.wav_scp) == {"rec2": "audio/b.wav"} and len(subset) == 1
    with pytest.raises(DataError, match=r"plain: 1 of 2 utterances asked for are not there; the first is 'z'$"):
        Corpus.read(plain).subset(["z", "a-1"])


def test_write_sorts_by_bytes_and_takes_old_tables_away(tmp_path, plain):
    (plain / "wav.scp").write_text("é audio/a.wav\nb audio/b.wav\nZ audio/c.wav\n")
    (plain / "utt2spk").write_text("é s\nb t\nZ s\n")
    new = tmp_path / "new"
    new.mkdir()
    (new / "segments").write_text("old old 0 1\n")
    Corpus.read(plain).write(new)
    assert [line.split()[0] for line in (new / "wav.scp").read_text().splitlines()] == ["Z", "b", "é"]
    assert (new / "spk2utt").read_text() == "s Z é\nt b\n"
    assert not (new / "segments").exists()


def test_write_in_place_sorts_and_keeps_paths(plain):
    (plain / "wav.scp").write_text("b-1 audio/c.wav\na-2 audio/b.wav\na-1 audio/a.wav\n")
    Corpus.read(plain).write(plain)
    assert (plain / "wav.scp").read_text() == FILES["wav.scp"]
    assert (plain / "vad.scp").read_text() == FILES["vad.scp"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("wav.scp", None, r"/wav\.scp: cannot read the file: No such file or directory$"),
        ("wav.scp", "", r": expected at least one utterance, got none$"),
        ("wav.scp", "a-1 x\na-1 y\n", r"/wav\.scp:2: 'a-1' is already on line 1$"),
        (
            "wav.scp",
            "a-1 x\n",
            r"/utt2spk: 2 of 3 utterances have no audio in wav\.scp; the first is 'a-2'$",
        ),
        (
            "utt2spk",
            "b-1 b\n",
            r"/wav\.scp: 2 of 3 utterances have no speaker in utt2spk; the first is 'a-1'$",
        ),
        (
            "segments",
            "u1 no 0 1\nu2 a-1 0 1\n",
            r"/segments: 1 of 2 utterances have no recording in wav\.scp; the first is 'u1'$",
        ),
        ("utt2spk", "a-1\n", r"/utt2spk:1: expected 'utterance speaker', got 'a-1'$"),
    ],
)
def test_errors(plain, name, text, message):
    if text is None:
        (plain / name).unlink()
    else:
        (plain / name).write_text(text)
    with pytest.raises(DataError, match=f"^{plain}{message}"):
        Corpus.read(plain)


def test_other_errors(plain, tmp_path):
    with pytest.raises(DataError, match="expected a Kaldi data directory, got no such folder"):
        Corpus.read(tmp_path / "no")
    corpus = Corpus.read(plain)
    with pytest.raises(DataError, match=r"plain: expected an utterance of the corpus, got 'z'$"):
        corpus["z"]
    (plain / "audio" / "a.wav").write_text("")
    with pytest.raises(DataError, match=r"^a-1: .*audio/a\.wav: expected audio, got an empty file$"):
        corpus.read_wave(corpus["a-1"])
    (plain / "trials").unlink()
    with pytest.raises(DataError, match="trials: cannot read the file"):
        corpus.trials()


@pytest.mark.skipif("PYSID_DATA" not in os.environ, reason="PYSID_DATA is not set")
def test_real_recordings():
    corpus = Corpus.read(Path(os.environ["PYSID_DATA"]) / "dev")
    durations = corpus.durations()
    for utterance in corpus.utterances[::50]:
        wave = corpus.read_wave(utterance)
        assert len(wave) / RATE == pytest.approx(durations[utterance.id], abs=0.02)
        np.testing.assert_array_equal(corpus.read_wave(utterance, start_s=1.5), wave[24000:])
    assert {trial.enrol for trial in corpus.trials()} <= {utterance.id for utterance in corpus}


def test_segments_of_no_length_cost_only_themselves(tmp_path):
    (tmp_path / "wav.scp").write_text("r a.wav\n")
    (tmp_path / "segments").write_text("a-1 r 0 1\na-2 r 1 1\na-3 r 1 2\n")
    (tmp_path / "utt2spk").write_text("a-1 a\na-2 a\na-3 a\n")
    with pytest.warns(PysidWarning, match=r"segments:2: expected 0 <= start < end.*1 of 3 utterances are left out"):
        corpus = Corpus.read(tmp_path)
    assert list(corpus.ids) == ["a-1", "a-3"] and dict(corpus.utt2spk) == {"a-1": "a", "a-3": "a"}


def test_recordings_without_a_header_last_nothing_where_they_may_be_left_out(small):
    (small / "wav.scp").write_text((small / "wav.scp").read_text().replace("alicia-1.ogg", "nofile.ogg"))
    corpus, skipped = Corpus.read(small), Skipped()
    with pytest.raises(DataError, match=r"^alicia-1: .*nofile\.ogg"):
        corpus.durations()
    seconds = corpus.durations(skipped)
    assert seconds["alicia-1"] == 0 and min(seconds[name] for name in corpus.ids if name != "alicia-1") > 1
    assert list(skipped.reasons) == ["alicia-1"] and "nofile.ogg" in skipped.reasons["alicia-1"]
