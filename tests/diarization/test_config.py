"""All settings as one tree: what a file may leave out, and what it may not say."""

import pytest

from pysid.config import from_plain, to_plain
from pysid.diarization.config import DiarizationConfig, TurnConfig
from pysid.errors import DataError


@pytest.mark.parametrize("vad", ["adaptive", "webrtc", "silero", "energy", "network"])
@pytest.mark.parametrize("clustering", ["ahc", "centroid", "linkage", "spectral", "vbx"])
def test_every_choice_there_and_back(vad, clustering):
    plain = {"vad": {"kind": vad}, "clustering": {"kind": clustering}, "overlap": {"kind": "network"}}
    config = from_plain(DiarizationConfig, plain, "a.yaml")
    assert (config.vad.kind, config.clustering.kind, config.overlap.kind) == (vad, clustering, "network")
    assert from_plain(DiarizationConfig, to_plain(config), "a.yaml") == config


def test_what_is_left_out_is_the_default():
    assert from_plain(DiarizationConfig, {}, "a.yaml") == DiarizationConfig()
    changed = from_plain(DiarizationConfig, {"turns": {"join_s": 2}}, "a.yaml")
    assert (changed.turns, changed.windows) == (TurnConfig(join_s=2.0), DiarizationConfig().windows)


@pytest.mark.parametrize("name", ["snap_s", "bridge_s", "min_turn_s", "min_speaker_s", "join_s"])
@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_no_time_is_negative(name, value):
    with pytest.raises(ValueError, match=f"{name} must not be negative, got {value}"):
        TurnConfig(**{name: value})


def test_another_kind_is_refused():
    with pytest.raises(DataError, match=r"a\.yaml: 'windows.kind' must be one of uniform, local, got 'sliding'"):
        from_plain(DiarizationConfig, {"windows": {"kind": "sliding"}}, "a.yaml")
