"""What is said about settings: of every one, and the same in docs/settings.md."""

from pathlib import Path

import pytest

from pysid.config import to_plain
from pysid.diarization.config import DiarizationConfig, NetworkVadConfig
from pysid.diarization.explain import explain, settings_page
from pysid.diarization.files import with_settings
from pysid.diarization.spectral import SpectralConfig

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_classes_say():
    """If not: python -m pysid.diarization.explain > docs/settings.md"""
    assert PAGE.read_text(encoding="utf-8") == settings_page()


def test_every_setting_of_every_kind_is_explained():
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row[0] for row in rows if not row[2].rstrip(" |")] == []


@pytest.mark.parametrize(
    "config",
    [DiarizationConfig(), DiarizationConfig(vad=NetworkVadConfig(), clustering=SpectralConfig())],
    ids=["defaults", "spectral"],
)
def test_what_is_explained_can_be_set(config):
    """All that a configuration holds, by names and values that `--set` takes."""
    found = list(explain(config))
    assert all(setting.text for setting in found)
    assert with_settings(DiarizationConfig(), {setting.name: setting.value for setting in found}) == config

    def leaves(plain, prefix=""):
        for name, value in plain.items():
            if isinstance(value, dict):
                yield from leaves(value, f"{prefix}{name}.")
            else:
                yield prefix + name

    assert [setting.name for setting in found] == list(leaves(to_plain(config)))


def test_a_group_that_is_off_says_what_it_could_be():
    (off,) = [x for x in explain(DiarizationConfig()) if x.name == "overlap"]
    assert off.shown == "null" and "overlap.kind is one of: mixture, network" in off.text
