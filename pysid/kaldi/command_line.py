"""Options of Kaldi's programs: `--name=value` before the other arguments.

Unlike in usual parsers, a value always follows `=`; `_` is `-` and case does not matter; a switch is turned off by
`--name=false`; nothing after the first other argument is an option. Source: kaldi/src/util/parse-options.cc.
"""

import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pysid.errors import DataError
from pysid.io.kaldi.options import read_option_file
from pysid.io.text import shorten
from pysid.kaldi.log import six_digits
from pysid.kaldi.streams import escape

Value = bool | int | float | str


@dataclass(frozen=True)
class Option:
    """An option of a program.

    Attributes:
        name: with dashes.
        default: Kaldi's default; its type is that of the option.
        text: what it does, in one line.
        supported: whether pysid can do anything other than the default.
    """

    name: str
    default: Value
    text: str
    supported: bool = True


STANDARD_OPTIONS = (
    Option("config", "", "Configuration file to read (this option may be repeated)"),
    Option("help", False, "Print out usage message"),
    Option("print-args", True, "Print the command line arguments (to stderr)"),
    Option("verbose", 0, "Verbose level (higher->more logging)"),
)


@dataclass
class CommandLine:
    """A parsed command line.

    Attributes:
        options: the value of every option by name, float32 values as Python floats.
        given: the text of those that were given, also in a configuration file.
        arguments: the other arguments.
    """

    options: dict[str, Any]
    given: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)


class WrongUsage(DataError):
    """The command line is wrong in a way that calls for the usage message before the error."""


def parse(words: Sequence[str], options: Iterable[Option]) -> CommandLine:
    """Reads a command line.

    Args:
        words: without the program's name.
        options: those of the program, without the standard ones.
    Raises:
        WrongUsage: an option that is not known, or a value that is not of its type.
        DataError: an option that is not supported, a configuration file that cannot be read, or a value missing.

    >>> line = parse(["--dim=16", "ark:a.ark", "--b"], [Option("dim", 100, "dimension")])
    >>> line.options["dim"], line.arguments
    (16, ['ark:a.ark', '--b'])
    """
    known = {option.name: option for option in (*options, *STANDARD_OPTIONS)}
    line = CommandLine({name: option.default for name, option in known.items()})
    options_end = words.index("--") if "--" in words else len(words)
    for word in words[:options_end]:
        if word.startswith("--"):
            name, _, value = _split(word)
            if name == "config":
                for key, text in read_option_file(value).items():
                    _set(line, known, key, True, text, f"--{key} in the configuration file {value}")
            elif name == "help":
                line.options["help"] = True
                return line
    position = 0
    while position < len(words) and words[position].startswith("--") and words[position] != "--":
        word = words[position]
        _set(line, known, *_split(word), word)
        position += 1
    line.arguments = list(words[position:])
    if "--" in line.arguments:
        line.arguments.remove("--")
    return line


def usage(text: str, options: Iterable[Option]) -> str:
    """The message that `--help` prints.

    >>> print(usage("Usage: copy-it [options] <in> <out>", [Option("binary", True, "Write binary")]).split("\\n\\n")[1])
    Options:
      --binary                    : Write binary (bool, default = true)
    """
    own = "".join(_describe(option) for option in sorted(options, key=lambda option: option.name))
    standard = "".join(_describe(option) for option in STANDARD_OPTIONS)
    parts = [text.strip(), "Options:\n" + own.rstrip("\n") if own else "", "Standard options:\n" + standard]
    return "\n" + "\n\n".join(part for part in parts if part)


def print_arguments(program: str, words: Sequence[str]) -> None:
    """Writes the command line to standard error, in a form that can be pasted into a shell."""
    print("".join(f"{escape(word)} " for word in (program, *words)), file=sys.stderr, flush=True)


def _split(word: str) -> tuple[str, bool, str]:
    """The normalised name, whether there is `=`, and the value."""
    name, equals, value = word.removeprefix("--").partition("=")
    if not name:
        raise WrongUsage(f"Invalid option (no key): {word}")
    return name.replace("_", "-").lower(), bool(equals), value.strip()


def _set(line: CommandLine, known: dict[str, Option], name: str, has_value: bool, text: str, word: str) -> None:
    option = known.get(name)
    if option is None:
        raise WrongUsage(f"Invalid option {word}")
    value = _convert(option, has_value, text)
    if not option.supported and value != option.default:
        raise DataError(f"--{option.name} is not supported by pysid; leave it out")
    line.options[name] = value
    line.given[name] = text if has_value else "true"


def _convert(option: Option, has_value: bool, text: str) -> Value:
    match option.default:
        case bool():
            return _boolean(option, has_value, text)
        case int():
            return _integer(option, text)
        case float():
            return _float(option, text)
        case _:
            if not has_value:
                raise DataError(f"Invalid option --{option.name} (option format is --x=y).")
            return text


def _boolean(option: Option, has_value: bool, text: str) -> bool:
    if has_value and not text:
        raise DataError(f"Invalid option --{option.name}=")
    lower = text.lower()
    if lower in ("true", "t", "1", ""):
        return True
    if lower in ("false", "f", "0"):
        return False
    raise WrongUsage(f"Invalid format for boolean argument [expected true or false]: {shorten(text)}")


def _integer(option: Option, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 2**31
    if not -(2**31) <= value < 2**31:
        raise WrongUsage(f"--{option.name}: Invalid integer option {shorten(text)}")
    return value


def _float(option: Option, text: str) -> float:
    """Kaldi's options are float32."""
    try:
        return float(struct.unpack("f", struct.pack("f", float(text)))[0])
    except (ValueError, OverflowError):
        raise WrongUsage(f"--{option.name}: Invalid floating-point option {shorten(text)}") from None


def _describe(option: Option) -> str:
    match option.default:
        case bool():
            kind = f"bool, default = {str(option.default).lower()}"
        case int():
            kind = f"int, default = {option.default}"
        case float():
            kind = f"float, default = {six_digits(option.default)}"
        case _:
            kind = f'string, default = "{option.default}"'
    refused = "" if option.supported else "; not supported by pysid"
    return f"  --{option.name:<25} : {option.text} ({kind}{refused})\n"
