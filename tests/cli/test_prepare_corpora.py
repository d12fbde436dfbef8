"""`pysid prepare` for corpora; what is made of them is tested with `pysid.data`."""

import inspect

import numpy as np
import pytest
import soundfile

from pysid.cli import prepare_corpora
from pysid.data.corpora.ami import prepare_ami
from pysid.data.corpora.musan import prepare_musan
from pysid.data.corpora.rirs import prepare_rirs
from pysid.data.corpora.voxceleb import prepare_voxceleb1, prepare_voxceleb2
from pysid.data.corpora.voxconverse import prepare_voxconverse


@pytest.mark.parametrize(
    ("command", "function"),
    [
        (prepare_corpora.voxceleb1, prepare_voxceleb1),
        (prepare_corpora.voxceleb2, prepare_voxceleb2),
        (prepare_corpora.musan, prepare_musan),
        (prepare_corpora.rirs, prepare_rirs),
        (prepare_corpora.ami, prepare_ami),
        (prepare_corpora.voxconverse, prepare_voxconverse),
    ],
)
def test_command_and_function_agree(command, function):
    def defaults(what):
        return {
            name.replace("n_jobs", "jobs"): p.default or None for name, p in inspect.signature(what).parameters.items()
        }

    assert defaults(command) == defaults(function)


def test_voxceleb1(pysid, tmp_path):
    for path in ("dev/wav/id10001", "test/wav/id10270"):
        (tmp_path / path / "x6uYqmx31kE").mkdir(parents=True)
        soundfile.write(tmp_path / path / "x6uYqmx31kE" / "00001.wav", np.zeros(800, np.int16), 16000)
    (tmp_path / "mine.txt").write_text("1 id10270/x6uYqmx31kE/00001.wav id10270/x6uYqmx31kE/00009.wav\n")
    options = ("--durations", "--jobs", 2, "--trials", tmp_path / "mine.txt")
    outcome = pysid("prepare", "voxceleb1", tmp_path, tmp_path / "data", *options)
    assert outcome.status == 0
    data = tmp_path / "data"
    assert outcome.out.splitlines() == [
        f"{data}/voxceleb1_train: 1 speakers, 1 utterances",
        f"{data}/voxceleb1_test: 1 speakers, 1 utterances",
        f"{data}/voxceleb1: 2 speakers, 2 utterances",
        f"{data}/voxceleb1/trials-mine: 0 target trials, 0 nontarget trials",
    ]
    assert outcome.err == (
        "pysid: warning: 1 utterances of 1 of 1 trials are not there: id10270-x6uYqmx31kE-00009 "
        f"(all in {data}/voxceleb1/trials-mine.missing)\n"
    )
    for name in ("voxceleb1_train", "voxceleb1_test"):
        assert pysid("validate", data / name).status == 0
        assert (data / name / "utt2dur").read_text().endswith(" 0.05\n")


@pytest.mark.parametrize(
    ("corpus", "expected"),
    [
        ("voxceleb1", "the folder of VoxCeleb1, with dev/wav/"),
        ("voxceleb2", "the folder of VoxCeleb2, with dev/aac/"),
        ("musan", "the folder of MUSAN, with speech/, music/"),
        ("rirs", "the folder RIRS_NOISES, with simulated_rirs/"),
        ("ami", "AMI-diarization-setup with only_words/"),
        ("voxconverse", "dev/ or test/ with .rttm files"),
    ],
)
def test_a_wrong_folder_is_one_line(pysid, tmp_path, corpus, expected):
    (tmp_path / "other").mkdir()
    folders = [tmp_path] * (2 if corpus in ("ami", "voxconverse") else 1)
    error = pysid("prepare", corpus, *folders, tmp_path / "data").error
    assert error.startswith(f"{tmp_path}: expected {expected}")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("corpus", "option"), [("voxceleb1", "--jobs=0"), ("voxceleb2", "--trials=x"), ("ami", "--speech=y")]
)
def test_wrong_usage(pysid, tmp_path, corpus, option):
    assert pysid("prepare", corpus, tmp_path, tmp_path, tmp_path, option).status == 2
