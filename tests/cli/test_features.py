"""`pysid features`."""

import pytest

from pysid.io.ark.archive import read_matrices


def test_bad_utterances_are_skipped_counted_and_listed(pysid, with_broken, broken, tmp_path):
    outcome = pysid("features", with_broken, tmp_path / "f")
    assert (outcome.status, outcome.out) == (1, "")
    assert f"skipped {len(broken)} of {len(broken) + 6} utterances:" in outcome.err.splitlines()
    assert "  alicia-silent: no speech found" in outcome.err.splitlines()
    assert len(dict(read_matrices(tmp_path / "f" / "feats.scp"))) == 6
    assert pysid("features", with_broken, tmp_path / "f", "--allow-skipped").status == 0


def test_pipes_when_allowed(pysid, dev, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "wav.scp").write_text(f"slt-0 cat {dev}/audio/slt-0.ogg |\n")
    assert "--allow-pipes" in pysid("features", tmp_path / "data", tmp_path / "f").error
    assert pysid("features", tmp_path / "data", tmp_path / "f", "--allow-pipes").status == 0
    assert list(dict(read_matrices(tmp_path / "f" / "feats.scp"))) == ["slt-0"]


def test_own_configuration(pysid, small, tmp_path):
    (tmp_path / "c.yaml").write_text("features: {kind: fbank, n_mels: 40}\n")
    outcome = pysid("features", small, tmp_path / "f", "--config", tmp_path / "c.yaml")
    assert outcome.status == 0 and outcome.err.splitlines()[-1] == f"wrote {tmp_path / 'f'}"
    assert {x.shape[1] for _, x in read_matrices(tmp_path / "f" / "feats.scp")} == {40}


CONFIGS = {
    "missing": (None, "c.yaml: cannot read the file: No such file or directory"),
    "no YAML": ("features:\n  kind: [mfcc\n", "c.yaml:3: expected YAML, got: "),
    "no mapping": ("- a\n", "c.yaml: expected 'key: value' lines, got list"),
    "unknown key": ("vads: null\n", "c.yaml: unknown key 'vads'; known here: features, vad, cmvn"),
    "unknown inner key": ("features: {kind: mfcc, mels: 3}\n", "c.yaml: unknown key 'features.mels'; known here: "),
    "wrong type": ("cmvn: {window: many}\n", "c.yaml: 'cmvn.window' must be a whole number, got 'many'"),
    "wrong value": ("features: {kind: mfcc, n_ceps: 99}\n", "c.yaml: features: n_ceps must lie in [1, n_mels=23]"),
    "wrong kind": (
        "features: {kind: plp}\n",
        "c.yaml: 'features.kind' must be one of mfcc, fbank, stft-mel, got 'plp'",
    ),
}


@pytest.mark.parametrize(("text", "message"), CONFIGS.values(), ids=CONFIGS)
def test_bad_configurations(pysid, small, tmp_path, text, message):
    if text is not None:
        (tmp_path / "c.yaml").write_text(text)
    outcome = pysid("features", small, tmp_path / "f", "--config", tmp_path / "c.yaml")
    assert outcome.error.startswith(f"{tmp_path}/{message}")
    assert not (tmp_path / "f").exists()


TABLES = {
    "no directory": ({}, "data: expected a Kaldi data directory, got no such folder"),
    "no wav.scp": ({"utt2spk": "a a\n"}, "data/wav.scp: cannot read the file: No such file or directory"),
    "malformed": ({"wav.scp": "a a.wav\nb\n"}, "data/wav.scp:2: expected 'recording path', got 'b'"),
    "no utterance": ({"wav.scp": "\n"}, "data: expected at least one utterance, got none"),
    "unknown utterance": (
        {"wav.scp": "a a.wav\n", "utt2spk": "a a\nb b\n"},
        "data/utt2spk: 1 of 2 utterances have no audio in wav.scp; the first is 'b'",
    ),
}


@pytest.mark.parametrize(("files", "message"), TABLES.values(), ids=TABLES)
def test_bad_tables(pysid, tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    assert pysid("features", tmp_path / "data", tmp_path / "f").error.startswith(f"{tmp_path}/{message}")


def test_segments_of_no_length_are_left_out_with_a_word(pysid, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "wav.scp").write_text("a a.wav\n")
    (tmp_path / "data" / "segments").write_text("u a 2.0 1.0\n")
    outcome = pysid("features", tmp_path / "data", tmp_path / "f")
    warning, error = outcome.err.splitlines()
    assert f"warning: {tmp_path}/data/segments:1: expected 0 <= start < end" in warning
    assert outcome.status == 1 and error.endswith("data: expected at least one utterance, got none")


def test_an_output_that_is_a_file(pysid, small, tmp_path):
    (tmp_path / "f").touch()
    assert pysid("features", small, tmp_path / "f").error == f"{tmp_path}/f: File exists"


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_wrong_usage(pysid, small, tmp_path, jobs):
    assert pysid("features", small, tmp_path / "f", f"--jobs={jobs}").status == 2
