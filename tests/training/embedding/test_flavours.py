"""What `flavour` sets, and what it leaves."""

import copy

import pytest

from pysid.config import from_plain
from pysid.training.embedding.flavours import FLAVOURS, with_flavour
from pysid.training.embedding.losses import HeadConfig


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_is_set_goes_before_the_flavour(flavour):
    before = copy.deepcopy(FLAVOURS)
    settings = {"flavour": flavour, "head": {"loss": "am-softmax", "margin": 0.2}, "out": "x"}
    found = with_flavour(settings)
    assert found["head"] == {"loss": "am-softmax", "margin": 0.2} and found["out"] == "x"
    assert found["network"] == FLAVOURS[flavour]["network"]
    found["network"]["pooling"] = "changed in a copy"
    assert with_flavour(settings)["network"] == before[flavour]["network"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_heads_of_flavours_can_be_made(flavour):
    assert from_plain(HeadConfig, with_flavour({"flavour": flavour})["head"], "test").loss in ("softmax", "a-softmax")


@pytest.mark.parametrize("settings", [{}, {"flavour": None}, {"flavour": ["stat"]}, {"flavour": "other", "a": 1}])
def test_without_a_known_flavour_settings_stay(settings):
    assert with_flavour(settings) == settings  # an unknown one is refused where the settings become a configuration
