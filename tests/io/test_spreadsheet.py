"""Names that spreadsheets would run as formulas."""

import pytest

from pysid.io.spreadsheet import cell, text_of

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "＝1", "- Good morning"]  # noqa: RUF001


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text_and_is_read_back(text):
    for written in (text, f"'{text}", f"''{text}"):
        assert cell(written) == f"'{written}"
        assert text_of(cell(written)) == written


@pytest.mark.parametrize("text", ["", "anna", "'", "'t Hooft", "a=b", "anna-maria", "''", "5 - 3"])
def test_other_text_stays_as_it_is(text):
    assert cell(text) == text == text_of(text)
