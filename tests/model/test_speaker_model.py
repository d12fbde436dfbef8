"""Model directories: what is written is read back, and what does not fit is refused by name."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch

from pysid.backend import CosineBackend, PldaBackend
from pysid.embedding.extract import ExtractConfig
from pysid.embedding.xvector import XVector
from pysid.errors import DataError, PysidWarning
from pysid.model.directory import save_backend
from pysid.model.speaker_model import SpeakerModel, check_device


@pytest.fixture
def opened(model):
    return SpeakerModel.load(model)


@pytest.fixture
def copy(model, tmp_path):
    return Path(shutil.copytree(model, tmp_path / "copy"))


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return [(f"u{i}", rng.normal(size=(n, 30)).astype(np.float32)) for i, n in enumerate((400, 90, 200))]


def embeddings(opened, features):
    return np.stack([x for _, x in opened.embed_features(features)])


def plda(dim=16):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(20), 6)
    return PldaBackend(4).fit(rng.normal(size=(20, dim))[y] + rng.normal(size=(len(y), dim)), y)


def test_saved_and_loaded(opened, features, tmp_path):
    opened.backend = plda()
    opened.save(tmp_path / "m")
    again = SpeakerModel.load(tmp_path / "m")
    assert again.config == opened.config and again.fingerprint() == opened.fingerprint()
    x = embeddings(opened, features)
    np.testing.assert_array_equal(embeddings(again, features), x)
    np.testing.assert_allclose(again.scorer().score(x, x), opened.scorer().score(x, x), rtol=1e-12)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "backend.safetensors",
        "config.json",
        "model.safetensors",
    ]


def test_half_precision_halves_the_file(opened, features, tmp_path):
    opened.save(tmp_path / "m", half=True)
    opened.save(tmp_path / "f")
    half, full = ((tmp_path / x / "model.safetensors").stat().st_size for x in "mf")
    assert half < 0.75 * full
    x = embeddings(opened, features)
    y = embeddings(SpeakerModel.load(tmp_path / "m"), features)
    assert 0 < np.abs(x - y).max() < 1e-2 * np.abs(x).max()


def test_with_it_the_back_end_is_in_single_precision(opened, tmp_path):
    opened.backend = plda()
    opened.save(tmp_path / "m", half=True)
    opened.save(tmp_path / "f")
    half, full = ((tmp_path / x / "backend.safetensors").stat().st_size for x in "mf")
    assert half < 0.8 * full
    x = np.random.default_rng(0).normal(size=(5, 16))
    scores, exact = (SpeakerModel.load(tmp_path / name).scorer().score(x, x) for name in "mf")
    np.testing.assert_array_equal(exact, opened.backend.score(x, x))
    assert 0 < np.abs(scores - exact).max() < 1e-4


def test_a_network_that_was_in_training_is_put_into_eval_mode(opened, features):
    assert not opened.network.training
    expected = embeddings(opened, features)
    again = SpeakerModel(opened.config, opened.network.train())
    assert not again.network.training
    np.testing.assert_array_equal(embeddings(again, features), expected)


def test_the_fingerprint_tells_models_apart(opened):
    other = SpeakerModel(opened.config, XVector(opened.config.network))
    assert other.fingerprint() != opened.fingerprint()
    config = dataclasses.replace(opened.config, extract=ExtractConfig(chunk_size=300))
    assert SpeakerModel(config, opened.network).fingerprint() != opened.fingerprint()


def test_features_of_waves_do_not_depend_on_the_batch(opened):
    rng = np.random.default_rng(0)
    waves = [(3000 * rng.normal(size=n)).astype(np.float32) for n in (16000, 40000, 23456)]
    together = opened.features(waves)
    for wave, features in zip(waves, together, strict=True):
        np.testing.assert_allclose(opened.features([wave])[0], features, atol=1e-4)


def test_only_waves_of_unknown_scale_may_have_a_wrong_one(opened, tmp_path):
    low = np.random.default_rng(0).uniform(-1, 1, 16000).astype(np.float32)
    with pytest.warns(PysidWarning, match="wave peaks at 1; Kaldi features expect int16 scale"):
        opened.features([low])
    assert len(opened.features([low], scaled=True)) == 1
    soundfile.write(tmp_path / "low.wav", low / 32768, 16000, subtype="FLOAT")
    for audio in (tmp_path / "low.wav", (low / 32768, 16000)):
        with pytest.raises(DataError, match="no speech found"):  # and pytest makes errors of warnings
            opened.embed(audio)


def test_wrong_network_input(opened, features):
    bad = ("bad", np.zeros((50, 13), np.float32))
    with pytest.raises(DataError, match=r"^bad: expected frames of 30 features, got the shape \(50, 13\)$"):
        list(opened.embed_features([bad]))
    reasons = {}
    vector = ("vector", np.zeros(30, np.float32))
    empty = ("empty", np.zeros((0, 0), np.float32))
    found = dict(opened.embed_features([bad, *features, vector, empty], reasons.__setitem__))
    assert list(found) == ["u0", "u1", "u2"] and list(reasons) == ["bad", "vector", "empty"]
    assert reasons["empty"] == "no frames (no speech found?)"


def test_scorers(opened):
    with pytest.raises(DataError, match="no PLDA back-end: make one with pysid fit-backend"):
        opened.scorer()
    assert isinstance(opened.scorer("cosine"), CosineBackend)
    with pytest.raises(ValueError, match="backend must be one of plda, cosine, got 'Cosine'"):
        opened.scorer("Cosine")
    x = np.random.default_rng(1).normal(size=(5, 16))
    opened.backend = plda()
    assert opened.scorer() is opened.scorer("plda") is opened.backend
    centred = x - opened.backend.projection.mean_
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(opened.scorer("cosine").score(x, x), centred @ centred.T, atol=1e-12)
    opened.backend = CosineBackend().fit(x)
    assert opened.scorer() is opened.scorer("cosine") is opened.backend
    with pytest.raises(DataError, match="no PLDA back-end"):
        opened.scorer("plda")


def test_weights_of_another_kind(copy):
    safetensors.torch.save_file({"a": torch.ones(2, dtype=torch.bfloat16)}, copy / "model.safetensors")
    with pytest.raises(DataError, match=r"model.safetensors: expected a safetensors file, got: .*bfloat16"):
        SpeakerModel.load(copy)


def test_a_back_end_of_another_model(copy):
    save_backend(copy, plda(12))
    with pytest.raises(DataError, match=r"backend.safetensors: is for embeddings of 12 dimensions, .* have 16$"):
        SpeakerModel.load(copy)
    for width in (15, 18):
        arrays = {"transform": torch.ones(8, width), "length_norm": torch.ones(1)}
        safetensors.torch.save_file(arrays, copy / "backend.safetensors")
        with pytest.raises(DataError, match=rf"is for embeddings of {width} dimensions, .* have 16$"):
            SpeakerModel.load(copy)
    for width in (16, 17):
        arrays = {"transform": torch.ones(8, width), "length_norm": torch.ones(1)}
        safetensors.torch.save_file(arrays, copy / "backend.safetensors")
        assert SpeakerModel.load(copy).backend.score(np.ones((1, 16)), np.ones((1, 16))).shape == (1, 1)
    safetensors.torch.save_file({"mean": torch.ones(16)}, copy / "backend.safetensors")
    with pytest.raises(DataError, match=r"copy/backend.safetensors: a back-end needs the array 'length_norm'"):
        SpeakerModel.load(copy)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("cpu", "cuda", "cuda:0", "cuda:1"):
        check_device(name)
    for name in ("cuda:2", "cuda:999"):
        with pytest.raises(DataError, match=f"^expected an available device, got '{name}' where there are 2 CUDA"):
            check_device(name)
    for name in ("", "mps", "cuda:", "cuda:-1", "CPU", "cpu cuda"):
        with pytest.raises(DataError, match=r"^expected the device cpu, cuda or cuda:N, got "):
            check_device(name)


def test_cuda_gives_what_the_cpu_gives(model, features):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    x, y = (embeddings(SpeakerModel.load(model, device), features) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(x, y, rtol=0, atol=1e-3 * np.abs(x).max())
