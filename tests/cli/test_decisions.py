"""What commands that decide have in common: points of decision, figures, and what was left out."""

import pytest
import typer

from pysid.cli.decisions import figures, finish, operating_point, point_values
from pysid.errors import DataError, Skipped
from pysid.speakers.identify import Candidate


def test_options_become_a_point_and_its_ratio_is_told():
    told = point_values(operating_point(0.1, 10.0, 1.0, None))["operating_point"]
    assert (told["p_target"], told["c_miss"], told["c_fa"], told["threshold"]) == (0.1, 10.0, 1.0, None)
    assert told["llr_threshold"] == pytest.approx(-0.105, abs=1e-3)  # ln(0.9 / (0.1 * 10))
    fixed = point_values(operating_point(0.1, 1.0, 1.0, 3.5))["operating_point"]
    assert (fixed["threshold"], fixed["llr_threshold"]) == (3.5, None)


@pytest.mark.parametrize(
    ("prior", "c_miss", "message"), [(1.5, 1.0, "prior must"), (0.5, -1.0, "c_miss"), (0.0, 1.0, "prior must")]
)
def test_what_is_out_of_range_is_wrong_usage(prior, c_miss, message):
    with pytest.raises(typer.BadParameter, match=message):
        operating_point(prior, c_miss, 1.0, None)


@pytest.mark.parametrize("costs", [(10.0, 1.0), (1.0, 0.1)])
def test_a_threshold_leaves_nothing_to_costs(costs):
    with pytest.raises(typer.BadParameter, match="give a threshold, or --c-miss and --c-fa"):
        operating_point(0.1, *costs, 3.5)


def test_figures_of_a_candidate():
    assert "3.21" in figures(Candidate("anna", 3.214, None, None))
    both = figures(Candidate("anna", 3.214, 1.5, 0.82))
    assert "3.21" in both and "82" in both


def test_one_recording_that_cannot_be_read_is_the_error_and_some_of_several_are_a_list(capfd):
    skipped = Skipped()
    finish(skipped, 3)  # nothing was left out
    skipped.add("a.wav", "expected speech, found none")
    with pytest.raises(DataError, match=r"^a\.wav: expected speech, found none$"):
        finish(skipped, 1)
    again = Skipped()
    again.add("a.wav", "expected speech, found none")
    with pytest.raises(typer.Exit) as caught:
        finish(again, 3)
    assert caught.value.exit_code == 1
