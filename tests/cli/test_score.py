"""`pysid score`, of recordings and of their embeddings."""

import shutil

import numpy as np
import pytest

from pysid.io.ark.archive import ArkWriter, read_vectors, write_npz
from pysid.io.tables import read_scores, read_trials
from pysid.model.speaker_model import SpeakerModel


def scores(path):
    return np.array(list(read_scores(path).values()))


@pytest.mark.slow
def test_audio_and_its_embeddings_give_the_same_scores(pysid, fitted, vectors, dev, tmp_path):
    npz = tmp_path / "x.npz"
    write_npz(npz, read_vectors(vectors))
    sources = [f"scp:{vectors}", f"ark:{vectors.with_suffix('.ark')}", npz, dev / "wav.scp", dev]
    for i, source in enumerate(sources):
        outcome = pysid("score", dev / "trials", source, tmp_path / f"{i}", "--model", fitted)
        assert (outcome.status, outcome.out) == (0, "")
        assert outcome.err.splitlines()[-1] == f"wrote {tmp_path / str(i)}"
        assert list(read_scores(tmp_path / f"{i}")) == [(t.enrol, t.test) for t in read_trials(dev / "trials")]
        np.testing.assert_allclose(scores(tmp_path / f"{i}"), scores(tmp_path / "0"), rtol=1e-4, atol=1e-4)


def test_back_ends(pysid, fitted, vectors, dev, tmp_path):
    for backend in ("plda", "cosine"):
        command = ("score", dev / "trials", f"scp:{vectors}", tmp_path / backend, "-m", fitted, "--backend", backend)
        assert pysid(*command).status == 0
    assert np.abs(scores(tmp_path / "cosine")).max() <= 1 < np.abs(scores(tmp_path / "plda")).max()


def test_enrolment_of_one_utterance_is_a_plain_trial(pysid, fitted, vectors, dev, tmp_path):
    trials = read_trials(dev / "trials")
    (tmp_path / "trials").write_text("".join(f"model-{t.enrol} {t.test}\n" for t in trials))
    (tmp_path / "spk2utt").write_text("".join(f"model-{x} {x}\n" for x in dict.fromkeys(t.enrol for t in trials)))
    source = f"scp:{vectors}"
    pysid("score", dev / "trials", source, tmp_path / "plain", "-m", fitted)
    outcome = pysid(
        "score", tmp_path / "trials", source, tmp_path / "s", "-m", fitted, "--enroll", tmp_path / "spk2utt"
    )
    assert outcome.status == 0
    np.testing.assert_allclose(scores(tmp_path / "s"), scores(tmp_path / "plain"), rtol=1e-9)


def test_enrolment_of_several_utterances(pysid, fitted, vectors, dev, tmp_path):
    (tmp_path / "trials").write_text("slt slt-5\nslt rms-5\n")
    (tmp_path / "spk2utt").write_text("rms rms-0\nslt slt-0 slt-1 slt-2\n")
    command = ("score", tmp_path / "trials", f"scp:{vectors}", tmp_path / "s", "-m", fitted)
    assert pysid(*command, "--enroll", tmp_path / "spk2utt").status == 0
    x = dict(read_vectors(vectors))
    mean = np.mean([x["slt-0"], x["slt-1"], x["slt-2"]], axis=0)[None]
    expected = SpeakerModel.load(fitted).scorer().score(mean, np.stack([x["slt-5"], x["rms-5"]]), 3)
    np.testing.assert_allclose(scores(tmp_path / "s"), expected[0], rtol=1e-9)


def test_a_cohort(pysid, fitted, vectors, dev, tmp_path):
    command = ("score", dev / "trials", f"scp:{vectors}")
    pysid(*command, tmp_path / "raw", "-m", fitted)
    for name, options in (("all", ()), ("ten", ("--top-n", 10))):
        assert pysid(*command, tmp_path / name, "-m", fitted, "--cohort", vectors, *options).status == 0
        assert np.corrcoef(scores(tmp_path / name), scores(tmp_path / "raw"))[0, 1] > 0.5
    assert np.abs(scores(tmp_path / "all") - scores(tmp_path / "ten")).max() > 1e-3


def test_calibrated_scores(pysid, fitted, vectors, dev, tmp_path):
    command = ("score", dev / "trials", f"scp:{vectors}")
    pysid(*command, tmp_path / "raw", "-m", fitted)
    assert pysid(*command, tmp_path / "llr", "-m", fitted, "--calibrate").status == 0
    calibration = SpeakerModel.load(fitted).scorer().calibration_
    np.testing.assert_allclose(scores(tmp_path / "llr"), calibration.transform(scores(tmp_path / "raw")), rtol=1e-12)
    error = pysid(*command, tmp_path / "x", "-m", fitted, "--calibrate", "--backend", "cosine").error
    assert error == "this model has no calibration for that back-end: see pysid fit-backend"
    assert pysid(*command, tmp_path / "x", "-m", fitted, "--calibrate", "--cohort", vectors).status == 2


