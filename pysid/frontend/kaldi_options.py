"""Options of Kaldi's feature programs: the strings of `--name=value`, checked and converted."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KaldiOption:
    """How the value of one Kaldi option is read.

    parse: string to value; raises ValueError with what it expected.
    field: the configuration field it sets; None for an option that changes no result here.
    only: where given, the one value that is supported.
    """

    parse: Callable[[str], Any]
    field: str | None = None
    only: Any = None


def parse_options(options: Mapping[str, str], table: Mapping[str, KaldiOption]) -> dict[str, Any]:
    """Values of the configuration fields that Kaldi options set.

    Args:
        options: name to value, such as {"num-mel-bins": "30"}. As in Kaldi, case does not count in a name and
            "_" is the same as "-".
        table: the options that are known.
    Raises:
        ValueError: an unknown name, a value of the wrong type, or one that is not supported; names it.

    >>> parse_options({"num_mel_bins": "30"}, {"num-mel-bins": KaldiOption(whole_number, "n_mels")})
    {'n_mels': 30}
    """
    values = {}
    for given, text in options.items():
        name = given.lower().replace("_", "-")
        if name not in table:
            close = difflib.get_close_matches(name, table, n=1)
            hint = f"; did you mean --{close[0]}?" if close else ""
            raise ValueError(f"unknown option --{given}{hint}")
        option = table[name]
        try:
            value = option.parse(str(text))
        except ValueError as error:
            raise ValueError(f"--{name}={text}: expected {error}") from None
        if option.only is not None and value != option.only:
            raise ValueError(f"--{name}={text} is not supported: only {option.only} is")
        if option.field is not None:
            values[option.field] = value
    return values


def boolean(text: str) -> bool:
    """Kaldi's booleans; `--name` alone, an empty value, means true (util/parse-options.cc, ToBool)."""
    if text.lower() in ("true", "t", "1", ""):
        return True
    if text.lower() in ("false", "f", "0"):
        return False
    raise ValueError("true or false")


def whole_number(text: str) -> int:
    """A decimal integer."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("a number")
    return value


def whole_hz(text: str) -> int:
    """A sampling rate; Kaldi reads a float, as in "16000.0"."""
    value = number(text)
    if value != int(value):
        raise ValueError("a whole number of Hz")
    return int(value)
