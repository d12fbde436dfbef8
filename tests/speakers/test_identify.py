"""Identification: exact answers, from whatever state the index file was left in."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pysid.backend import CosineBackend, LogisticCalibration, PldaBackend
from pysid.errors import DataError, Skipped
from pysid.io.audio.files import read_audio
from pysid.model.speaker_model import SpeakerModel
from pysid.speakers import identify as module
from pysid.speakers import index as index_module
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase
from pysid.speakers.decision import OperatingPoint
from pysid.speakers.identify import Identifier, enrol, posterior
from pysid.speakers.index import index_path, read_index

DIM = 8
FINGERPRINT = "0123456789abcdef"


class Stub:
    """A model whose embeddings are given to it."""

    config = SimpleNamespace(network=SimpleNamespace(embedding_dim=DIM))

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        y = np.repeat(np.arange(30), 5)
        self.backend = PldaBackend(5).fit(2 * rng.normal(size=(30, DIM))[y] + rng.normal(size=(150, DIM)), y)
        self.backend.calibration_ = calibration(1.5, -2.0)

    def fingerprint(self):
        return FINGERPRINT

    def scorer(self, backend=None):
        if backend != "cosine":
            return self.backend
        cosine = CosineBackend().fit(np.random.default_rng(0).normal(size=(9, DIM)))
        cosine.calibration_ = self.backend.calibration_
        return cosine


def calibration(scale, offset):
    made = LogisticCalibration()
    made.scale_, made.offset_ = scale, offset
    return made


def speakers(rng, names):
    """{name: utterances}, of one to three each."""
    return {
        name: [
            EnrolledUtterance(f"{name}-{i}", 1.0, 2 * rng.normal(size=DIM).astype(np.float32))
            for i in range(rng.integers(1, 4))
        ]
        for name in names
    }


@pytest.fixture
def stub():
    return Stub()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "speakers.db"


@pytest.fixture
def database(path):
    with SpeakerDatabase.create(path, FINGERPRINT, DIM) as opened:
        yield opened


@pytest.fixture
def always_indexed(monkeypatch):
    """However few the speakers, the index file is written."""
    monkeypatch.setattr(module, "MAX_UNINDEXED", 0)
    monkeypatch.setattr(module, "MAX_UNINDEXED_SHARE", 0.0)


def assert_exact(identifier, enrolled, n_best=5):
    """The best are those that a search in double precision finds, with its scores."""
    names = list(enrolled)
    means = np.stack([np.mean([x.vector for x in enrolled[name]], axis=0, dtype=np.float64) for name in names])
    counts = [len(enrolled[name]) for name in names]
    for test in np.random.default_rng(7).normal(size=(4, DIM)):
        scores = identifier.backend.score(means, test[None], counts)[:, 0]
        order = np.argsort(-scores, kind="stable")[:n_best]
        found = identifier.identify_embedding(test, n_best).candidates
        assert [x.name for x in found] == [names[i] for i in order]
        np.testing.assert_allclose([x.score for x in found], scores[order], rtol=1e-12, atol=1e-12)
    assert identifier.n_speakers == len(enrolled)


@pytest.mark.parametrize("kind", [None, "cosine"])
def test_the_best_are_exact(database, stub, kind):
    enrolled = speakers(np.random.default_rng(1), [f"s{i:03d}" for i in range(300)])
    twin = enrolled["s100"][0].vector
    for i in range(20):  # whom single precision cannot order
        enrolled[f"s2{i:02d}"] = [EnrolledUtterance("x", 1.0, np.nextafter(twin, np.float32(9)) if i % 2 else twin)]
    database.add(enrolled)
    identifier = Identifier(database, stub, backend=kind)
    assert_exact(identifier, enrolled)
    found = identifier.identify_embedding(twin.astype(np.float64), 30).candidates
    assert [x.score for x in found] == sorted((x.score for x in found), reverse=True)
    assert {f"s2{i:02d}" for i in range(20)} <= {x.name for x in found}
    assert not index_path(database.path).exists(), "a small database needs no index file"


def test_more_asked_for_than_there_are(database, stub):
    enrolled = speakers(np.random.default_rng(1), ["ann", "bob"])
    database.add(enrolled)
    assert len(Identifier(database, stub).identify_embedding(np.ones(DIM), 10).candidates) == 2


def test_open_set_decision(database, stub):
    """The prior is shared by the speakers; the probabilities are those of a choice among them and a stranger."""
    enrolled = speakers(np.random.default_rng(2), [f"s{i}" for i in range(9)])
    database.add(enrolled)
    test = np.random.default_rng(3).normal(size=DIM)

    def identify(n_best=1, **point):
        return Identifier(database, stub, OperatingPoint(**point)).identify_embedding(test, n_best)

    highest = identify().candidates[0].score
    stub.backend.calibration_ = calibration(2.0, 4.0 - 2.0 * highest)  # the best has a ratio of 4 nats
    found = identify(n_best=9, p_target=0.3).candidates
    ratios = np.exp([x.llr for x in found])
    assert ratios[0] == pytest.approx(np.exp(4)) and len(found) == 9
    expected = ratios * 0.3 / 9 / (0.7 + (ratios * 0.3 / 9).sum())
    np.testing.assert_allclose([x.probability for x in found], expected, rtol=1e-6)
    p_even = 9 / (1 + np.exp(4))  # a ninth of it makes the Bayes threshold 4 nats
    for p_target, speaker in ((p_even * 1.001, found[0].name), (p_even * 0.999, None)):
        answer = identify(p_target=p_target)
        assert (answer.speaker, answer.accepted) == (speaker, speaker is not None)
        assert answer.candidates[0].name == found[0].name
    assert identify(p_target=p_even, c_fa=1.01).speaker is None
    assert identify(threshold=highest - 1e-9).speaker == found[0].name
    assert identify(threshold=highest + 1e-9).speaker is None


def test_posterior_of_many_does_not_overflow():
    scores = np.concatenate([[-np.inf, 2000.0, 1999.0], np.full(200_000, -3000.0)])
    probabilities = posterior(calibration(1.0, 0.0), np.array([2000.0, 1999.0]), scores, 0.5)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp([-1.0, 1.0])))
    assert posterior(calibration(1.0, 0.0), np.array([-3000.0]), np.array([-3000.0]), 0.5) == [0.0]


def test_without_calibration_a_threshold_decides(database, stub):
    stub.backend.calibration_ = None
    database.add(speakers(np.random.default_rng(2), ["ann", "bob"]))
    with pytest.raises(DataError, match="no calibration"):
        Identifier(database, stub)
    found = Identifier(database, stub, OperatingPoint(threshold=-1e9)).identify_embedding(np.ones(DIM))
    assert found.accepted and found.candidates[0].llr is None and found.candidates[0].probability is None
    stub.backend.calibration_ = calibration(-1.0, 0.0)
    with pytest.raises(DataError, match="expects lower scores of the same speaker"):
        Identifier(database, stub)


def test_nobody_enrolled(database, stub):
    with pytest.raises(DataError, match=r"speakers.db: nobody is enrolled in it"):
        Identifier(database, stub)


def test_an_open_identifier_follows_the_database(database, stub, path, always_indexed):
    rng = np.random.default_rng(3)
    enrolled = speakers(rng, [f"s{i}" for i in range(50)])
    database.add(enrolled)
    with SpeakerDatabase(path) as other:
        identifier = Identifier(other, stub)
        assert_exact(identifier, enrolled)
        new = speakers(rng, ["new"])
        more = [EnrolledUtterance("later", 1.0, np.full(DIM, 3, np.float32))]
        database.add(new | {"s7": more})
        enrolled |= new | {"s7": enrolled["s7"] + more}
        assert_exact(identifier, enrolled)
        database.remove(["s9", "s7"])
        assert_exact(identifier, {k: v for k, v in enrolled.items() if k not in ("s7", "s9")})
        database.remove([x for x in enrolled if x not in ("s7", "s9")])
        with pytest.raises(DataError, match="nobody is enrolled"):
            identifier.identify_embedding(np.ones(DIM))


def test_the_index_file_is_used_and_followed_by_changes(database, stub, monkeypatch):
    rng = np.random.default_rng(4)
    monkeypatch.setattr(module, "MAX_UNINDEXED", 20)
    enrolled = speakers(rng, [f"s{i}" for i in range(60)])
    database.add(enrolled)
    assert_exact(Identifier(database, stub), enrolled)
    written = index_path(database.path).stat()
    few = speakers(rng, [f"t{i}" for i in range(20)]) | {"s3": enrolled["s3"]}
    database.add({k: v for k, v in few.items() if k != "s3"})
    prepared = []
    monkeypatch.setattr(module, "_prepare", lambda *x, f=module._prepare: prepared.append(len(x[2])) or f(*x))
    assert_exact(Identifier(database, stub), enrolled | few)
    assert prepared == [20], "the others come from the file"
    assert index_path(database.path).stat().st_ino == written.st_ino
    database.add({"s3": few["s3"]})
    assert_exact(Identifier(database, stub), enrolled | few)
    assert prepared == [20, 21] and index_path(database.path).stat().st_ino != written.st_ino
    prepared.clear()
    assert_exact(Identifier(database, stub), enrolled | few)
    assert prepared == [0]


def test_an_index_of_another_back_end_is_not_used(database, stub, always_indexed):
    enrolled = speakers(np.random.default_rng(5), [f"s{i}" for i in range(30)])
    database.add(enrolled)
    for model, kind in ((stub, None), (Stub(seed=1), None), (stub, "cosine"), (stub, None)):
        assert_exact(Identifier(database, model, backend=kind), enrolled)


def test_a_new_calibration_needs_no_new_index(database, stub, always_indexed):
    database.add(speakers(np.random.default_rng(5), ["ann", "bob"]))
    Identifier(database, stub)
    before = index_path(database.path).stat()
    stub.backend.calibration_ = calibration(3.0, 1.0)
    Identifier(database, stub)
    assert index_path(database.path).stat().st_mtime_ns == before.st_mtime_ns


def test_an_index_of_an_older_or_newer_copy_of_the_database_is_not_used(database, stub, path, always_indexed):
    """A backup is put back, and other speakers are enrolled than those whom the index file knows."""
    rng = np.random.default_rng(6)
    enrolled = speakers(rng, [f"s{i}" for i in range(10)])
    database.add(enrolled)
    database.close()
    backup = path.read_bytes()
    for late in (["x"], ["x", "y", "z"]):
        with SpeakerDatabase(path) as opened:
            for name in late:
                opened.add(speakers(rng, [name]))
            Identifier(opened, stub)
        path.write_bytes(backup)
        with SpeakerDatabase(path) as opened:
            assert_exact(Identifier(opened, stub), enrolled)
            others = speakers(rng, ["p", "q"])
            opened.add({"p": others["p"]})
            opened.add({"q": others["q"]})
            assert_exact(Identifier(opened, stub), enrolled | others)
        path.write_bytes(backup)


def test_a_damaged_index_is_made_again(database, stub, always_indexed):
    enrolled = speakers(np.random.default_rng(6), [f"s{i}" for i in range(20)])
    database.add(enrolled)
    Identifier(database, stub)
    index = index_path(database.path)
    whole = index.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    for damaged in (b"", b"x", whole[:100], whole[:-8], b"\xff" * 8 + whole[8:], whole.replace(b'"2"', b'"9"', 1)):
        index.write_bytes(damaged)
        assert read_index(database.path) is None
        assert_exact(Identifier(database, stub), enrolled)
        assert index.read_bytes()[: 8 + header] == whole[: 8 + header]


@pytest.mark.parametrize("array", ["left", "row", "counts", "ids", "label"])
def test_an_index_with_changed_numbers_is_made_again(database, stub, always_indexed, array):
    """As a bad sector would: every file is of the right form, and scores would be of the wrong sign."""
    enrolled = speakers(np.random.default_rng(6), [f"s{i}" for i in range(20)])
    database.add(enrolled)
    Identifier(database, stub)
    path = index_path(database.path)
    assert read_index(database.path) is not None
    _, arrays = index_module._map(path, "r+")
    arrays[array].view(np.uint8)[..., -1:] ^= 0x80  # signs, on a little-endian machine
    arrays[array].flush()
    assert read_index(database.path) is None
    assert_exact(Identifier(database, stub), enrolled)
    assert read_index(database.path) is not None, "and written again"


def test_removal_takes_the_voice_out_of_the_index(database, stub, always_indexed):
    enrolled = speakers(np.random.default_rng(8), [f"s{i}" for i in range(20)])
    database.add(enrolled)
    identifier = Identifier(database, stub)
    index = index_path(database.path)
    row = int(np.flatnonzero(identifier._parts[0].ids == 5)[0])
    voice = identifier._parts[0].side.left[row].tobytes()
    name = database.names([5])[5]
    leftover = index.with_name(f".pysid-0123abcd-{index.name}")
    leftover.write_bytes(voice)  # of a writer that was killed
    assert voice in index.read_bytes()
    inode = index.stat().st_ino
    database.remove([name])
    assert voice not in index.read_bytes() and not leftover.exists()
    left = {k: v for k, v in enrolled.items() if k != name}
    assert_exact(Identifier(database, stub), left)
    assert index.stat().st_ino == inode, "the rest of the file still holds"


def test_removal_beside_an_index_that_does_not_fit_takes_it_away(database, stub, always_indexed):
    enrolled = speakers(np.random.default_rng(8), ["ann", "bob", "cat"])
    database.add(enrolled)
    Identifier(database, stub)
    database._connection.execute("UPDATE state SET epoch = epoch + 1")  # as if a removal had been cut short
    database.remove(["ann"])
    assert not index_path(database.path).exists()
    index_path(database.path).write_bytes(b"broken")
    database.remove(["bob"])
    assert not index_path(database.path).exists()
    assert_exact(Identifier(database, stub), {"cat": enrolled["cat"]})


def test_a_folder_that_cannot_be_written_does_without_an_index(database, stub, always_indexed, monkeypatch):
    enrolled = speakers(np.random.default_rng(9), ["ann", "bob"])
    database.add(enrolled)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_index", full)
    assert_exact(Identifier(database, stub), enrolled)


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
import numpy as np
import test_identify
from test_identify import Stub, module, speakers
from pysid.speakers.database import SpeakerDatabase
module.MAX_UNINDEXED, module.MAX_UNINDEXED_SHARE = 0, 0.0
rng, stub = np.random.default_rng(10), Stub()
with SpeakerDatabase(sys.argv[1]) as database:
    print("ready", flush=True)
    for i in range(100_000):
        database.add(speakers(rng, [f"s{i}-{j}" for j in range(40)]))
        module.Identifier(database, stub)
        database.remove([f"s{i}-{j}" for j in range(5)])
"""