def test_bad_utterances_leave_out_their_trials_only(pysid, fitted, vectors, with_broken, broken, dev, tmp_path):
    lines = ["alicia-0 alicia-1", "alicia-nan alicia-1", "alicia-0 alicia-silent", "denis-0 alicia-2"]
    (tmp_path / "trials").write_text("\n".join(lines) + "\n")
    command = ("score", tmp_path / "trials", with_broken / "wav.scp", tmp_path / "s", "-m", fitted)
    outcome = pysid(*command)
    assert outcome.status == 1
    assert pysid(*command, "--allow-skipped").status == 0
    assert list(read_scores(tmp_path / "s")) == [("alicia-0", "alicia-1"), ("denis-0", "alicia-2")]
    said = outcome.err.splitlines()
    assert "skipped 2 of 6 utterances:" in said
    assert any(line.startswith("  alicia-nan: ") and "expected finite samples" in line for line in said)
    assert "  alicia-silent: no frames (no speech found?)" in said
    assert "left out 2 of 4 trials" in said
    pysid("score", dev / "trials", f"scp:{vectors}", tmp_path / "all", "-m", fitted)
    for pair, score in read_scores(tmp_path / "s").items():
        all_scores = read_scores(tmp_path / "all")
        expected = all_scores.get(pair, all_scores.get(pair[::-1]))
        np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-4)


def test_bad_embeddings_leave_out_their_trials_only(pysid, fitted, vectors, tmp_path):
    x = {key: vector for key, vector in read_vectors(vectors) if key.startswith("slt")}
    x["slt-1"] = np.full(16, np.nan, np.float32)
    with ArkWriter(tmp_path / "x.ark") as writer:
        for key, vector in x.items():
            writer.write(key, vector[:9] if key == "slt-2" else vector)
    with (tmp_path / "x.scp").open("a") as file:
        file.write("slt-6 lost.ark:3\n")
    (tmp_path / "trials").write_text("".join(f"slt-0 slt-{i}\n" for i in range(1, 7)))
    outcome = pysid("score", tmp_path / "trials", f"scp:{tmp_path / 'x.scp'}", tmp_path / "s", "-m", fitted)
    assert list(read_scores(tmp_path / "s")) == [("slt-0", f"slt-{i}") for i in (3, 4, 5)]
    said = outcome.err.splitlines()
    assert "skipped 3 of 7 utterances:" in said
    assert "  slt-1: the embedding holds a NaN or an infinity" in said
    assert "  slt-2: expected an embedding of 16 dimensions, got the shape (9,)" in said
    assert any(line.startswith("  slt-6: lost.ark") for line in said)


