"""Options of normalisation over a sliding window, and what they may be."""

import pytest

from pysid.frontend import CmvnConfig


def test_every_option_of_kaldi_arrives():
    options = {
        "cmn-window": "300",
        "min-cmn-window": "50",
        "norm-means": "true",
        "norm-vars": "true",
        "center": "",
        "max-warnings": "3",
    }
    assert CmvnConfig.from_kaldi(options) == CmvnConfig(window=300, min_window=50, norm_vars=True, center=True)
    assert CmvnConfig.from_kaldi({}) == CmvnConfig()


def test_impossible_values():
    with pytest.raises(ValueError, match="window must be positive, got 0"):
        CmvnConfig(window=0)
    with pytest.raises(ValueError, match="norm_vars needs norm_means"):
        CmvnConfig.from_kaldi({"norm-vars": "true", "norm-means": "false"})


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match=r"unknown option --cmvn-window; did you mean --cmn-window\?"):
        CmvnConfig.from_kaldi({"cmvn-window": "300"})
