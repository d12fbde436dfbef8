"""Who speaks when, in blocks and colours on a terminal: of a whole recording, and window by window.

The functions give something that rich prints. It leaves out colours where they are not wanted (a file, NO_COLOR); an
output that is not UTF-8 gets plain ASCII.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, groupby

import numpy as np
from numpy.typing import ArrayLike
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions
from rich.text import Text
from scipy.optimize import linear_sum_assignment

from pysid.io.turns.cues import by_speaker
from pysid.metrics.diarization import ErrorPiece, speaker_mapping
from pysid.segments import Segment, Turn

STYLES = ("cyan", "yellow", "magenta", "green", "blue", "red", "bright_cyan", "bright_yellow", "bright_magenta")
QUIET = "bright_black"
KINDS = (("M", "missed", "yellow"), ("F", "false_alarm", "magenta"), ("C", "confusion", "red"))
LEVELS = "·░▒▓█"  # how much of a column is speech: nothing, up to a quarter, ..., more than three quarters
ASCII_LEVELS = ".:+*#"
COLUMN_S = (0.25, 0.5, 1, 2, 5, 10, 15, 30, 60)  # that a column may stand for; beyond these, whole minutes
MAX_BANDS = 8
TICK_COLUMNS = 12
MAX_NAME = 16  # columns
MIN_COLUMNS = 20
SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NO_SYMBOL_LEFT = "+"


def render_timeline(
    turns: Sequence[Turn],
    duration_s: float,
    reference: Sequence[Turn] | None = None,
    errors: Sequence[ErrorPiece] | None = None,
    width: int | None = None,
) -> "Timeline":
    """A recording from left to right, a line for each speaker; a long one in up to 8 bands below one another.

    A band leaves out those who say nothing in it. A speaker of the reference has the colour of the one who is the
    same.

    Args:
        duration_s: of the recording, above 0.
        reference: who really speaks when, shown below.
        errors: what `pysid.metrics.diarization.error_pieces` makes of the two; a line with a letter for the kind of
            error that takes most of a column, small where that is less than half of it.
        width: columns of the terminal, where rich is not to find out.
    Raises:
        ValueError: the duration is not a positive number.

    >>> turns = [Turn(Segment(0.0, 2.0), "anna"), Turn(Segment(1.9, 4.0), "ben")]
    >>> Console(width=40, color_system=None).print(render_timeline(turns, 5.0))
         |0:00       |0:03
    anna ████████············
    ben  ·······▒████████····
    <BLANKLINE>
    a column is 0.25 s
    """
    if not 0 < duration_s < math.inf:
        raise ValueError(f"a timeline needs a duration above 0 s, got {duration_s}")
    return Timeline(turns, duration_s, reference, errors, width)


def print_timeline(
    turns: Sequence[Turn],
    duration_s: float,
    reference: Sequence[Turn] | None = None,
    errors: Sequence[ErrorPiece] | None = None,
    console: Console | None = None,
) -> None:
    """Prints what `render_timeline` gives, to standard output where no console is given.

    Args:
        turns: what was found.
        duration_s: length of the recording.
        reference: the truth, below.
        errors: where the two differ.
        console: of rich.
    """
    (console or Console()).print(render_timeline(turns, duration_s, reference, errors))


def compare_labels(reference: ArrayLike, hypothesis: ArrayLike, width: int | None = None) -> "LabelComparison":
    """The speaker of each window, the true one above the one that was found, and a mark where they differ.

    Each speaker is a digit or a letter, 0 the first to speak in the reference. Labels of the hypothesis are paired
    with those of the reference so that as many windows as possible agree; the others get letters of their own.

    Args:
        reference, hypothesis: (N,) labels of any kind, not necessarily the same kind.
        width: columns of the terminal, where rich is not to find out.
    Raises:
        ValueError: they are not two sequences of one length.

    >>> Console(width=40, color_system=None).print(compare_labels(["a", "a", "b", "b", "c"], [1, 1, 0, 1, 2]))
    reference  00112
    hypothesis 00102
                  ^
    <BLANKLINE>
    4 of 5 windows are right (80.0%)
    """
    true, found = np.asarray(reference), np.asarray(hypothesis)
    if true.ndim != 1 or true.shape != found.shape:
        raise ValueError(f"expected a label of either kind for each window, got shapes {true.shape} and {found.shape}")
    true, found = _numbered(true), _numbered(found)
    return LabelComparison(true, _paired(true, found), width)


@dataclass(frozen=True)
class Timeline:
    """What `render_timeline` gives, for rich to print."""

    turns: Sequence[Turn]
    duration_s: float
    reference: Sequence[Turn] | None
    errors: Sequence[ErrorPiece] | None
    width: int | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        rows = self._rows(ASCII_LEVELS if options.ascii_only else LEVELS)
        names = [_on_a_terminal(row.name, options) for row in rows]
        width = self.width or options.max_width
        label_width = min(max(map(cell_len, names), default=0), MAX_NAME, width // 3) + 1
        n_columns = max((width - label_width) // TICK_COLUMNS, 1) * TICK_COLUMNS
        column_s = _column_s(self.duration_s, n_columns)
        edges = column_s * np.arange(math.ceil(self.duration_s / column_s) + 1)
        for start in range(0, len(edges) - 1, n_columns):
            band = edges[start : start + n_columns + 1]
            yield _line("", label_width, Text(_axis(band), QUIET))
            for name, row in zip(names, rows, strict=True):
                cells = row.cells(band)
                if any(style != QUIET for _, style in cells):
                    yield _line(name, label_width, _text(cells))
            yield Text()
        yield Text(f"a column is {column_s:g} s", QUIET)
        if self.errors is not None:
            yield Text("M missed, F false alarm, C confusion; small: less than half of the column", QUIET)

    def _rows(self, levels: str) -> "list[SpeakerRow | ErrorRow]":
        styles = dict(zip(by_speaker(self.turns), cycle(STYLES)))
        rows: list[SpeakerRow | ErrorRow] = [
            SpeakerRow(name, segments, styles[name], levels) for name, segments in by_speaker(self.turns).items()
        ]
        same = speaker_mapping(self.reference, self.turns) if self.reference and self.turns else {}
        style_of = {true: styles[name] for name, true in same.items()}
        rows += [
            SpeakerRow(f"ref {name}", segments, style_of.get(name, "white"), levels)
            for name, segments in by_speaker(self.reference or ()).items()
        ]
        return rows if self.errors is None else [*rows, ErrorRow(self.errors, levels[0])]


Cell = tuple[str, str]  # a character and its style


@dataclass(frozen=True)
class SpeakerRow:
    """When one speaker talks: `segments` in order, apart from each other."""

    name: str
    segments: Sequence[Segment]
    style: str
    levels: str

    def cells(self, edges: np.ndarray) -> list[Cell]:
        """One for each column between two of `edges`, in seconds."""
        filled = np.ceil((len(self.levels) - 1) * _covered(self.segments, edges) - 1e-6).astype(int)
        return [(self.levels[level], self.style if level else QUIET) for level in filled]


@dataclass(frozen=True)
class ErrorRow:
    """The kind of error that takes most of a column."""

    errors: Sequence[ErrorPiece]
    none: str
    name: str = "errors"

    def cells(self, edges: np.ndarray) -> list[Cell]:
        """As those of `SpeakerRow`."""
        covered = np.stack(
            [_covered([e.segment for e in self.errors if getattr(e, kind)], edges) for _, kind, _ in KINDS]
        )
        return [self._cell(int(most), share) for most, share in zip(covered.argmax(0), covered.max(0), strict=True)]

    def _cell(self, kind: int, share: float) -> Cell:
        letter, _, style = KINDS[kind]
        return (letter if share >= 0.5 else letter.lower(), style) if share > 0 else (self.none, QUIET)


@dataclass(frozen=True, eq=False)
class LabelComparison:
    """What `compare_labels` gives, for rich to print: labels (N,) counted from 0, those of a pair the same."""

    reference: np.ndarray
    hypothesis: np.ndarray
    width: int | None = None

    @property
    def right(self) -> np.ndarray:
        """(N,) bool."""
        return np.asarray(self.reference == self.hypothesis)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        label_width = len("hypothesis ")
        n_columns = max((self.width or options.max_width) - label_width, MIN_COLUMNS)
        for start in range(0, len(self.right), n_columns):
            part = slice(start, start + n_columns)
            right = self.right[part]
            yield _line("reference", label_width, _label_text(self.reference[part], right | True))
            yield _line("hypothesis", label_width, _label_text(self.hypothesis[part], right))
            if not right.all():
                marks = "".join(" " if is_right else "^" for is_right in right).rstrip()
                yield _line("", label_width, Text(marks, "bold red"))
            yield Text()
        share = f" ({100 * self.right.mean():.1f}%)" if len(self.right) else ""
        yield Text(f"{self.right.sum()} of {len(self.right)} windows are right{share}")


def _text(cells: Iterable[Cell]) -> Text:
    runs = groupby(cells, key=lambda cell: cell[1])
    return Text.assemble(*(("".join(character for character, _ in run), style) for style, run in runs))


def _line(name: str, label_width: int, text: Text) -> Text:
    return Text(set_cell_size(name, label_width - 1) + " ", no_wrap=True, overflow="crop").append_text(text)


def _axis(edges: np.ndarray) -> str:
    """Bars at the starts of some columns, each with its time, where there is room for that."""
    n_columns = len(edges) - 1
    ticks = [(f"|{_clock(edges[at])}", at) for at in range(0, n_columns, TICK_COLUMNS)]
    return "".join((tick if at + len(tick) <= n_columns else "|").ljust(TICK_COLUMNS) for tick, at in ticks).rstrip()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _column_s(duration_s: float, n_columns: int) -> float:
    """The fewest seconds a column may stand for, so that the bands are not too many."""
    least = duration_s / (MAX_BANDS * n_columns)
    return next((seconds for seconds in COLUMN_S if seconds >= least), 60 * math.ceil(least / 60))


def _covered(segments: Sequence[Segment], edges: np.ndarray) -> np.ndarray:
    """The share of the time between each two edges that lies in segments, which are in order and do not overlap."""
    if not segments:
        return np.zeros(len(edges) - 1)
    knots = np.array([time for segment in segments for time in (segment.start_s, segment.end_s)])
    so_far = np.repeat(np.cumsum([0.0, *(segment.duration_s for segment in segments)]), 2)[1:-1]
    return np.asarray(np.diff(np.interp(edges, knots, so_far)) / np.diff(edges))


def _on_a_terminal(name: str, options: ConsoleOptions) -> str:
    """A name that does nothing but be shown."""
    shown = "".join(character if character.isprintable() else "?" for character in name)
    return shown.encode("ascii", "replace").decode() if options.ascii_only else shown


def _numbered(labels: np.ndarray) -> np.ndarray:
    """(N,) numbers of the labels, from 0, in the order in which they come."""
    number: dict[object, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels.tolist()], dtype=np.int64)


def _paired(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """`found` (N,) under the numbers of `true`, as far as they have windows in common; the others count on."""
    n_true, n_found = (int(labels.max(initial=-1)) + 1 for labels in (true, found))
    shared = np.zeros((n_found, n_true), dtype=np.int64)
    np.add.at(shared, (found, true), 1)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    pair = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if shared[row, column]}
    rest = count(n_true)
    number = [pair[label] if label in pair else next(rest) for label in range(n_found)]
    return np.array(number, dtype=np.int64)[found]


def _label_text(labels: np.ndarray, right: np.ndarray) -> Text:
    symbols = (SYMBOLS[label] if label < len(SYMBOLS) else NO_SYMBOL_LEFT for label in labels)
    styles = (STYLES[label % len(STYLES)] for label in labels)
    return _text(
        (symbol, style if is_right else f"{style} reverse")
        for symbol, style, is_right in zip(symbols, styles, right, strict=True)
    )