def test_a_second_run_does_not_embed_again(pysid, fitted, dev, tmp_path, monkeypatch):
    """Embeddings of a run that was stopped lie beside the scores, and go when these are there."""
    command = ("score", dev / "trials", dev / "wav.scp", tmp_path / "s", "-m", fitted)
    embedded = []
    original = SpeakerModel.features
    monkeypatch.setattr(SpeakerModel, "features", lambda *a, **b: embedded.append(1) or original(*a, **b))
    with monkeypatch.context() as patch:
        patch.setattr("pysid.runs.score.score_trials", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pysid(*command)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.shards"]
    assert pysid(*command).status == 0
    assert len(embedded) == len({name for t in read_trials(dev / "trials") for name in (t.enrol, t.test)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def test_no_trial_left_is_an_error(pysid, fitted, with_broken, tmp_path):
    for trials, message in (
        ("alicia-nan alicia-silent\n", "no utterance has an embedding: 2 skipped, the first is alicia-"),
        ("alicia-nan alicia-0\n", "no trial could be scored: 1 skipped, the first is alicia-nan"),
    ):
        (tmp_path / "trials").write_text(trials)
        assert message in pysid("score", tmp_path / "trials", with_broken, tmp_path / "s", "-m", fitted).error
        assert not (tmp_path / "s").exists()


BAD_LISTS = {
    "no list": (None, "trials: cannot read the file: No such file"),
    "empty": ("\n", "trials: expected at least one trial, got none"),
    "short line": ("slt-0 slt-1\nslt-0\n", "trials:2: expected 'enrol test target|nontarget', got 'slt-0'"),
    "odd truth": ("slt-0 slt-1 yes\n", "trials:1: expected target or nontarget in the third column, got 'yes'"),
    "unknown test": ("slt-0 slt-1\n\nslt-0 slt-9\n", "trials:3: 'slt-9' is not in "),
    "unknown enrolment": ("\nslt-0 slt-1\nslt slt-1\n", "trials:3: 'slt' is not in "),
}


@pytest.mark.parametrize("kind", ["scp", "ark", "audio"])
@pytest.mark.parametrize(("text", "message"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_bad_trial_lists(pysid, fitted, vectors, dev, tmp_path, kind, text, message):
    if text is not None:
        (tmp_path / "trials").write_text(text)
    source = {"scp": f"scp:{vectors}", "ark": vectors.with_suffix(".ark"), "audio": dev / "wav.scp"}[kind]
    outcome = pysid("score", tmp_path / "trials", source, tmp_path / "s", "-m", fitted)
    assert outcome.error.startswith(f"{tmp_path}/{message}")
    if "is not in" in message:
        assert outcome.error.endswith(f" is not in {source}")
    assert outcome.err.count("\n") == 1, "a wrong name is found before anything is embedded"
    assert not (tmp_path / "s").exists()


BAD_ENROLMENTS = {
    "no list": (None, "spk2utt: cannot read the file: No such file"),
    "malformed": ("slt\n", "spk2utt:1: expected 'speaker utterance...', got 'slt'"),
    "unknown utterance": ("rms rms-0\nslt slt-0 slt-9\n", "spk2utt:2: 'slt-9', an utterance of 'slt', is not in "),
    "unknown speaker": ("rms rms-0\n", "trials:1: 'slt' is not in the enrolment list"),
    "twice": ("rms slt-0\nslt slt-0\n", "spk2utt:2: expected each utterance once, got 'slt-0'"),
}


@pytest.mark.parametrize(("text", "message"), BAD_ENROLMENTS.values(), ids=BAD_ENROLMENTS)
def test_bad_enrolments(pysid, fitted, dev, tmp_path, text, message):
    (tmp_path / "trials").write_text("slt slt-1\n")
    if text is not None:
        (tmp_path / "spk2utt").write_text(text)
    command = ("score", tmp_path / "trials", dev / "wav.scp", tmp_path / "s", "-m", fitted)
    outcome = pysid(*command, "--enroll", tmp_path / "spk2utt")
    assert outcome.error.startswith(f"{tmp_path}/{message}") and outcome.err.count("\n") == 1


def test_bad_sources(pysid, model, fitted, vectors, dev, tmp_path):
    def error(source, *options):
        return pysid("score", dev / "trials", source, tmp_path / "s", "-m", fitted, *options).error

    assert error("nowhere.scp") == "nowhere.scp: cannot read the file: No such file or directory"
    assert error("scp:nowhere.scp") == "nowhere.scp: cannot read the file: No such file or directory"
    archive = tmp_path / "cut.ark"
    archive.write_bytes(vectors.with_suffix(".ark").read_bytes()[:-10])
    assert error(archive).startswith(f"{archive}: storm-5: ")
    assert "no PLDA back-end" in pysid("score", dev / "trials", dev, tmp_path / "s", "-m", model).error
    assert "cuda:7" in error(dev, "--device", "cuda:7")
    (tmp_path / "s").mkdir()
    assert error(f"scp:{vectors}") == f"{tmp_path / 's'}: expected a file to write, got a directory"


@pytest.mark.parametrize(
    ("n", "width", "value", "message"),
    [
        (0, 16, 1.0, "expected two or more embeddings: got 0"),
        (1, 16, 1.0, "expected two or more embeddings: got 1"),
        (3, 12, 1.0, "3 skipped, the first is c0: expected an embedding of 16 dimensions, got the shape (12,)"),
        (3, 16, np.nan, "3 skipped, the first is c0: the embedding holds a NaN or an infinity"),
    ],
)
def test_bad_cohorts(pysid, fitted, dev, tmp_path, n, width, value, message):
    write_npz(tmp_path / "c.npz", ((f"c{i}", np.full(width, value)) for i in range(n)))
    outcome = pysid("score", dev / "trials", dev, tmp_path / "s", "-m", fitted, "--cohort", tmp_path / "c.npz")
    assert outcome.error.startswith(f"{tmp_path / 'c.npz'}: ") and message in outcome.error


def test_wrong_usage(pysid, fitted, dev, tmp_path):
    command = ("score", dev / "trials", dev, tmp_path / "s", "-m", fitted)
    for option in ("--backend=gmm", "--top-n=1", "--top-n=many"):
        assert pysid(*command, option).status == 2


def test_scores_replace_nothing_that_is_read(pysid, fitted, vectors, dev, tmp_path):
    found = dict(read_vectors(vectors))
    np.savez(tmp_path / "x.npz", **found)
    shutil.copy(dev / "trials", tmp_path / "trials")
    shutil.copy(dev / "spk2utt", tmp_path / "spk2utt")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for out, *options in (["trials"], ["x.npz"], ["spk2utt", "--enroll", tmp_path / "spk2utt"]):
        outcome = pysid("score", tmp_path / "trials", tmp_path / "x.npz", tmp_path / out, "-m", fitted, *options)
        assert outcome.error.startswith(f"{tmp_path / out}: expected another file to write than those that are read")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
