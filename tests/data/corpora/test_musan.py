"""MUSAN: three data directories."""

import numpy as np
import pytest
import soundfile

from pysid.augment.banks import FileBank
from pysid.data.corpora.musan import prepare_musan
from pysid.data.validate import validate
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import read_durations, read_table, read_utt2spk


def write(path, n_samples=1600):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(n_samples, np.int16), 16000)


@pytest.fixture
def musan(tmp_path):
    root = tmp_path / "musan"
    for name in ("speech/us-gov/speech-us-gov-0001", "speech/librivox/speech-librivox-0000"):
        write(root / f"{name}.wav", 3200)
    write(root / "noise/free-sound/noise-free-sound-0000.wav")
    write(root / "noise/sound-bible/noise-sound-bible-0001.wav")
    for name in ("fma/music-fma-0000", "fma/music-fma-0001", "jamendo/music-jamendo-0000"):
        write(root / f"music/{name}.wav")
    (root / "music/fma/ANNOTATIONS").write_text(
        "music-fma-0000 folk,country Y Someone_Here\nmusic-fma-0001 jazz N A B\n"
    )
    (root / "music/jamendo/ANNOTATIONS").write_text("music-jamendo-0000 pop N C\n")
    return root


def test_three_directories(musan, tmp_path):
    prepared = prepare_musan(musan, tmp_path / "data", n_jobs=2)
    assert [line.counts["recordings"] for line in prepared] == [2, 3, 2]
    for kind, seconds in (("speech", 0.2), ("music", 0.1), ("noise", 0.1)):
        directory = tmp_path / "data" / f"musan_{kind}"
        names = list(read_table(directory / "wav.scp"))
        assert names == sorted(names) and all(name.startswith(kind) for name in names)
        assert read_utt2spk(directory / "utt2spk") == {name: name for name in names}
        assert read_durations(directory / "utt2dur") == read_durations(directory / "reco2dur")
        assert read_durations(directory / "reco2dur") == dict.fromkeys(names, seconds)
        assert validate(directory) == []
        assert FileBank.from_scp(directory / "wav.scp", 16000).n_samples(0) == seconds * 16000


def test_music_without_vocals(musan, tmp_path):
    prepare_musan(musan, tmp_path, use_vocals=False)
    assert list(read_table(tmp_path / "musan_music" / "wav.scp")) == ["music-fma-0001", "music-jamendo-0000"]


def test_annotations_and_audio_that_do_not_match(musan, tmp_path):
    (musan / "music/fma/music-fma-0001.wav").unlink()
    write(musan / "music/rfm/music-rfm-0000.wav")
    write(musan / "noise/sound-bible/copy/noise-free-sound-0000.wav")
    (musan / "speech/us-gov/speech-us-gov-0001.wav").write_bytes(b"RIFF")
    with pytest.warns(PysidWarning) as warned:
        prepare_musan(musan, tmp_path)
    messages = [str(warning.message) for warning in warned]
    assert [message.split(" (all in ")[1] for message in messages] == [
        f"{tmp_path}/musan_{name})"
        for name in ("speech.unreadable", "music.missing", "music.unknown", "noise.duplicates")
    ]
    assert messages[1].startswith(f"1 pieces of music in ANNOTATIONS of {musan}/music are not there: music-fma-0001 (")
    assert list(read_table(tmp_path / "musan_music" / "wav.scp")) == ["music-fma-0000", "music-jamendo-0000"]


def test_bad_input(musan, tmp_path):
    with pytest.raises(
        DataError, match=r"musan/music: expected the folder of MUSAN, with speech/, music/ and noise/ in it; got"
    ):
        prepare_musan(musan / "music", tmp_path / "data")
    with pytest.raises(DataError, match=r"none: expected the folder of a corpus, got nothing"):
        prepare_musan(tmp_path / "none", tmp_path / "data")
    (musan / "music/fma/ANNOTATIONS").write_text("music-fma-0000 folk Y\n")
    with pytest.raises(DataError, match=r"ANNOTATIONS:1: expected 'recording genres Y\|N musician', got"):
        prepare_musan(musan, tmp_path / "data")
    for path in musan.rglob("ANNOTATIONS"):
        path.unlink()
    with pytest.raises(DataError, match=r"music: expected files ANNOTATIONS beside the music, got none"):
        prepare_musan(musan, tmp_path / "data")
    for path in (musan / "speech").rglob("*.wav"):
        path.unlink()
    with pytest.raises(DataError, match=r"speech: expected audio files; got librivox/, us-gov/"):
        prepare_musan(musan, tmp_path / "data")
