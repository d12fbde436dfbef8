"""XML files that others wrote."""

from contextlib import suppress
from xml.etree import ElementTree
from xml.parsers import expat

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes

MAX_BYTES = 1 << 28


def read_xml(path: PathLike) -> ElementTree.Element:
    """The root of an XML file.

    A document type of its own is refused, whatever the encoding: entities that it declares may grow a thousandfold.

    Raises:
        DataError: the file cannot be read, is larger than `MAX_BYTES`, or no such XML.
    """
    content = read_bytes(path, MAX_BYTES)
    if _declares_a_type(content):
        raise DataError(f"{path}: expected plain XML, got one with a document type of its own")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: of encodings
        raise DataError(f"{path}: expected XML, got something else: {error}") from None


class _Found(Exception):
    """What comes first: a document type or an element."""


def _declares_a_type(content: bytes) -> bool:
    def found(what: bool) -> None:
        raise _Found(what)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: found(True)
    parser.StartElementHandler = lambda *_: found(False)
    try:
        with suppress(expat.ExpatError, LookupError, ValueError):  # told of by whoever reads all of it
            parser.Parse(content, True)
    except _Found as what:
        return bool(what.args[0])
    return False
