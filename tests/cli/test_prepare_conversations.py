"""`pysid prepare conversations`; what is made is tested with `pysid.data.conversations.write`."""

import dataclasses
import json
import re

import numpy as np
import pytest

from pysid.data.conversations.plan import ConversationConfig
from pysid.data.corpus import Corpus
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm

OPTIONS = ("--count", 1, "--min-pieces", 4, "--max-pieces", 4, "--max-speakers", 2)


@pytest.fixture
def prepare(pysid, small, tmp_path):
    return lambda *options: pysid("prepare", "conversations", small, tmp_path / "out", *OPTIONS, *options)


def test_good(prepare, tmp_path):
    outcome = prepare("--jobs", 2)
    assert outcome.status == 0
    assert outcome.out.startswith(f"{tmp_path}/out: 1 conversations, 0.0")
    assert "6 utterances of 2 speakers, of 6 with speech, are long enough (3 s)\n" in outcome.err
    assert len(Corpus.read(tmp_path / "out")) == 1
    turns = read_rttm(tmp_path / "out" / "ref.rttm")["conv-0001"]
    assert {turn.speaker for turn in turns} == {"alicia", "denis"}


def test_every_option_is_a_setting(prepare, tmp_path):
    given = {"min_piece_s": 3.5, "pause_s": 0.4, "overlap": 0.5, "gain_db": 3.0, "seed": 7, "min_speakers": 2}
    options = [f"--{name.removesuffix('_s').removesuffix('_db').replace('_', '-')}={x}" for name, x in given.items()]
    assert prepare(*options).status == 0
    settings = json.loads((tmp_path / "out" / "conversations.json").read_text())
    assert settings.items() >= given.items()
    expected = dataclasses.replace(ConversationConfig(), min_pieces=4, max_pieces=4, max_speakers=2, **given)
    others = {"n_conversations": 1, "clips": settings.pop("clips"), "recordings": settings.pop("recordings")}
    plain = dataclasses.asdict(expected)
    del plain["scene"]  # there is none
    assert settings | others == plain | others


def test_the_help_tells_the_defaults(pysid, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = pysid("prepare", "conversations", "--help").out
    options = [part for part in re.split(r"(?=--[a-z])", out) if "[default: (" in part]
    shown = {part.split()[0]: part.partition("[default: (")[2].partition(")")[0] for part in options}
    config = ConversationConfig()
    assert shown == {
        "--count": f"{config.n_conversations}",
        "--min-pieces": f"{config.min_pieces}",
        "--max-pieces": f"{config.max_pieces}",
        "--min-speakers": f"{config.min_speakers}",
        "--max-speakers": f"{config.max_speakers}",
        "--speakers": "all of DATA",
        "--min-piece": f"{config.min_piece_s:g}",
        "--pause": f"{config.pause_s:g}",
        "--overlap": f"{config.overlap:g}",
        "--gain": f"{config.gain_db:g}",
        "--seed": f"{config.seed}",
    }


def test_options_go_before_the_settings_of_a_file(prepare, tmp_path):
    (tmp_path / "settings.yaml").write_text("pause_s: 0.3\nseed: 4\nturn_taking: alternate\nmax_piece_s: 3.2\n")
    assert prepare("--config", tmp_path / "settings.yaml", "--seed", 5).status == 0
    settings = json.loads((tmp_path / "out" / "conversations.json").read_text())
    assert [settings[name] for name in ("pause_s", "seed", "turn_taking", "min_pieces")] == [0.3, 5, "alternate", 4]
    (tmp_path / "settings.yaml").write_text("pauses: 0.3\n")
    error = prepare("--config", tmp_path / "settings.yaml").error
    assert error.startswith(f"{tmp_path}/settings.yaml: unknown key 'pauses'; known here: n_conversations,")


def test_bad_input(pysid, prepare, small, tmp_path):
    out = tmp_path / "out"
    assert pysid("prepare", "conversations", tmp_path / "none", out).error.endswith("got no such folder")
    assert pysid("prepare", "conversations", small, out).error == (
        f"{small}: 2 of 2 speakers have a recording with 3 s of speech; conversations of up to 4 speakers need 4"
    )
    (tmp_path / "speakers").write_text("denis\n\nnobody\n")
    assert prepare("--speakers", tmp_path / "speakers").error == (
        f"{small}: 1 of the speakers asked for are not there; the first is 'nobody'"
    )
    (tmp_path / "speakers").write_text("denis alicia\n")
    assert prepare("--speakers", tmp_path / "speakers").error == (
        f"{tmp_path}/speakers:1: expected 'speaker', got 'denis alicia'"
    )
    assert not out.exists()
    assert prepare().status == 0
    assert prepare("--seed", 1).error == (
        f"{out} holds conversations of seed 0, not 1: choose another folder, or remove it"
    )


def test_unreadable_recordings_are_listed(pysid, with_broken, tmp_path):
    outcome = pysid("prepare", "conversations", with_broken, tmp_path / "out", *OPTIONS)
    assert outcome.status == 1
    assert "skipped 8 of 16 utterances:\n" in outcome.err
    assert "  alicia-zero-bytes: " in outcome.err and "empty file" in outcome.err


@pytest.mark.parametrize(
    "option", ["--count=0", "--min-pieces=9", "--max-speakers=5", "--min-piece=0", "--overlap=2", "--pause=-1"]
)
def test_wrong_usage(prepare, tmp_path, option):
    assert prepare(option).status == 2
    assert not (tmp_path / "out").exists()


def test_in_rooms_with_sounds(prepare, small, tmp_path):
    rng = np.random.default_rng(0)
    response = np.zeros(4000)
    response[[0, 900, 2500]] = 16000, 8000, 4000
    write_audio(tmp_path / "response.wav", response, 16000)
    write_audio(tmp_path / "rain.wav", rng.normal(0, 1000, 16000), 16000)
    (tmp_path / "rir_list").write_text("--rir-id r1 --room-id hall response.wav\n")
    (tmp_path / "noise.scp").write_text("rain rain.wav\n")
    (tmp_path / "settings.yaml").write_text("scene: {room_probability: 1, sound_probability: 1}\n")
    options = (
        "--config",
        tmp_path / "settings.yaml",
        "--rooms",
        tmp_path / "rir_list",
        "--noises",
        tmp_path / "noise.scp",
    )
    assert prepare(*options).status == 0
    assert json.loads((tmp_path / "out" / "conversations.json").read_text())["scene"]["room_probability"] == 1
    assert prepare(*options).status == 0  # again: nothing to do
    refused = prepare()
    assert refused.status == 1 and "holds conversations of other sounds" in refused.err
    (tmp_path / "out").rename(tmp_path / "in-a-hall")
    assert prepare().status == 0
    hall, plain = (read_audio(tmp_path / name / "audio" / "conv-0001.flac")[0] for name in ("in-a-hall", "out"))
    assert len(hall) == len(plain) and np.corrcoef(hall, plain)[0, 1] < 0.95


def test_surroundings_that_are_not_there(prepare, tmp_path):
    outcome = prepare("--rooms", tmp_path / "none")
    assert (outcome.status, "none: cannot read" in outcome.err or "No such file" in outcome.err) == (1, True)
    (tmp_path / "noise.scp").write_text("rain gone.wav\n")
    outcome = prepare("--noises", tmp_path / "noise.scp")
    assert outcome.status == 1 and "1 of 1 recordings are missing" in outcome.err
    outcome = prepare("--rooms", "simulated")
    assert outcome.status == 1 and outcome.err.count("\n") == 1
