"""`pysid validate`; what it finds is tested with `pysid.data.validate`."""

import pytest


def test_a_good_directory(pysid, dev):
    outcome = pysid("validate", dev)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines()[-1] == f"{dev}: 0 errors, 0 warnings"


def test_warnings_alone_are_no_failure(pysid, small):
    outcome = pysid("validate", small)
    assert outcome.status == 0
    assert outcome.out.splitlines() == [
        f"{small}/spk2utt: warning: expected the file, got none (Kaldi wants it)",
        f"{small}: 0 errors, 1 warnings",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("wav.scp", "alicia-0 ", "alicia-0\nx", "wav.scp:1: error: expected 'recording path', got 'alicia-0'"),
        ("wav.scp", "alicia-1.ogg", "none.ogg", "wav.scp:2: error: expected an audio file, got none at "),
        ("utt2spk", "denis-0 ", "bob-0 ", "utt2spk:4: error: expected an utterance of wav.scp, got 'bob-0'"),
        ("utt2spk", "alicia-1 alicia", "alicia-0 bob", "utt2spk:2: error: 'alicia-0' is already on line 1"),
        ("trials", "alicia-0 alicia-2 ", "alicia-0 bob ", "trials:2: error: expected an utterance to test, got 'bob'"),
        ("trials", "nontarget", "imposter", "error: expected target or nontarget in the third column, got 'imposter'"),
    ],
)
def test_errors_have_a_place_and_make_it_fail(pysid, small, name, old, new, message):
    path = small / name
    path.write_text(path.read_text().replace(old, new, 1))
    outcome = pysid("validate", small)
    assert outcome.status == 1 and outcome.err == ""
    assert any(message in line and line.startswith(str(path)) for line in outcome.out.splitlines())
    assert not outcome.out.splitlines()[-1].startswith(f"{small}: 0 errors")


def test_no_directory(pysid, tmp_path):
    outcome = pysid("validate", tmp_path / "none")
    assert outcome.status == 1
    assert outcome.out.startswith(f"{tmp_path}/none: error: expected a Kaldi data directory, got no such folder\n")
