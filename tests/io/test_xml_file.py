"""XML that others wrote: what is refused, whatever its encoding."""

import pytest

from pysid.errors import DataError
from pysid.io.xml_file import read_xml

BOMB = '<?xml version="1.0" encoding="{}"?>\n<!-- a comment first --><!DOCTYPE x [<!ENTITY a "bb">]><x>&a;</x>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_a_document_type_is_refused_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "a.xml"
    path.write_bytes(BOMB.format(encoding).encode(encoding))
    with pytest.raises(DataError, match=r"a.xml: expected plain XML, got one with a document type of its own$"):
        read_xml(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_plain_xml_is_read_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "a.xml"
    text = f'<?xml version="1.0" encoding="{encoding}"?><x name="Zoë">&lt;!DOCTYPE</x>'
    path.write_bytes(text.encode(encoding))
    root = read_xml(path)
    assert root.tag == "x" and root.get("name") == "Zoë" and root.text == "<!DOCTYPE"


@pytest.mark.parametrize(("content", "message"), [
    (b"", "expected XML, got something else: no element found"),
    (b"\x00\x01", "expected XML, got something else"),
    (b"<x>", "expected XML, got something else"),
    (b'<?xml version="1.0" encoding="shift_jis"?><x/>', "expected XML, got something else: multi-byte encodings"),
])  # fmt: skip
def test_what_is_no_xml_is_one_line(tmp_path, content, message):
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_xml(path)
    with pytest.raises(DataError, match=r"gone\.xml"):
        read_xml(tmp_path / "gone.xml")
