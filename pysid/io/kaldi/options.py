"""Kaldi's option files: one `--name=value` a line, as programs take them with `--config`.

Source: kaldi/src/util/parse-options.cc, ParseOptions::ReadConfigFile.
"""

from collections.abc import Mapping

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes
from pysid.io.text import shorten, write_lines


def read_option_file(path: PathLike) -> dict[str, str]:
    """The options in a file, by name.

    `#` starts a comment. As in Kaldi, underscores and capitals in a name do not matter (`--Num_ceps` is
    `num-ceps`), a switch without a value is "true", and where an option is given twice the later one counts.

    Raises:
        DataError: the file cannot be read, or a line is not an option; with file and line.
    """
    return parse_option_file(read_bytes(path).decode("utf-8", "replace"), str(path))


def parse_option_file(text: str, name: str) -> dict[str, str]:
    """`read_option_file` of a text; `name` is what to call it in a message.

    >>> parse_option_file("--num-ceps=30  # as in the recipe\\n--snip-edges=false", "mfcc.conf")
    {'num-ceps': '30', 'snip-edges': 'false'}
    >>> parse_option_file("num-ceps=30", "mfcc.conf")
    Traceback (most recent call last):
    pysid.errors.DataError: mfcc.conf:1: expected '--option=value', got 'num-ceps=30'
    """
    options = {}
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        option, equals, value = content.removeprefix("--").partition("=")
        if not content.startswith("--") or not option or " " in option:
            raise DataError(f"{name}:{number}: expected '--option=value', got {shorten(content)}")
        options[option.replace("_", "-").lower()] = value.strip() if equals else "true"
    return options


def write_option_file(path: PathLike, options: Mapping[str, str]) -> None:
    """Writes options as `read_option_file` reads them."""
    write_lines(path, [f"--{name}={value}" for name, value in options.items()])
