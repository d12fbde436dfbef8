"""Conversations as audio and as a data directory."""

import json

import numpy as np
import pytest

from pysid.data.conversations.plan import Clip, Conversation, ConversationConfig, Piece
from pysid.data.conversations.write import ClipWaves, render, write_conversations
from pysid.data.corpus import Corpus
from pysid.data.validate import validate
from pysid.errors import DataError
from pysid.io.audio.files import audio_info, read_audio, write_audio
from pysid.io.tables import read_durations, read_num_frames
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.segments import Segment

RATE = 16000
SHORT = ConversationConfig(n_conversations=2, min_pieces=4, max_pieces=5)
TABLES = ("wav.scp", "ref.rttm", "all.uem", "reco2dur", "reco2num_spk", "plan.tsv")

WAVES = {"a": np.full(4 * RATE, 1000, np.int16), "b": np.full(4 * RATE, 3000, np.int16)}


def piece(name, start_s, gain_db=0.0):
    return Piece(Clip(name, name, (Segment(0.5, 3.5),)), Segment(0.5, 3.5), start_s, gain_db)


def wave_of(*pieces, **options):
    return render(Conversation("conv-0001", pieces), WAVES.__getitem__, ConversationConfig(**options))


def span(wave, start_s, end_s):
    return wave[round(start_s * RATE) : round(end_s * RATE)]


def test_pieces_are_copied_and_overlaps_added():
    wave = wave_of(piece("a", 0.0), piece("b", 2.0), piece("a", 5.0))
    assert len(wave) == 8 * RATE
    np.testing.assert_array_equal(span(wave, 0.01, 1.99), 1000)
    np.testing.assert_array_equal(span(wave, 2.01, 2.99), 4000)
    np.testing.assert_array_equal(span(wave, 3.01, 4.99), 3000)
    np.testing.assert_array_equal(span(wave, 5.01, 7.99), 1000)
    assert np.abs(np.diff(wave)).max() < 60  # no clicks where pieces meet


def test_noise_in_pauses_lies_below_the_softest_piece():
    pieces = piece("a", 0.0), piece("b", 4.0)
    for snr_db in (20.0, 40.0):
        pause = span(wave_of(*pieces, noise_snr_db=snr_db), 3.0, 4.0)
        assert 20 * np.log10(1000 / pause.std()) == pytest.approx(snr_db, abs=1.0)
    assert not span(wave_of(*pieces, noise_snr_db=None), 3.0, 4.0).any()
    assert span(wave_of(*pieces, noise_snr_db=120.0), 3.0, 4.0).std() > 0.5  # else 16 bit would make it silence
    np.testing.assert_array_equal(span(wave_of(*pieces, noise_snr_db=0.0), 4.01, 6.99), 3000)


def test_gains():
    wave = wave_of(piece("a", 0.0, 6.0), piece("b", 3.0, -20.0))
    np.testing.assert_allclose(span(wave, 0.01, 2.99), 1000 * 10**0.3, rtol=1e-6)
    np.testing.assert_allclose(span(wave, 3.01, 5.99), 300, rtol=1e-6)


def test_what_would_clip_is_made_softer_as_a_whole():
    wave = wave_of(piece("a", 0.0, 26.0), piece("b", 2.0, 26.0), noise_snr_db=None)
    assert wave.max() == pytest.approx(32000)
    np.testing.assert_allclose(span(wave, 0.01, 1.99), 8000, rtol=1e-5)
    np.testing.assert_allclose(span(wave, 3.01, 4.99), 24000, rtol=1e-5)


@pytest.fixture(scope="module")
def voices(dev):
    """Four speakers of two utterances each."""
    return Corpus.read(dev).subset([f"{voice}-{i}" for voice in ("alicia", "hugo", "rms", "slt") for i in range(2)])


@pytest.fixture(scope="module")
def written(tmp_path_factory, dev):
    directory = tmp_path_factory.mktemp("conversations") / "out"
    config = ConversationConfig(n_conversations=3, min_pieces=4, max_pieces=8, pause_s=0.4, overlap=0.3, seed=3)
    return directory, *write_conversations(Corpus.read(dev), directory, config)


