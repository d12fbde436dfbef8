"""Tables on the terminal, in Markdown so that they can be kept, and files for other programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

WIDEST = 250  # characters; a table in a file must not be folded


def show(header: Sequence[str], rows: Sequence[Sequence[str]], n_left: int = 1) -> None:
    """Prints a table whose first `n_left` columns hold words and the others numbers."""
    table = Table(box=box.MARKDOWN)
    for position, name in enumerate(header):
        table.add_column(name, justify="left" if position < n_left else "right")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def console() -> Console:
    """The terminal, or a wide page where the output goes elsewhere."""
    terminal = Console(highlight=False, markup=False)
    return terminal if terminal.is_terminal else Console(highlight=False, markup=False, width=WIDEST)


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
