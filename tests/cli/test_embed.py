"""`pysid embed`: good input of all kinds, and bad input that must not take the good with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pysid.config import from_plain
from pysid.frontend import FrontendConfig
from pysid.io.ark.archive import ArkWriter, read_vectors


def embeddings(path):
    return dict(read_vectors(path))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for key, vector in expected.items():
        np.testing.assert_allclose(found[key], vector, rtol=0, atol=1e-5 * np.abs(vector).max(), err_msg=key)


def test_a_data_directory(pysid, model, vectors, dev, tmp_path):
    outcome = pysid("embed", dev, tmp_path / "dev.ark", "--model", model)
    assert (outcome.status, outcome.out) == (0, f"{tmp_path / 'dev.ark'}: 36 embeddings\n")
    assert_same(embeddings(tmp_path / "dev.scp"), embeddings(vectors))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dev.ark", "dev.scp"]


def test_a_wav_scp_and_files_and_npz(pysid, model, vectors, small, dev, tmp_path):
    expected = {key: x for key, x in embeddings(vectors).items() if key in (small / "wav.scp").read_text()}
    assert len(expected) == 6
    assert pysid("embed", small / "wav.scp", tmp_path / "a.npz", "-m", model).status == 0
    assert_same(embeddings(tmp_path / "a.npz"), expected)
    files = [dev / "audio" / f"{key}.ogg" for key in expected]
    assert pysid("embed", *files, tmp_path / "b.ark", "-m", model).status == 0
    assert_same(embeddings(tmp_path / "b.ark"), expected)


def test_stored_features(pysid, model, vectors, small, tmp_path):
    """The features that `pysid features` stored give what the audio gives, by whatever name they are given."""
    assert pysid("features", small, tmp_path / "feats").status == 0
    expected = {key: x for key, x in embeddings(vectors).items() if key in (small / "wav.scp").read_text()}
    (tmp_path / "feats" / "wav.scp").unlink()  # so that a directory can only mean its features
    sources = ["", "scp:feats.scp", "ark:feats.ark", "scp,p:feats.scp"]
    for i, source in enumerate(sources):
        kind, _, name = source.rpartition(":")
        path = f"{kind}:{tmp_path / 'feats' / name}" if kind else tmp_path / "feats"
        assert pysid("embed", path, tmp_path / f"{i}.npz", "-m", model).status == 0
        assert_same(embeddings(tmp_path / f"{i}.npz"), expected)


def test_features_of_another_front_end_are_not_used(pysid, model, vectors, small, tmp_path):
    assert pysid("features", small, tmp_path / "feats").status == 0
    other = json.loads((tmp_path / "feats" / "frontend.json").read_text())
    other["cmvn"]["window"] = 200
    (tmp_path / "feats" / "frontend.json").write_text(json.dumps(other))
    assert pysid("embed", tmp_path / "feats", tmp_path / "a.npz", "-m", model).status == 0
    expected = {key: x for key, x in embeddings(vectors).items() if key in (small / "wav.scp").read_text()}
    assert_same(embeddings(tmp_path / "a.npz"), expected)


def test_bad_utterances_are_skipped_counted_and_listed(pysid, model, vectors, with_broken, broken, tmp_path):
    outcome = pysid("embed", with_broken, tmp_path / "a.ark", "-m", model)
    assert outcome.out == f"{tmp_path / 'a.ark'}: 6 embeddings\n"
    good = [f"{s}-{i}" for s in ("alicia", "denis") for i in range(3)]
    assert_same(embeddings(tmp_path / "a.scp"), {key: embeddings(vectors)[key] for key in good})
    n = len(broken)
    assert f"skipped {n} of {n + 6} utterances:" in outcome.err
    for name, (_, message) in broken.items():
        (line,) = [line for line in outcome.err.splitlines() if line.startswith(f"  alicia-{name}: ")]
        assert message in line


def test_a_pipe_runs_only_when_allowed(pysid, model, vectors, dev, tmp_path):
    command = f"cat {dev / 'audio' / 'slt-0.ogg'} |"
    (tmp_path / "wav.scp").write_text(f"slt-0 {command}\n")
    error = pysid("embed", tmp_path / "wav.scp", tmp_path / "a.npz", "-m", model).error
    assert "the first is slt-0: expected a path, got the shell pipe" in error
    assert pysid("embed", tmp_path / "wav.scp", tmp_path / "a.npz", "-m", model, "--allow-pipes").status == 0
    assert_same(embeddings(tmp_path / "a.npz"), {"slt-0": embeddings(vectors)["slt-0"]})


def write_features(path, widths):
    with ArkWriter(path) as writer:
        for key, width in widths.items():
            writer.write(key, np.random.default_rng(0).normal(size=(50, width)))


def test_bad_features_are_skipped(pysid, model, tmp_path):
    write_features(tmp_path / "f.ark", {"narrow": 13, "good": 30, "nan": 30, "short": 30})
    lines = (tmp_path / "f.scp").read_text().splitlines()
    data = bytearray((tmp_path / "f.ark").read_bytes())
    offset = int(lines[2].rpartition(":")[2])
    data[offset + 15 : offset + 19] = np.float32(np.nan).tobytes()
    (tmp_path / "f.ark").write_bytes(data[:-100])
    (tmp_path / "f.scp").write_text("\n".join([*lines, f"lost {tmp_path}/lost.ark:9"]) + "\n")
    outcome = pysid("embed", f"scp:{tmp_path / 'f.scp'}", tmp_path / "a.ark", "-m", model)
    assert outcome.out == f"{tmp_path / 'a.ark'}: 1 embeddings\n"
    assert list(embeddings(tmp_path / "a.ark")) == ["good"]
    for line in (
        "skipped 4 of 5 utterances:",
        "  narrow: expected frames of 30 features, got the shape (50, 13)",
        "  nan: features hold a NaN or an infinity",
    ):
        assert line in outcome.err.splitlines()
    assert f"  short: {tmp_path}/f.ark:" in outcome.err
    assert f"  lost: {tmp_path}/lost.ark: cannot read the file" in outcome.err


def test_a_broken_archive_keeps_what_stands_before(pysid, model, tmp_path):
    """The error is fatal, since it is not known what is missing; a run on the mended archive goes on."""
    write_features(tmp_path / "f.ark", {"a": 30, "b": 30, "c": 30})
    whole = (tmp_path / "f.ark").read_bytes()
    (tmp_path / "f.ark").write_bytes(whole[:-100])
    command = ("embed", f"ark:{tmp_path / 'f.ark'}", tmp_path / "x.ark", "-m", model)
    assert pysid(*command).error.startswith(f"{tmp_path}/f.ark: c: ")
    assert list(embeddings(f"ark:{tmp_path / 'x.ark.partial'}")) == ["a", "b"]
    assert not (tmp_path / "x.ark").exists()
    (tmp_path / "f.ark").write_bytes(whole)
    assert pysid(*command).out == f"{tmp_path / 'x.ark'}: 3 embeddings\n"
    assert list(embeddings(tmp_path / "x.scp")) == ["a", "b", "c"]


@pytest.mark.slow
def test_who_does_the_work(pysid, model, small, vectors, tmp_path):
    command = ("embed", small, tmp_path / "x.ark", "-m", model)
    assert pysid(*command, "--jobs", 1, "--cluster", "tcp://127.0.0.1:9").status == 2
    for option in ("--jobs=0", "--threads=0"):
        assert pysid(*command, option).status == 2
    stream = ("embed", f"ark:{vectors.with_suffix('.ark')}", tmp_path / "x.ark", "-m", model)
    for options in (("--jobs", 2), ("--cluster", "tcp://127.0.0.1:9")):
        assert "give the scp: of the archive" in " ".join(pysid(*stream, *options).err.replace("│", " ").split())
    assert list(tmp_path.glob("x.*")) == []
    assert pysid(*command, "--jobs", 2, "--threads", 2).status == 0  # one shard: no process is started for it
    expected = {key: x for key, x in embeddings(vectors).items() if key in (small / "wav.scp").read_text()}
    assert_same(embeddings(tmp_path / "x.scp"), expected)


def test_a_cluster_that_is_not_there(pysid, model, small, dev, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("pysid.parallel.cluster.CONNECT_S", 0.5)
    start = "tcp://127.0.0.1:9: expected the address of a Dask scheduler: "
    for command in (
        ("embed", small, tmp_path / "x.ark", "-m", model),
        ("features", small, tmp_path / "f"),
    ):
        assert pysid(*command, "--cluster", "tcp://127.0.0.1:9").error.startswith(start)


BAD_SOURCES = {
    "no file": (["nowhere.wav"], "x.npz: nothing to write: 1 skipped, the first is nowhere: nowhere.wav: cannot read"),
    "no scp": (["nowhere.scp"], "nowhere.scp: cannot read the file: No such file"),
    "no archive": (["ark:nowhere.ark"], "nowhere.ark: cannot read the file: No such file"),
    "no table": (["scp:nowhere.scp"], "nowhere.scp: cannot read the file: No such file"),
    "empty directory": (["empty"], "empty: expected a folder with audio files, or with a wav.scp, got neither"),
    "empty scp": (["empty.scp"], "empty.scp: expected at least one utterance, got none"),
    "malformed scp": (["short.scp"], "short.scp:2: expected 'recording path', got 'b'"),
    "repeated key": (["twice.scp"], "twice.scp:3: 'a' is already on line 1"),
    "same file": (["x.wav", "y.wav", "x.wav"], "expected each file once, got x.wav again"),
}


@pytest.mark.parametrize(("sources", "message"), BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_bad_sources(pysid, model, tmp_path, monkeypatch, sources, message):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("empty.scp").touch()
    Path("short.scp").write_text("a a.wav\nb\n")
    Path("twice.scp").write_text("a a.wav\nb b.wav\na c.wav\n")
    assert pysid("embed", *sources, "x.npz", "-m", model).error.startswith(message)
    assert not Path("x.npz").exists()


def test_bad_outputs(pysid, model, dev, tmp_path):
    audio = dev / "audio" / "slt-0.ogg"
    out = tmp_path / "x.txt"
    assert pysid("embed", audio, out, "-m", model).error == f"{out}: expected an output that ends in .ark or .npz"
    shutil.copy(audio, tmp_path / "my voice.ogg")
    error = pysid("embed", tmp_path / "my voice.ogg", tmp_path / "x.ark", "-m", model).error
    assert error.endswith("an archive holds no names with white space, such as 'my voice'; write an .npz instead")
    assert pysid("embed", tmp_path / "my voice.ogg", tmp_path / "x.npz", "-m", model).status == 0
    assert list(embeddings(tmp_path / "x.npz")) == ["my voice"]
    (tmp_path / "file").touch()
    assert "file" in pysid("embed", audio, tmp_path / "file" / "x.ark", "-m", model).error


def test_files_of_one_name_go_by_their_folders_too(pysid, model, dev, tmp_path):
    paths = [tmp_path / "a" / "v.ogg", tmp_path / "b" / "v.ogg"]
    for i, path in enumerate(paths):
        path.parent.mkdir()
        shutil.copy(dev / "audio" / f"slt-{i}.ogg", path)
    assert pysid("embed", *paths, tmp_path / "x.npz", "-m", model).status == 0
    assert list(embeddings(tmp_path / "x.npz")) == ["a_v", "b_v"]


BAD_MODELS = {
    "no folder": (None, None, "expected a model directory with config.json"),
    "no JSON": ("config.json", b'{"format": 1,', "config.json: expected JSON, got: "),
    "no mapping": ("config.json", b"[1]", "config.json: expected a model of format 1, got 'list'"),
    "other format": ("config.json", b'{"format": 99}', "config.json: expected a model of format 1, got 99"),
    "no front-end": ("config.json", b'{"format": 1}', "config.json: missing key 'frontend'"),
    "binary": ("config.json", b"\xff\xfe\x00", "config.json: expected JSON, got: "),
    "no weights": ("model.safetensors", None, "model.safetensors: no such file"),
    "empty weights": ("model.safetensors", b"", "model.safetensors: expected a safetensors file, got: "),
    "broken weights": ("model.safetensors", b"\0" * 99, "model.safetensors: expected a safetensors file, got: "),
    "broken back-end": ("backend.safetensors", b"x" * 99, "backend.safetensors: expected a safetensors file, got: "),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_bad_models(pysid, model, dev, tmp_path, name, content, message):
    bad = tmp_path / "model"
    if name is not None:
        shutil.copytree(model, bad)
        (bad / name).unlink(missing_ok=True)
        if content is not None:
            (bad / name).write_bytes(content)
    error = pysid("embed", dev, tmp_path / "x.npz", "-m", bad).error
    assert error.startswith(f"{bad}") and message in error


@pytest.mark.parametrize("device", ["cuda:999", "tpu", "gpu0", "meta", ""])
def test_a_device_that_is_not_there(pysid, model, dev, tmp_path, device):
    outcome = pysid("embed", dev, tmp_path / "x.npz", "-m", model, "--device", device)
    assert repr(device) in outcome.error and outcome.err.count("\n") == 1


def test_another_rate_is_resampled(pysid, model, tmp_path):
    """8 kHz speech goes through a 16 kHz model; the front-end of the shipped configuration says 16 kHz."""
    golden = Path(__file__).parents[1] / "golden" / "kaldi" / "audio" / "speech_8k.wav"
    assert (
        from_plain(FrontendConfig, json.loads((model / "config.json").read_text())["frontend"], "a").sample_rate
        == 16000
    )
    assert pysid("embed", golden, tmp_path / "x.npz", "-m", model).status == 0


def test_embeddings_replace_nothing_that_is_read(pysid, model, dev, tmp_path):
    for name in ("wav.scp", "utt2spk"):
        (tmp_path / name).write_text((dev / name).read_text())
    for given in (tmp_path / "wav.scp", tmp_path):
        outcome = pysid("embed", given, tmp_path / "wav.ark", "-m", model)
        assert outcome.error.startswith(f"{tmp_path / 'wav.scp'}: expected another file to write than those that")
    assert (tmp_path / "wav.scp").read_text() == (dev / "wav.scp").read_text()
