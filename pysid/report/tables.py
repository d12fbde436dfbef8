"""Tables of results: cells, and rich tables as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from pysid.errors import shown

VERIFICATION = ("EER [%]", "minDCF 0.01", "minDCF 0.001")  # headings of `verification_cells`


def verification_cells(figures: Mapping[str, Any], decimals: int = 2) -> list[str]:
    """Equal error rate and minDCFs of what `pysid eval eer --json` writes.

    Args:
        decimals: of the equal error rate in %.

    >>> verification_cells({"eer": 0.03128, "min_dcf": {"0.01": 0.3258, "0.001": 0.5003}})
    ['3.13', '0.3258', '0.5003']
    """
    costs = (figures["min_dcf"][prior] for prior in ("0.01", "0.001"))
    return [f"{100 * figures['eer']:.{decimals}f}", *(f"{cost:.4f}" for cost in costs)]


def markdown(table: Table) -> str:
    """A rich table as Markdown.

    >>> table = Table("system", "EER [%]")
    >>> table.add_row("stat", "3.13")
    >>> print(markdown(table))
    | system | EER [%] |
    | --- | --- |
    | stat | 3.13 |
    """
    heading = [str(column.header) for column in table.columns]
    rows = zip(*(column.cells for column in table.columns), strict=True)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [heading, ["---"] * len(heading), *rows])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns, the first to the left, the others to the right; names from files are printable in them."""
    rows = [list(map(shown, row)) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        row[0]
        + " " * (widths[0] - cell_len(row[0]))
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def print_tables(tables: Iterable[Table], *, as_markdown: bool = False) -> None:
    """Prints tables for a terminal, or as Markdown for a README."""
    console = Console()
    for table in tables:
        if as_markdown:
            print(f"{markdown(table)}\n")
        else:
            console.print(table)
