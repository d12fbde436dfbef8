"""Options of Kaldi's energy-based VAD, and what they may be."""

import pytest

from pysid.frontend import VadConfig


def test_every_option_of_kaldi_arrives():
    options = {
        "vad-energy-threshold": "5.5",
        "vad-energy-mean-scale": "0.4",
        "vad-frames-context": "2",
        "vad-proportion-threshold": "0.12",
    }
    assert VadConfig.from_kaldi(options) == VadConfig(
        energy_threshold=5.5, energy_mean_scale=0.4, frames_context=2, proportion_threshold=0.12
    )
    assert VadConfig.from_kaldi({}) == VadConfig()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy_mean_scale": -0.1}, "energy_mean_scale must not be negative, got -0.1"),
        ({"energy_mean_scale": float("nan")}, "energy_mean_scale must not be negative, got nan"),
        ({"frames_context": -1}, "frames_context must not be negative, got -1"),
        ({"proportion_threshold": 0.0}, r"proportion_threshold must lie within \(0, 1\), got 0.0"),
        ({"proportion_threshold": 1.0}, r"proportion_threshold must lie within \(0, 1\), got 1.0"),
    ],
)
def test_impossible_values(changes, message):
    with pytest.raises(ValueError, match=message):
        VadConfig(**changes)


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match=r"^--vad-frames-context=2\.5: expected a whole number$"):
        VadConfig.from_kaldi({"vad-frames-context": "2.5"})
    with pytest.raises(ValueError, match="unknown option --vad-threshold"):
        VadConfig.from_kaldi({"vad-threshold": "5"})
