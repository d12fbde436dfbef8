"""`pysid enrol`, `identify` and `speakers`: what they print, how they end, and every message."""

import json
import shutil
import sqlite3

import pytest

from pysid.speakers.database import SpeakerDatabase


@pytest.fixture
def audio(dev):
    return lambda *names: [str(dev / "audio" / f"{name}.ogg") for name in names]


@pytest.fixture(scope="module")
def enrolled(fitted, dev, tmp_path_factory):
    """A database of three speakers, of two recordings each."""
    from pysid.model.speaker_model import SpeakerModel
    from pysid.speakers.identify import enrol

    path, opened = tmp_path_factory.mktemp("enrolled") / "speakers.db", SpeakerModel.load(fitted)
    for name in ("slt", "rms", "storm"):
        enrol(path, opened, name, [dev / "audio" / f"{name}-{i}.ogg" for i in range(2)])
    return path


@pytest.fixture
def db(enrolled, tmp_path):
    """A copy of it."""
    return shutil.copy(enrolled, tmp_path / "speakers.db")


def test_from_enrolment_to_removal(pysid, fitted, audio, tmp_path):
    path = tmp_path / "folder" / "speakers.db"
    outcome = pysid("enroll", "--db", path, "ann", *audio("slt-0", "slt-1"), "-m", fitted)
    assert (outcome.status, outcome.out, outcome.err) == (0, f"{path}: ann, 2 recordings enrolled\n", "")
    assert pysid("enroll", "bob", *audio("rms-0"), "--db", path, "-m", fitted).out.endswith("1 recording enrolled\n")
    quiet = pysid("enroll", "cy", *audio("rms-1"), "--db", path, "-m", fitted, "--quiet")
    assert quiet == pysid("speakers", "remove", "--db", path, "cy", "-q") and (quiet.status, quiet.out) == (0, "")
    outcome = pysid("identify", "--db", path, *audio("slt-1", "rms-0"), "-m", fitted, "--threshold", -1e9)
    assert [line.split(", score")[0] for line in outcome.out.splitlines()] == [
        f"{audio('slt-1')[0]}: ann",
        f"{audio('rms-0')[0]}: bob",
    ]
    outcome = pysid("speakers", "list", "--db", path, "--json", tmp_path / "x.json")
    assert [line.split()[:2] for line in outcome.out.splitlines()] == [["ann", "2"], ["bob", "1"]]
    assert [x["name"] for x in json.loads((tmp_path / "x.json").read_text())["speakers"]] == ["ann", "bob"]
    assert pysid("speakers", "remove", "--db", path, "ann", "bob").out == f"{path}: removed ann, bob\n"
    assert pysid("speakers", "list", "--db", path).out == ""
    assert pysid("identify", "--db", path, *audio("slt-1"), "-m", fitted).error == f"{path}: nobody is enrolled in it"


def test_a_stranger_and_the_nearest(pysid, fitted, db, audio, tmp_path):
    (test,) = audio("slt-1")
    command = ["identify", "--db", db, test, "-m", fitted]
    outcome = pysid(*command, "--threshold", 1e9, "--json", tmp_path / "x.json")
    assert outcome.status == 0 and outcome.out.startswith(f"{test}: unknown, nearest slt, score ")
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["n_speakers"] == 3 and written["skipped"] == {}
    (answer,) = written["answers"]
    assert (answer["audio"], answer["speaker"], answer["accepted"]) == (test, None, False)
    assert [x["name"] for x in answer["candidates"]] == ["slt"]
    assert written["operating_point"]["threshold"] == 1e9
    first, *rest = pysid(*command, "--top", 9, "--threshold", -1e9).out.splitlines()
    assert first == f"{test}: slt"
    assert rest[0].startswith("  1. slt, score ") and len(rest) == 3
    probabilities = [float(line.rpartition(" ")[2]) for line in rest]
    assert sum(probabilities) <= 1 and probabilities == sorted(probabilities, reverse=True)


def test_the_prior_is_shared(pysid, fitted, db, audio, tmp_path):
    command = ["identify", "--db", db, *audio("slt-1"), "-m", fitted, "--json", tmp_path / "x.json"]
    assert pysid(*command, "--prior", 0.3).status == 0
    assert json.loads((tmp_path / "x.json").read_text())["operating_point"]["p_target"] == pytest.approx(0.1)


@pytest.mark.slow
def test_the_shipped_model(pysid, audio, tmp_path):
    path = tmp_path / "speakers.db"
    for name in ("alicia", "rms"):
        assert pysid("enroll", "--db", path, name, *audio(f"{name}-0", f"{name}-1")).status == 0
    tests = audio("rms-5", "alicia-5", "denis-0")
    lines = pysid("identify", "--db", path, *tests).out.splitlines()
    names = [line.removeprefix(f"{test}: ").split(",")[0] for line, test in zip(lines, tests, strict=True)]
    assert names == ["rms", "alicia", "unknown"]


