"""XML files that others wrote, and text in those that pysid writes."""

import re
from contextlib import suppress
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes

MAX_BYTES = 1 << 28
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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


def in_xml(text: str) -> str:
    r"""A text with a sign for each character that XML cannot hold.

    >>> in_xml("bell\x07") == "bell\N{REPLACEMENT CHARACTER}"
    True
    """
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def xml_text(text: str) -> str:
    """What is written of a text between tags.

    >>> xml_text("Q & A")
    'Q &amp; A'
    """
    return escape(in_xml(text))


def xml_attribute(text: str) -> str:
    """What is written of a text as the value of an attribute, its quotes included.

    >>> xml_attribute("Q & A")
    '"Q &amp; A"'
    """
    return quoteattr(in_xml(text))


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
