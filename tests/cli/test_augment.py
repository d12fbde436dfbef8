"""`pysid augment`: copies on disk, the same whoever makes them, resumable, with the clean VAD."""

import json
import os
import shutil
import sys

import numpy as np
import pytest

from pysid.augment import NoiseAugment, reverberate
from pysid.data.corpus import Corpus
from pysid.data.validate import validate
from pysid.io.ark.archive import read_matrices, read_vectors
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.tables import read_table


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Options that name two noises, and a room response."""
    folder = tmp_path_factory.mktemp("sources")
    rng = np.random.default_rng(0)
    for name, n_samples in (("a", 16000), ("b", 200000)):
        write_audio(folder / f"{name}.flac", 800 * rng.standard_normal(n_samples), 16000)
    (folder / "wav.scp").write_text("a a.flac\nb b.flac\n")
    response = np.r_[np.zeros(20), 30000, 9000 * rng.standard_normal(1500) * 0.997 ** np.arange(1500)]
    write_audio(folder / "room.flac", response, 16000)
    (folder / "rir_list").write_text("--rir-id 1 --room-id 1 room.flac\n")
    return ["--noises", folder, "--music", folder, "--rooms", folder / "rir_list"]


def contents(out):
    """All files, but for two that name the folder or the corpus."""
    return {
        path.relative_to(out): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("augment.json", "small_vad.scp")
    }


def test_directories_of_copies(pysid, small, sources, tmp_path):
    out = tmp_path / "aug"
    outcome = pysid("augment", small, out, *sources)
    assert outcome.status == 0
    assert outcome.out.splitlines() == [
        f"{out}/small_reverb: 6 utterances",
        f"{out}/small_noise: 6 utterances",
        f"{out}/small_music: 6 utterances",
        f"{out}/small_aug: 18 utterances",
        f"{out}/small_combined: 24 utterances",
    ]
    for name in ("reverb", "noise", "music", "aug", "combined"):
        assert validate(out / f"small_{name}") == []
    clean, noisy = Corpus.read(small), Corpus.read(out / "small_noise")
    assert noisy.utt2spk == {f"{name}-noise": speaker for name, speaker in clean.utt2spk.items()}
    assert read_table(out / "small_noise" / "wav.scp")["denis-1-noise"] == "audio/denis-1-noise.flac"
    voiced = dict(read_vectors(f"scp:{out}/small_combined/vad.scp"))
    assert len(voiced) == 24
    for name in clean.utt2spk:
        for kind in ("reverb", "noise", "music"):
            np.testing.assert_array_equal(voiced[f"{name}-{kind}"], voiced[name])


def test_a_copy_is_what_wav_reverberate_makes(pysid, small, sources, tmp_path):
    assert pysid("augment", small, tmp_path / "aug", *sources).status == 0
    folder = sources[1]
    wave, _ = read_audio(Corpus.read(small)["alicia-1"].source, sample_rate=16000)
    room, _ = read_audio(folder / "room.flac")
    found, _ = read_audio(tmp_path / "aug" / "small_reverb" / "audio" / "alicia-1-reverb.flac")
    np.testing.assert_allclose(found, reverberate(wave, 16000, room), rtol=0, atol=0.6)
    found, _ = read_audio(tmp_path / "aug" / "small_noise" / "audio" / "alicia-1-noise.flac")
    rng = np.random.default_rng([0, *b"alicia-1-noise"])
    rng.random(), rng.choice(1, p=[1.0])  # whether and what
    noises, start, chosen = [], 0, []
    while start < len(wave):
        noises.append(read_audio(folder / f"{'ab'[rng.integers(2)]}.flac")[0])
        chosen.append((NoiseAugment().snrs_db[rng.integers(4)], start / 16000))
        start += len(noises[-1]) + 16000
    expected = reverberate(wave, 16000, None, noises, *map(list, zip(*chosen, strict=True)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.6)


@pytest.mark.slow
def test_processes_and_interruptions_change_nothing(pysid, small, sources, tmp_path):
    for name, jobs in (("one", 1), ("two", 2)):
        assert pysid("augment", small, tmp_path / name, *sources, "--jobs", jobs).status == 0
    whole = contents(tmp_path / "one")
    assert contents(tmp_path / "two") == whole
    kept = tmp_path / "two" / "small_noise" / "audio" / "denis-0-noise.flac"
    before = kept.stat().st_mtime_ns
    for path in [*(tmp_path / "two").glob("*/wav.scp"), *(tmp_path / "two").glob("*/audio/alicia*")]:
        path.unlink()
    assert pysid("augment", small, tmp_path / "two", *sources).status == 0
    assert contents(tmp_path / "two") == whole and kept.stat().st_mtime_ns == before


def test_copies_of_changed_recordings_are_made_again(pysid, small, sources, tmp_path):
    entries = (small / "wav.scp").read_text().replace("alicia-1 ", f"alicia-1 {tmp_path}/a.ogg #").splitlines()
    originals = [line.partition("#")[2] for line in entries if "#" in line]
    (small / "wav.scp").write_text("".join(line.partition(" #")[0] + "\n" for line in entries))
    shutil.copy(originals[0], tmp_path / "a.ogg")
    arguments = ("augment", small, tmp_path / "aug", *sources, "--kinds", "noise,music")
    assert pysid(*arguments).status == 0
    before = contents(tmp_path / "aug")
    shutil.copy(originals[0].replace("alicia-1", "storm-0"), tmp_path / "a.ogg")
    assert pysid(*arguments).status == 0
    after = contents(tmp_path / "aug")
    changed = {path.name for path in before if before[path] != after[path] and path.suffix == ".flac"}
    assert changed == {"alicia-1-noise.flac", "alicia-1-music.flac"}
    voiced = dict(read_vectors(f"scp:{tmp_path}/aug/small_combined/vad.scp"))
    wave, _ = read_audio(tmp_path / "a.ogg", sample_rate=16000)
    assert abs(len(voiced["alicia-1"]) - len(wave) / 160) < 5, "and its VAD"
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("aug/*/audio/*-noise.flac")}
    os.utime(sources[1] / "a.flac")  # another noise, perhaps: all copies with noise may be others
    assert pysid(*arguments).status == 0
    assert all(path.stat().st_mtime_ns > time for path, time in times.items())


def test_a_subset_makes_those_copies_only(pysid, small, sources, tmp_path):
    assert pysid("augment", small, tmp_path / "all", *sources, "--kinds", "noise,music").status == 0
    outcome = pysid("augment", small, tmp_path / "some", *sources, "--kinds", "music,noise", "--subset", 5)
    assert outcome.out.splitlines()[2:] == [
        f"{tmp_path}/some/small_aug: 5 utterances",
        f"{tmp_path}/some/small_combined: 11 utterances",
    ]
    everything = contents(tmp_path / "all")
    audio = {path: data for path, data in contents(tmp_path / "some").items() if path.suffix == ".flac"}
    assert len(audio) == 5 and audio.items() <= everything.items()
    assert pysid("augment", small, tmp_path / "some", *sources, "--subset", 40).error.startswith(
        "expected a subset of at most 18 utterances, got 40"
    )


def test_features_take_the_frames_of_the_clean_speech(pysid, small, sources, tmp_path):
    assert pysid("augment", small, tmp_path / "aug", *sources, "--kinds", "noise").status == 0
    out = tmp_path / "feats"
    assert pysid("features", tmp_path / "aug" / "small_combined", out, "--stored-vad").status == 0
    sizes = {name: len(x) for name, x in read_matrices(out / "feats.scp")}
    assert len(sizes) == 12
    assert all(sizes[name] == sizes[f"{name}-noise"] for name in Corpus.read(small).utt2spk)


def test_a_corpus_brings_its_own_vad(pysid, small, sources, tmp_path):
    (small / "vad.scp").write_text("alicia-0 vad.ark:9\n")
    (small / "vad.ark").touch()
    assert pysid("augment", small, tmp_path / "aug", *sources, "--kinds", "noise").status == 0
    assert read_table(tmp_path / "aug" / "small_noise" / "vad.scp") == {"alicia-0-noise": f"{small}/vad.ark:9"}
    assert not (tmp_path / "aug" / "small_vad.ark").exists()


def test_pieces_of_recordings(pysid, small, sources, tmp_path):
    (small / "segments").write_text("alicia-x alicia-0 1.0 2.5\ndenis-x denis-0 0.5 -1\n")
    (small / "utt2spk").write_text("alicia-x alicia\ndenis-x denis\n")
    assert pysid("augment", small, tmp_path / "aug", *sources, "--kinds", "reverb").status == 0
    combined = Corpus.read(tmp_path / "aug" / "small_combined")
    assert sorted(u.id for u in combined) == ["alicia-x", "alicia-x-reverb", "denis-x", "denis-x-reverb"]
    assert (
        len(combined.read_wave(combined["alicia-x-reverb"])) == len(combined.read_wave(combined["alicia-x"])) == 24000
    )


def test_bad_utterances_are_skipped_and_listed(pysid, with_broken, broken, sources, tmp_path):
    outcome = pysid("augment", with_broken, tmp_path / "aug", *sources, "--kinds", "noise")
    unreadable = set(broken) - {"silent", "too-short"}
    assert outcome.status == 1
    assert f"skipped {len(unreadable)} of {len(broken) + 6} utterances:" in outcome.err.splitlines()
    assert len(Corpus.read(tmp_path / "aug" / "small_noise")) == 8


def test_what_cannot_be(pysid, small, sources, tmp_path, monkeypatch):
    out = tmp_path / "aug"
    assert pysid("augment", small, out).error.startswith(
        "expected recordings to augment with, at least one of noises, "
    )
    assert (
        pysid("augment", small, out, *sources, "--kinds", "babble").error
        == "copies with babble need recordings: speech"
    )
    assert pysid("augment", small, out, *sources, "--kinds", "hum").error.startswith(
        "expected kinds out of reverb, noise"
    )
    assert not out.exists()
    assert pysid("augment", small, out, *sources, "--kinds", "noise", "--subset", 1).status == 0
    message = f"{out} holds copies made with seed 0, not 3: choose another folder, or remove it"
    assert pysid("augment", small, out, *sources, "--seed", 3).error == message
    assert json.loads((out / "augment.json").read_text())["noises"] == str(sources[1])
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    assert "simulation of rooms needs" in pysid("augment", small, tmp_path / "b", "--rooms", "simulated").error
    for path in small.glob("wav.scp"):
        path.write_text("".join(f"{line.split()[0]} {tmp_path}/gone.wav\n" for line in path.read_text().splitlines()))
    error = pysid("augment", small, tmp_path / "c", *sources).error
    assert error.startswith(f"no utterance of {small} could be augmented: 6 skipped, the first is alicia-0: ")


def test_long_recordings_are_copied_in_blocks(pysid, small, sources, tmp_path, monkeypatch):
    """They are the same as if they were short, but for a step of int16."""
    assert pysid("augment", small, tmp_path / "whole", *sources).status == 0
    monkeypatch.setattr("pysid.data.augmented_copies.LONG_S", 0.5)
    monkeypatch.setattr("pysid.frontend.long_recording.LONG_S", 0.5)
    monkeypatch.setattr("pysid.data.augmented_copies.BLOCK_S", 0.7)
    assert pysid("augment", small, tmp_path / "blocks", *sources).status == 0
    audio = sorted((tmp_path / "whole").rglob("*.flac"))
    assert len(audio) == 18
    for path in audio:
        found, _ = read_audio(tmp_path / "blocks" / path.relative_to(tmp_path / "whole"))
        np.testing.assert_allclose(found, read_audio(path)[0], rtol=0, atol=1)
    voiced = [dict(read_vectors(f"scp:{tmp_path}/{name}/small_combined/vad.scp")) for name in ("whole", "blocks")]
    assert [key for key in voiced[0] if not np.array_equal(voiced[0][key], voiced[1][key])] == []