def test_bad_recordings(pysid, fitted, db, audio, broken, tmp_path):
    (good,) = audio("slt-2")
    for name in ("missing", "silent", "text"):
        make, message = broken[name]
        path = tmp_path / f"{name}.wav"
        make(path)
        for command in (["identify", "--db", db], ["enroll", "--db", db, "ann"]):
            error = pysid(*command, path, "-m", fitted).error
            assert error.startswith(f"{path}: ") and message in error
            outcome = pysid(*command, path, good, "-m", fitted)
            assert outcome.status == 1 and outcome.out
            count, line = outcome.err.splitlines()[-2:]
            assert count == "skipped 1 of 2 utterances:" and line.startswith(f"  {path}: ") and message in line
    both = pysid("enroll", "--db", db, "eve", tmp_path / "silent.wav", tmp_path / "text.wav", "-m", fitted)
    assert both.error.startswith("eve: no recording could be used: 2 skipped, the first is ")
    with SpeakerDatabase(db) as database:
        assert [x.name for x in database.speakers()] == ["ann", "rms", "slt", "storm"]


def test_bad_names(pysid, fitted, db, audio):
    for name in ("", " ann", "unknown"):
        assert "expected a speaker's name" in pysid("enroll", "--db", db, name, *audio("slt-2")).error
    error = pysid("speakers", "remove", "--db", db, "rms", "strom").error
    assert error == f"{db}: no speaker is called 'strom', but there is 'storm'"
    assert len(pysid("speakers", "list", "--db", db).out.splitlines()) == 3


def all_commands(db, audio, model):
    return [
        ["enroll", "--db", db, "ann", *audio("slt-2"), "-m", model],
        ["identify", "--db", db, *audio("slt-2"), "-m", model],
        ["speakers", "list", "--db", db],
        ["speakers", "remove", "--db", db, "slt"],
    ]


def test_a_database_of_another_model(pysid, model, db, audio, tmp_path):
    other = shutil.copytree(model, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    config["extract"]["chunk_size"] = 300
    (other / "config.json").write_text(json.dumps(config))
    for command in all_commands(db, audio, other)[:2]:
        error = pysid(*command).error
        assert error.startswith(f"{db}: its speakers were enrolled with another model (")
        assert error.endswith("whose embeddings do not compare: use that --model, or enrol them anew")


def test_what_is_no_database(pysid, fitted, audio, tmp_path):
    text, folder = tmp_path / "text", tmp_path / "folder"
    text.write_text("ann a.wav\n" * 200)
    folder.mkdir()
    newer, foreign = tmp_path / "newer.db", tmp_path / "foreign.db"
    SpeakerDatabase.create(newer, "x", 16).close()
    for path, statement in ((newer, "PRAGMA user_version = 9"), (foreign, "CREATE TABLE t (x)")):
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.close()
    messages = {
        text: "expected a speaker database, got a file of another kind",
        folder: "expected a speaker database, got a folder",
        newer: "expected a speaker database of version 1, got 9: use a newer pysid",
        foreign: "expected a speaker database, got another SQLite database",
    }
    for path, message in messages.items():
        for command in all_commands(path, audio, fitted):
            assert pysid(*command).error == f"{path}: {message}"
    missing = tmp_path / "none.db"
    for command in all_commands(missing, audio, fitted)[1:]:
        assert pysid(*command).error == f"{missing}: no such speaker database: make one with pysid enroll"
    assert not missing.exists()


def test_models_that_cannot_decide(pysid, model, fitted, audio, tmp_path):
    path = tmp_path / "speakers.db"
    assert pysid("enroll", "--db", path, "ann", *audio("slt-0"), "-m", model).status == 0, "this needs no back-end"
    command = ["identify", "--db", path, *audio("slt-1")]
    assert "no PLDA back-end" in pysid(*command, "-m", model).error
    assert "no calibration" in pysid(*command, "-m", model, "--backend", "cosine").error
    outcome = pysid(*command, "-m", model, "--backend", "cosine", "--threshold", -1)
    assert outcome.out.startswith(f"{audio('slt-1')[0]}: ann, score ") and "LLR" not in outcome.out
    assert pysid(*command, "-m", fitted).status == 0, "the network is the same, so the database fits"


def test_wrong_usage(pysid, fitted, db, audio):
    for command in (
        ["enroll", "ann", *audio("slt-0")],
        ["enroll", "--db", db, "ann"],
        ["identify", "--db", db],
        ["identify", "--db", db, *audio("slt-0"), "--top", "0"],
        ["identify", "--db", db, *audio("slt-0"), "--prior", "0"],
        ["speakers", "list"],
        ["speakers", "remove", "--db", db],
    ):
        assert pysid(*command).status == 2