@pytest.mark.parametrize("delay_s", [0.01, 0.05, 0.11, 0.23])
def test_a_process_killed_while_it_writes_the_index(database, stub, path, always_indexed, delay_s):
    kept = speakers(np.random.default_rng(11), [f"kept{i}" for i in range(30)])
    database.add(kept)
    command = [sys.executable, "-c", WRITER, str(path), os.path.dirname(__file__)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    identifier = Identifier(database, stub)
    names = [x.name for x in database.speakers()]
    found = identifier.identify_embedding(np.ones(DIM), 10**6).candidates
    assert sorted(x.name for x in found) == sorted(names) and set(kept) <= set(names)
    database.remove([x for x in names if x not in kept])
    assert_exact(Identifier(database, stub), kept)
    assert not list(path.parent.glob(".pysid-*"))


@pytest.fixture(scope="module")
def opened(fitted):
    return SpeakerModel.load(fitted)


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr("pysid.speakers.identify.say", lines.append)
    return lines


def recordings(dev, *names):
    return [str(dev / "audio" / f"{name}.ogg") for name in names]


def test_enrolment_from_audio(path, opened, dev):
    assert enrol(path, opened, "slt", recordings(dev, "slt-0", "slt-1")) == 2
    assert enrol(path, opened, "rms", recordings(dev, "rms-0")) == 1
    assert enrol(path, opened, "slt", recordings(dev, "slt-1", "slt-2")) == 2
    with SpeakerDatabase(path) as database:
        rms, slt = database.speakers()
        assert (slt.name, slt.n_utterances, rms.n_utterances) == ("slt", 3, 1)
        assert 15 < slt.duration_s < 21
        ((_, means, counts),) = database.means([1])
        expected = np.mean([opened.embed(x) for x in recordings(dev, "slt-0", "slt-1", "slt-2")], axis=0)
        np.testing.assert_allclose(means[0], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
        assert counts.tolist() == [3]
        answer = Identifier(database, opened)(recordings(dev, "slt-1")[0], 2)
        assert [x.name for x in answer.candidates] == ["slt", "rms"] and answer.speaker == "slt"


def test_enrolment_of_bad_recordings(path, opened, dev, broken, tmp_path):
    bad = tmp_path / "silent.wav"
    broken["silent"][0](bad)
    with pytest.raises(DataError, match=f"^{bad}: no frames"):
        enrol(path, opened, "ann", [*recordings(dev, "slt-0"), bad])
    skipped = Skipped()
    with pytest.raises(DataError, match=f"ann: no recording could be used: 1 skipped, the first is {bad}: no frames"):
        enrol(path, opened, "ann", [bad], skipped)
    with pytest.raises(DataError, match="expected a speaker's name"):
        enrol(path, opened, "unknown", recordings(dev, "slt-0"))
    with pytest.raises(DataError, match="each recording of a speaker once"):
        enrol(path, opened, "ann", recordings(dev, "slt-0", "slt-0"))
    assert not path.exists(), "nothing was enrolled, so nothing is made"
    skipped = Skipped()
    assert enrol(path, opened, "ann", [bad, *recordings(dev, "slt-0")], skipped) == 1
    assert list(skipped.reasons.values()) == ["no frames (no speech found?)"]


def test_each_recording_counts_once_under_any_name(path, opened, dev, tmp_path, said):
    first, second = recordings(dev, "slt-0", "slt-1")
    shutil.copy(first, tmp_path / "voice.ogg")
    assert enrol(path, opened, "slt", tmp_path / "voice.ogg") == 1
    shutil.copy(second, tmp_path / "voice.ogg")  # another recording of the same name
    assert enrol(path, opened, "slt", tmp_path / "voice.ogg") == 1
    with SpeakerDatabase(path) as database:
        assert [x.n_utterances for x in database.speakers()] == [2]
    assert not said
    enrol(path, opened, "slt", Path(first).read_bytes())
    enrol(path, opened, "slt", [io.BytesIO(Path(second).read_bytes())])
    assert said == ["slt: 1 of these recordings had been enrolled before, and count once"] * 2
    with SpeakerDatabase(path) as database:
        assert [x.n_utterances for x in database.speakers()] == [2]
    shutil.copy(first, tmp_path / "copy.ogg")
    with pytest.raises(DataError, match=r"copy.ogg: expected each recording of a speaker once, got one again"):
        enrol(path, opened, "slt", [first, tmp_path / "copy.ogg"])
    wave, rate = read_audio(first)
    assert enrol(path, opened, "rms", (wave / 32768, rate)) == 1


def test_no_candidates_at_all(database, stub):
    database.add(speakers(np.random.default_rng(1), ["ann"]))
    with pytest.raises(ValueError, match="n_best must be at least 1, got 0"):
        Identifier(database, stub).identify_embedding(np.zeros(DIM, np.float32), 0)
