"""`pysid fit-backend`, which makes what `pysid score` scores with."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from pysid.backend.chain import backend_from_arrays
from pysid.io.ark.archive import read_vectors, write_npz
from pysid.io.tables import read_utt2spk
from pysid.model.directory import find_model
from pysid.model.speaker_model import SpeakerModel


@pytest.fixture
def fresh(model, tmp_path):
    """A copy of the model, to be given a back-end."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def test_fit_backend(pysid, fresh, fitted, vectors, dev, tmp_path):
    command = ("fit-backend", fresh, f"scp:{vectors}", dev / "utt2spk", "--lda-dim", 3)
    outcome = pysid(*command)
    written = fresh / "backend.safetensors"
    assert outcome.out == f"{written}: plda from 36 embeddings of 6 speakers\n"
    assert SpeakerModel.load(fresh).scorer().calibration_ is None
    outcome = pysid(*command, "--calibration-trials", dev / "trials", "--calibration-embeddings", f"scp:{vectors}")
    assert outcome.status == 0
    ours, theirs = (safetensors.numpy.load_file(x / "backend.safetensors") for x in (fresh, fitted))
    assert ours.keys() == theirs.keys() and "calibration" in ours
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-9, err_msg=name)
    assert backend_from_arrays(ours).calibration_.p_target == 0.5


def test_fit_backend_for_diarization(pysid, fresh, small_features, dev, tmp_path):
    windows = tmp_path / "windows.npz"
    command = ("embed", small_features, windows, "-m", fresh, "--window", 1.0, "--shift", 0.5)
    assert pysid(*command).status == 0
    outcome = pysid("fit-backend", fresh, windows, dev / "utt2spk", "--lda-dim", 1, "--windows")
    assert outcome.out.startswith(f"{fresh / 'diarization.safetensors'}: plda from ")
    assert outcome.out.endswith(" of 2 speakers\n") and not (fresh / "backend.safetensors").exists()
    assert pysid("embed", small_features, windows, "-m", fresh, "--shift", 0.5).status == 2
    assert pysid("embed", small_features, windows, "-m", fresh, "--window", 0).status == 2
    many = pysid("embed", small_features, windows, "-m", fresh, "--window", 1, "--shift", 1e-9)
    assert many.status == 2 and "shift_s must be at least 0.01 s, got 1e-09" in many.err
    outcome = pysid("fit-backend", fresh, windows, dev / "utt2spk", "--lda-dim", 1)
    assert outcome.error.startswith(f"{windows}: the vector 'alicia-0-00000000-00000100' has no speaker in ")


def test_fit_backend_options(pysid, fresh, vectors, dev):
    command = ("fit-backend", fresh, f"scp:{vectors}", dev / "utt2spk")
    assert pysid(*command, "--kind", "cosine").status == 0, "without LDA"
    opened = SpeakerModel.load(fresh)
    mean = np.mean([x for _, x in read_vectors(vectors)], axis=0)
    np.testing.assert_allclose(opened.scorer("cosine").projection.mean_, mean, atol=1e-5)
    psi = []
    for smoothing in ("0", "1"):
        assert pysid(*command, "--lda-dim", 3, "--smoothing", smoothing).status == 0
        psi.append(SpeakerModel.load(fresh).scorer().plda_.psi_)
    np.testing.assert_allclose(psi[1], psi[0] / (1 + psi[0]), rtol=1e-9)
    assert pysid(*command, "--lda-dim", 3, "--cosine-weight", 80).status == 0
    assert SpeakerModel.load(fresh).scorer().cosine_weight == 80
    em = SpeakerModel.load(fresh).scorer()
    assert pysid(*command, "--lda-dim", 3, "--cosine-weight", 80, "--discriminative", 5).status == 0
    trained = SpeakerModel.load(fresh).scorer()
    assert trained.cosine_weight == 80 and trained.projection.transform_.shape == em.projection.transform_.shape
    assert not np.allclose(trained.plda_.transform_, em.plda_.transform_, rtol=1e-6)
    outcome = pysid(*command, "--lda-dim", 3, "--min-utterances", 7)
    assert outcome.error == f"scp:{vectors}: no speaker has 7 utterances or more"


def test_fit_backend_discounts_women(pysid, fresh, vectors, dev, tmp_path):
    command = ("fit-backend", fresh, f"scp:{vectors}", dev / "utt2spk", "--lda-dim", 3, "--women-discount", 5)
    speakers = sorted(set(read_utt2spk(dev / "utt2spk").values()))
    genders = tmp_path / "spk2gender"
    genders.write_text(f"{speakers[0]} f\n{speakers[1]} m\nsomebody f\n")
    assert pysid(*command, "--spk2gender", genders, "--discriminative", 2).status == 0
    group = SpeakerModel.load(fresh).scorer().group_
    assert group.discount == 5 and len(group.direction_) == 3
    (fresh / "backend.safetensors").unlink()
    genders.write_text(f"{speakers[0]} f\n")
    outcome = pysid(*command, "--spk2gender", genders)
    message = f"{genders}: expected women and men among the training speakers, got none of one of them"
    assert outcome.status == 1 and outcome.error == message
    assert not (fresh / "backend.safetensors").exists()


