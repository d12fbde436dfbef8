"""Settings in a model directory and from the user, and which of them belong together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pysid.backend.chain import CosineBackend
from pysid.diarization import Diarizer
from pysid.diarization.config import DiarizationConfig
from pysid.diarization.files import LOCAL, load_config, save_config, with_settings
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.directory import save_backend
from pysid.model.speaker_model import SpeakerModel


def test_a_model_without_plda_gets_settings_that_need_none(tmp_path: Path, diarizer: Diarizer) -> None:
    diarizer.model.save(tmp_path)
    (tmp_path / "backend.safetensors").unlink()
    save_backend(tmp_path, CosineBackend().fit(np.eye(256)))
    found = Diarizer.load(tmp_path, settings={"turns.snap_s": 0.1})
    assert (found.config.affinity.kind, found.config.clustering.kind) == ("cosine", "spectral")
    assert found.config.turns.snap_s == 0.1
    with pytest.raises(DataError, match=r"^VBx needs a PLDA back-end, and this model has none"):
        Diarizer.load(tmp_path, settings={"clustering.kind": "vbx"})


def test_speech_is_found_by_webrtc_where_features_have_no_energy(diarizer: Diarizer) -> None:
    """Unless something else is asked for, or the detector does not take the rate."""
    network = diarizer.model.network
    for features, kind in [
        (FbankConfig(n_mels=81), "webrtc"),
        (FbankConfig(n_mels=80, use_energy=True), "adaptive"),
        (FbankConfig(n_mels=81, sample_rate=22050, high_hz=7000.0), "adaptive"),
    ]:
        config = replace(diarizer.model.config, frontend=FrontendConfig(features=features))
        model = SpeakerModel(config, network, diarizer.backend)
        assert load_config(model)[0].vad.kind == kind
        assert load_config(model, {"vad.kind": "energy"})[0].vad.kind == "energy"


def test_settings_of_a_model_open_no_other_file(tmp_path: Path, diarizer: Diarizer) -> None:
    diarizer.model.save(tmp_path)
    settings = {"windows": {"kind": "local", "segmentation": "/etc/passwd.onnx"}}
    (tmp_path / "diarization.json").write_text(json.dumps({"format": 1, **settings}))
    with pytest.raises(DataError, match=r"diarization.json: windows.segmentation must be null or .*, got '/etc/pass"):
        load_config(SpeakerModel.load(tmp_path))


def test_settings_are_kept_with_a_model(tmp_path: Path, diarizer: Diarizer) -> None:
    config = with_settings(diarizer.config, {"clustering.kind": "vbx", "clustering.fb": 3, "turns.bridge_s": 0.4})
    diarizer.model.save(tmp_path)
    save_config(tmp_path, config, diarizer.model.backend)
    model = SpeakerModel.load(tmp_path)
    read, backend = load_config(model)
    assert read == config
    x = np.random.default_rng(0).standard_normal((4, 256)).astype(np.float32)
    np.testing.assert_allclose(backend.score(x, x), diarizer.model.backend.score(x, x), rtol=1e-9)
    other, _ = load_config(model, {"clustering": {"kind": "ahc"}, "turns.snap_s": 0})
    assert (other.clustering.kind, other.turns.snap_s, other.turns.bridge_s) == ("ahc", 0.0, 0.4)
    assert load_config(model, {"clustering.fa": 0.2})[0].clustering.fb == 3


@pytest.mark.parametrize("turn_around", [False, True])
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"clustering.start.kind": "linkage", "clustering.kind": "vbx"}, ("vbx", "linkage")),
        ({"clustering.start.threshold": 7, "clustering.kind": "vbx"}, ("vbx", 7)),
        ({"clustering.threshold": 0.5, "clustering": {"kind": "centroid"}}, ("centroid", 0.5)),
        ({"clustering.kind": "ahc", "clustering.threshold": 3}, ("ahc", 3)),
    ],
)
def test_the_order_of_settings_does_not_matter(settings, expected, turn_around) -> None:
    items = list(settings.items())
    found = with_settings(DiarizationConfig(), dict(reversed(items) if turn_around else items)).clustering
    start = getattr(found, "start", None)
    wanted = {"linkage": getattr(start, "kind", None), 7: getattr(start, "threshold", None)}
    assert (found.kind, wanted.get(expected[1], getattr(found, "threshold", None))) == expected


def test_naming_the_kind_that_is_there_changes_nothing(diarizer: Diarizer) -> None:
    """`--clustering vbx` on a model tuned for it must not fall back to the defaults; another kind starts anew."""
    c = with_settings(diarizer.config, {"clustering.kind": "vbx", "clustering.fb": 3, "clustering.start.threshold": 7})
    assert with_settings(c, {"clustering.kind": "vbx", "clustering.start.kind": "ahc"}) == c
    assert with_settings(c, {"vad.kind": c.vad.kind}) == c
    assert with_settings(c, {"clustering.kind": "ahc"}).clustering.threshold == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"windows.length": 1}, "settings: unknown key 'windows.length'; known here: kind, duration_s"),
        (
            {"clustering.kind": "kmeans"},
            "settings: 'clustering.kind' must be one of ahc, centroid, linkage, spectral, vbx, got 'kmeans'",
        ),
        ({"turns.bridge_s": -1}, "settings: turns: bridge_s must not be negative, got -1"),
        ({"windows.shift_s": "often"}, "settings: 'windows.shift_s' must be a number, got 'often'"),
    ],
)
def test_wrong_settings(diarizer: Diarizer, changes: dict, message: str) -> None:
    with pytest.raises(DataError, match="^" + message.replace("(", r"\(")):
        with_settings(diarizer.config, changes)


def test_settings_of_a_kind() -> None:
    """Those that were tuned for pieces of one length are not taken for local speakers."""
    model = SpeakerModel.load("xvector")
    config, _ = load_config(model, {"windows.kind": "local", "windows.shift_s": 5.0})
    assert config == with_settings(LOCAL, {"windows.shift_s": 5.0})
    uniform, _ = load_config(model)
    assert uniform.windows.kind == "uniform"