def test_a_data_directory_is_written(written):
    directory, conversations, skipped = written
    assert len(skipped) == 0
    assert [p for p in validate(directory) if p.level == "error"] == []
    corpus = Corpus.read(directory)
    ids = ["conv-0001", "conv-0002", "conv-0003"]
    assert [utterance.id for utterance in corpus] == [c.id for c in conversations] == ids
    assert corpus["conv-0001"].source == "audio/conv-0001.flac"
    seconds, counts = read_durations(directory / "reco2dur"), read_num_frames(directory / "reco2num_spk")
    reference, regions = read_rttm(directory / "ref.rttm"), read_uem(directory / "all.uem")
    for c in conversations:
        info = audio_info(directory / "audio" / f"{c.id}.flac")
        assert (info.sample_rate, info.n_channels) == (RATE, 1)
        assert info.duration_s == pytest.approx(c.duration_s, abs=1e-6)
        assert seconds[c.id] == c.duration_s
        assert regions[c.id] == [Segment(0.0, c.duration_s)]
        assert counts[c.id] == len({turn.speaker for turn in reference[c.id]})
        assert reference[c.id] == c.turns("speech")


def test_the_audio_is_that_of_the_plan(written, dev):
    directory, conversations, _ = written
    corpus = Corpus.read(dev)
    lines = [line.split("\t") for line in (directory / "plan.tsv").read_text().splitlines()]
    assert lines[0] == ["recording", "start_s", "end_s", "speaker", "utterance", "from_s", "to_s", "gain_db"]
    assert len(lines) - 1 == sum(len(c.pieces) for c in conversations)
    for recording, start, end, speaker, utterance, cut_start, cut_end, _ in lines[1:]:
        assert corpus[utterance].speaker == speaker
        heard = span(read_audio(directory / "audio" / f"{recording}.flac")[0], float(start), float(end))
        said = span(corpus.read_wave(corpus[utterance]), float(cut_start), float(cut_end))
        assert len(heard) == len(said)
        # What comes before and after may lie over it, but leaves its middle free.
        middle = slice(len(said) * 49 // 100, len(said) * 51 // 100)
        np.testing.assert_array_equal(heard[middle], np.rint(said)[middle])


def test_references_mark_speech_and_not_silence(written, dev):
    """The example voices lie between 0.2 s of silence at each end of a clip; some have a little of their own."""
    _, conversations, _ = written
    seconds = Corpus.read(dev).durations()
    for piece in (piece for c in conversations for piece in c.pieces):
        assert 0.1 <= piece.part.start_s <= 0.5
        assert 0.05 <= seconds[piece.clip.utterance] - piece.part.end_s <= 0.5


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_killed_run_is_gone_on_with(voices, tmp_path):
    write_conversations(voices, tmp_path / "whole", SHORT)
    directory = tmp_path / "killed"
    write_conversations(voices, directory, SHORT, n_jobs=2)
    assert contents(directory) == contents(tmp_path / "whole")
    (directory / "audio" / "conv-0001.flac").unlink()
    for name in TABLES:
        (directory / name).unlink()
    kept = (directory / "audio" / "conv-0002.flac").stat().st_mtime_ns
    write_conversations(voices, directory, SHORT)
    assert contents(directory) == contents(tmp_path / "whole")
    assert (directory / "audio" / "conv-0002.flac").stat().st_mtime_ns == kept


def test_more_conversations_may_be_made_later(voices, tmp_path):
    one = ConversationConfig(n_conversations=1, min_pieces=4, max_pieces=5)
    write_conversations(voices, tmp_path, one)
    first = (tmp_path / "audio" / "conv-0001.flac").stat().st_mtime_ns
    write_conversations(voices, tmp_path, SHORT)
    assert (tmp_path / "audio" / "conv-0001.flac").stat().st_mtime_ns == first
    assert len(Corpus.read(tmp_path)) == 2


def test_other_conversations_are_not_mixed_with_these(voices, small, tmp_path):
    out = tmp_path / "out"
    write_conversations(voices, out, SHORT)
    before = contents(out)
    other = ConversationConfig(n_conversations=2, min_pieces=4, max_pieces=5, seed=1)
    with pytest.raises(DataError, match=r"out holds conversations of seed 0, not 1: choose another folder"):
        write_conversations(voices, out, other)
    one_less = voices.subset(sorted(voices.utt2spk)[1:])
    with pytest.raises(DataError, match=r"out holds conversations of other clips: choose another folder"):
        write_conversations(one_less, out, SHORT)
    with pytest.raises(DataError, match=r"expected a new folder or one of conversations, got another data directory"):
        two = ConversationConfig(n_conversations=1, min_pieces=4, max_pieces=5, max_speakers=2)
        write_conversations(voices, small, two)
    assert contents(out) == before
    (out / "conversations.json").write_text("{")
    with pytest.raises(DataError, match=r"conversations\.json: expected JSON, got "):
        write_conversations(voices, out, SHORT)


def test_speakers_may_be_chosen(voices, tmp_path):
    three = ConversationConfig(n_conversations=1, min_pieces=4, max_pieces=5, min_speakers=3, max_speakers=3)
    chosen = ["hugo", "rms", "slt"]
    conversations, _ = write_conversations(voices, tmp_path, three, speakers=chosen)
    assert sorted(conversations[0].speakers) == chosen
    with pytest.raises(DataError, match=r"dev: 1 of the speakers asked for are not there; the first is 'nobody'$"):
        write_conversations(voices, tmp_path, three, speakers=[*chosen, "nobody"])
    message = r"dev: 2 of 2 speakers have a recording with 3 s of speech; conversations of up to 3 speakers need 3$"
    with pytest.raises(DataError, match=message):
        write_conversations(voices, tmp_path, three, speakers=chosen[:2])


def test_recordings_that_cannot_be_read_are_skipped(with_broken, broken, tmp_path):
    config = ConversationConfig(n_conversations=1, min_pieces=4, max_pieces=4, max_speakers=2)
    conversations, skipped = write_conversations(Corpus.read(with_broken), tmp_path / "out", config)
    assert set(skipped.reasons) == {f"alicia-{name}" for name in set(broken) - {"silent", "too-short"}}
    assert "alicia-truncated" in skipped and "cut off" in skipped.reasons["alicia-truncated"]
    assert set(conversations[0].speakers) == {"alicia", "denis"}


def test_nothing_to_make_conversations_of(small, tmp_path):
    (small / "utt2spk").unlink()
    with pytest.raises(DataError, match=r"small: expected utt2spk or spk2utt"):
        write_conversations(Corpus.read(small), tmp_path / "out", SHORT)
    lines = (small / "wav.scp").read_text().splitlines()
    (small / "wav.scp").write_text("".join(f"{line.split()[0]} no.wav\n" for line in lines))
    (small / "utt2spk").write_text("".join(f"{line.split()[0]} a\n" for line in lines))
    with pytest.raises(DataError, match=r"small: no speech in any of 6 utterances: 6 skipped, the first is alicia-0"):
        write_conversations(Corpus.read(small), tmp_path / "out", SHORT)
    assert not (tmp_path / "out").exists()


def test_rates_may_be_mixed(small, tmp_path):
    corpus = Corpus.read(small)
    for name, rate in (("alicia-0", 8000), ("denis-0", 44100)):
        wave, _ = read_audio(corpus[name].source, sample_rate=rate)
        write_audio(small / f"{name}.wav", wave, rate)
    entries = {u.id: u.source for u in corpus} | {n: str(small / f"{n}.wav") for n in ("alicia-0", "denis-0")}
    (small / "wav.scp").write_text("".join(f"{key} {path}\n" for key, path in entries.items()))
    config = ConversationConfig(n_conversations=1, min_pieces=6, max_pieces=6, max_speakers=2, sample_rate=8000)
    conversations, skipped = write_conversations(Corpus.read(small), tmp_path / "out", config)
    assert len(skipped) == 0
    info = audio_info(tmp_path / "out" / "audio" / "conv-0001.flac")
    assert info.sample_rate == 8000 and info.duration_s == pytest.approx(conversations[0].duration_s)
    settings = json.loads((tmp_path / "out" / "conversations.json").read_text())
    assert settings["sample_rate"] == 8000 and "n_conversations" not in settings


def test_long_utterances_are_read_piece_by_piece(voices, tmp_path, monkeypatch):
    write_conversations(voices, tmp_path / "whole", SHORT)
    monkeypatch.setattr("pysid.data.conversations.write.LONG_S", 1.0)
    waves = ClipWaves(voices, RATE)
    name = voices.ids[0]
    part = waves(name)[100:200]
    assert not isinstance(waves(name), np.ndarray) and part.dtype == np.int16
    np.testing.assert_array_equal(part, np.rint(voices.read_wave(voices[name])[100:200]))
    assert len(waves(name)[len(waves(name)) :]) == 0
    conversations, _ = write_conversations(voices, tmp_path / "pieces", SHORT)
    for conversation in conversations:
        pieces = [piece.part for piece in conversation.pieces]
        wave, _ = read_audio(tmp_path / "pieces" / "audio" / f"{conversation.id}.flac")
        assert wave.any() and all(cut.duration_s > 0.3 for cut in pieces)