def test_fit_backend_wrong_usage(pysid, fresh, vectors, dev):
    command = ("fit-backend", fresh, f"scp:{vectors}", dev / "utt2spk", "--lda-dim", 3)
    for options in (
        ["--kind=gmm"],
        ["--smoothing=1.1"],
        ["--smoothing=-1"],
        ["--cosine-weight=-1"],
        ["--cosine-weight=inf"],
        ["--cosine-weight=nan"],
        ["--cosine-weight=80", "--windows"],
        ["--cosine-weight=80", "--kind=cosine"],
        ["--smoothing=0.1", "--kind=cosine"],
        ["--discriminative=-1"],
        ["--discriminative=5", "--windows"],
        ["--discriminative=5", "--kind=cosine"],
        ["--women-discount=5"],
        ["--spk2gender", dev / "utt2spk"],
        ["--women-discount=-1", "--spk2gender", dev / "utt2spk"],
        ["--women-discount=inf", "--spk2gender", dev / "utt2spk"],
        ["--women-discount=5", "--spk2gender", dev / "utt2spk", "--windows"],
        ["--women-discount=5", "--spk2gender", dev / "utt2spk", "--kind=cosine"],
        ["--lda-dim=-1"],
        ["--min-utterances=0"],
        ["--calibration-trials", dev / "trials"],
        ["--calibration-embeddings", vectors],
    ):
        assert pysid(*command, *options).status == 2
    assert not (fresh / "backend.safetensors").exists()


def test_fit_backend_bad_input(pysid, fresh, vectors, dev, tmp_path):
    source, speakers = f"scp:{vectors}", dev / "utt2spk"

    def error(*arguments):
        message = pysid("fit-backend", *arguments, "--lda-dim", 3).error
        assert not (fresh / "backend.safetensors").exists()
        return message

    assert "expected a model directory" in error(tmp_path / "none", source, speakers)
    assert error(fresh, "scp:none.scp", speakers).startswith("none.scp: cannot read the file")
    assert "expected scp:PATH, ark:PATH or a path" in error(fresh, "none", speakers)
    assert (
        error(fresh, source, tmp_path / "none") == f"{tmp_path}/none: cannot read the file: No such file or directory"
    )
    (tmp_path / "utt2spk").write_text("alicia-0 alicia\nalicia-1\n")
    assert error(fresh, source, tmp_path / "utt2spk").startswith(f"{tmp_path}/utt2spk:2: expected 'utterance speaker'")
    (tmp_path / "utt2spk").write_text("alicia-0 alicia\n")
    expected = f"{source}: the vector 'alicia-1' has no speaker in {tmp_path / 'utt2spk'}"
    assert error(fresh, source, tmp_path / "utt2spk") == expected
    (tmp_path / "text.ark").write_text("alicia-0  [ 1 2 3\n")
    assert error(fresh, tmp_path / "text.ark", speakers).startswith(f"{tmp_path}/text.ark: alicia-0: ")
    write_npz(tmp_path / "narrow.npz", ((key, x[:9]) for key, x in read_vectors(vectors)))
    assert "expected embeddings of 16 dimensions" in error(fresh, tmp_path / "narrow.npz", speakers)
    (tmp_path / "trials").write_text("slt-0 slt-1 target\nslt-0 bob nontarget\n")
    calibration = ("--calibration-trials", tmp_path / "trials", "--calibration-embeddings", source)
    assert error(fresh, source, speakers, *calibration) == f"{tmp_path}/trials:2: 'bob' is not in {source}"


def test_too_few_speakers_for_lda(pysid, fresh, vectors, dev):
    error = pysid("fit-backend", fresh, f"scp:{vectors}", dev / "utt2spk").error
    assert error == "lda_dim=200 is too large: 6 speakers and embeddings of 16 dimensions allow at most 5"


@pytest.mark.parametrize("name", ["default", "xvector"])
def test_what_ships_stays_as_it_is(pysid, vectors, dev, name):
    before = (find_model(name) / "backend.safetensors").read_bytes()
    outcome = pysid("fit-backend", name, f"scp:{vectors}", dev / "utt2spk")
    assert outcome.error == (
        f"{name}: expected a model directory of your own, got one that ships with pysid: "
        f"pysid convert {name} DIR makes a copy"
    )
    assert (find_model(name) / "backend.safetensors").read_bytes() == before
