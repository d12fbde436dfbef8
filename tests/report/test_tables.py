"""Tables of results for a terminal and for a README."""

from rich.table import Table

from pysid.report.tables import aligned, markdown, print_tables, verification_cells

FIGURES = {"eer": 0.031284, "min_dcf": {"0.01": 0.32581, "0.001": 1.0}}


def table():
    made = Table("system", "EER [%]")
    made.add_row("stat", "3.13")
    return made


def test_rates_become_per_cent_and_costs_keep_four_digits():
    assert verification_cells(FIGURES) == ["3.13", "0.3258", "1.0000"]
    assert verification_cells(FIGURES, decimals=3)[0] == "3.128"


def test_markdown_has_a_row_for_each_and_a_rule_below_the_heading():
    assert markdown(table()).splitlines() == ["| system | EER [%] |", "| --- | --- |", "| stat | 3.13 |"]


def test_columns_line_up_by_what_a_terminal_shows():
    assert aligned([["name", "n"], ["李", "10"]]) == ["name   n", "李    10"]


def test_tables_are_printed_in_the_form_that_is_asked_for(capsys):
    print_tables([table(), table()], as_markdown=True)
    assert capsys.readouterr().out == f"{markdown(table())}\n\n" * 2
    print_tables([table()])
    shown = capsys.readouterr().out
    assert "stat" in shown and "| --- |" not in shown
