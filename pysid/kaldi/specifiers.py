"""What Kaldi's programs take for their inputs and outputs: specifiers of tables, and extended file names.

    ark:foo.ark    scp,p:foo.scp    ark,s,cs:zcat foo.gz |    a table to read
    ark,t:-        ark,scp:foo.ark,foo.scp                    a table to write
    foo.mat        foo.ark:1042[0:99,0:12]    cat foo |    -  one object to read

Source: kaldi/src/util/kaldi-table.cc, ClassifyRspecifier and ClassifyWspecifier; kaldi-io.cc,
ClassifyRxfilename and ClassifyWxfilename; kaldi-holder.cc, ExtractRangeSpecifier.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from pysid.errors import DataError

InputKind = Literal["stdin", "pipe", "offset", "file"]
OutputKind = Literal["stdout", "pipe", "file"]

_OFFSET = re.compile(r"(.*):(\d+)", re.DOTALL)
_RANGE = re.compile(r"([^\[]+)\[([^\[]+)\]", re.DOTALL)
_READ_FLAGS: dict[str, dict[str, bool]] = {
    "b": {},
    "t": {},
    "bg": {},  # a second thread: the same result
    "o": {"once": True},
    "no": {"once": False},
    "p": {"permissive": True},
    "np": {"permissive": False},
    "s": {"is_sorted": True},
    "ns": {"is_sorted": False},
    "cs": {"called_sorted": True},
    "ncs": {"called_sorted": False},
}
_WRITE_FLAGS: dict[str, dict[str, bool]] = {
    "b": {"binary": True},
    "t": {"binary": False},
    "f": {"flush": True},
    "nf": {"flush": False},
    "p": {"permissive": True},
}


@dataclass(frozen=True)
class ReadSpecifier:
    """A table to read.

    Attributes:
        kind: an archive, or a list of files.
        name: the extended file name of either.
        once: each key is asked for at most once.
        is_sorted: the keys in the table are in the order of their bytes.
        called_sorted: they are asked for in that order.
        permissive: entries that cannot be read are left out, as is the rest of an archive after an error.
    """

    kind: Literal["ark", "scp"]
    name: str
    once: bool = False
    is_sorted: bool = False
    called_sorted: bool = False
    permissive: bool = False


@dataclass(frozen=True)
class WriteSpecifier:
    """A table to write: to an archive, a list of places in it, or both; or to the files in a list.

    Attributes:
        archive, script: extended file names. A script without an archive is read: it gives the file of each key.
        binary: Kaldi's binary format.
        flush: each record is passed on at once.
        permissive: a key that a script alone does not have is left out.
    """

    archive: str | None
    script: str | None
    binary: bool = True
    flush: bool = False
    permissive: bool = False


def parse_rspecifier(text: str) -> ReadSpecifier | None:
    """The table that `text` names, None if it is not a specifier of a table to read.

    >>> parse_rspecifier("ark,s,cs:-")
    ReadSpecifier(kind='ark', name='-', once=False, is_sorted=True, called_sorted=True, permissive=False)
    >>> parse_rspecifier("final.raw")
    """
    parts = _split(text, _READ_FLAGS)
    if parts is None or parts[0] not in (["ark"], ["scp"]):
        return None
    kinds, flags, name = parts
    return ReadSpecifier("ark" if kinds == ["ark"] else "scp", name, **flags)


def parse_wspecifier(text: str) -> WriteSpecifier | None:
    """The table that `text` names, None if it is not a specifier of a table to write.

    >>> parse_wspecifier("ark,scp,t:a.ark,a.scp")
    WriteSpecifier(archive='a.ark', script='a.scp', binary=False, flush=False, permissive=False)
    """
    parts = _split(text, _WRITE_FLAGS)
    if parts is None:
        return None
    kinds, flags, name = parts
    match kinds:
        case ["ark"]:
            return WriteSpecifier(name, None, **flags)
        case ["scp"]:
            return WriteSpecifier(None, name, **flags)
        case ["ark", "scp"] if "," in name:
            archive, _, script = name.partition(",")
            return WriteSpecifier(archive, script, **flags)
        case _:
            return None


def input_kind(name: str) -> InputKind:
    """What an extended file name to read stands for.

    Raises:
        DataError: it names no input: an output pipe, blanks at its ends, a misplaced `|`, or a specifier of a table.

    >>> input_kind("a.ark:120"), input_kind("zcat a.gz |"), input_kind("-"), input_kind("a.mat")
    ('offset', 'pipe', 'stdin', 'file')
    """
    if name in ("", "-"):
        return "stdin"
    if name.endswith("|") and not name[0].isspace() and not name.startswith("|"):
        return "pipe"
    _check_name(name, "an input")
    return "offset" if _OFFSET.fullmatch(name) else "file"


def output_kind(name: str) -> OutputKind:
    """What an extended file name to write to stands for; raises as `input_kind`, and for a place in a file."""
    if name in ("", "-"):
        return "stdout"
    if name.startswith("|"):
        return "pipe"
    _check_name(name, "an output")
    if _OFFSET.fullmatch(name):
        raise DataError(f"{name!r} is not an output: nothing can be written to a place in a file")
    return "file"


def split_offset(name: str) -> tuple[str, int]:
    """The file and the byte of a name such as `foo.ark:1042`; byte 0 of another name."""
    match = _OFFSET.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 0)


def split_range(name: str) -> tuple[str, str]:
    """A name such as `foo.ark:1042[0:99]` without its range, and the range without brackets, possibly empty.

    >>> split_range("foo.ark:1042[0:99,0:12]")
    ('foo.ark:1042', '0:99,0:12')
    """
    match = _RANGE.fullmatch(name)
    return (match[1], match[2]) if match else (name, "")


def _split(text: str, known_flags: dict[str, dict[str, bool]]) -> tuple[list[str], dict[str, Any], str] | None:
    """The kinds, the flags' fields, and what follows the colon; None where a word is not known."""
    before, colon, name = text.partition(":")
    if not colon or text[-1].isspace():
        return None
    kinds: list[str] = []
    flags: dict[str, Any] = {}
    for word in re.split("[, ]", before):
        if word in ("ark", "scp"):
            kinds.append(word)
        elif word in known_flags:
            flags |= known_flags[word]
        else:
            return None
    return kinds, flags, name


def _check_name(name: str, role: str) -> None:
    if name[0].isspace() or name[-1].isspace():
        raise DataError(f"{name!r} is not {role}: white space at an end")
    if name[:2] in ("t,", "b,"):
        raise DataError(f"{name!r} is not {role}: expected the name of a file, not of a table")
    if "|" in name and not re.search(r"\d$", name):
        raise DataError(f"{name!r} is not {role}: a pipe ends in | to be read, and begins with | to be written to")
