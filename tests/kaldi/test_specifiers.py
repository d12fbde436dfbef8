import pytest

from pysid.errors import DataError
from pysid.kaldi.specifiers import (
    ReadSpecifier,
    WriteSpecifier,
    input_kind,
    output_kind,
    parse_rspecifier,
    parse_wspecifier,
    split_offset,
    split_range,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ark:a.ark", ReadSpecifier("ark", "a.ark")),
        ("scp:-", ReadSpecifier("scp", "-")),
        ("scp,p:a.scp", ReadSpecifier("scp", "a.scp", permissive=True)),
        ("ark,s,cs:a:b", ReadSpecifier("ark", "a:b", is_sorted=True, called_sorted=True)),
        ("o,ark:a", ReadSpecifier("ark", "a", once=True)),
        ("ark,t,b,bg,p,np,s,ns,cs,ncs,o,no:a", ReadSpecifier("ark", "a")),
        ("ark:copy-feats ark:a ark:- |", ReadSpecifier("ark", "copy-feats ark:a ark:- |")),
        ("ark t:a", ReadSpecifier("ark", "a")),
        ("ark:", ReadSpecifier("ark", "")),
        ("a.ark", None),
        ("ark,scp:a", None),
        ("ark,ark:a", None),
        ("ark,f:a", None),
        ("t:a", None),
        ("C:a", None),
        ("ark:a ", None),
        ("", None),
    ],
)
def test_rspecifier(text, expected):
    assert parse_rspecifier(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ark:a", WriteSpecifier("a", None)),
        ("ark,t:-", WriteSpecifier("-", None, binary=False)),
        ("t,ark:| gzip -c > a.gz", WriteSpecifier("| gzip -c > a.gz", None, binary=False)),
        ("ark,scp:a,b,c", WriteSpecifier("a", "b,c")),
        ("ark,scp,f,nf,f:a,b", WriteSpecifier("a", "b", flush=True)),
        ("scp,p:a.scp", WriteSpecifier(None, "a.scp", permissive=True)),
        ("scp,ark:a,b", None),
        ("ark,scp:a", None),
        ("ark,cs:a", None),
        ("a.mat", None),
    ],
)
def test_wspecifier(text, expected):
    assert parse_wspecifier(text) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "stdin"),
        ("-", "stdin"),
        ("cat a |", "pipe"),
        ("a.ark:12", "offset"),
        ("a.ark", "file"),
        ("a1", "file"),
        ("12", "file"),
        ("a:b", "file"),
    ],
)
def test_input_kind(name, kind):
    assert input_kind(name) == kind


@pytest.mark.parametrize("name", ["|cat", " a", "a ", " cat a |", "cat a | ", "t,ark:a", "b,a", "cat a | grep b"])
def test_no_input(name):
    with pytest.raises(DataError, match="is not an input"):
        input_kind(name)


@pytest.mark.parametrize(("name", "kind"), [("", "stdout"), ("-", "stdout"), ("|cat > a", "pipe"), ("a", "file")])
def test_output_kind(name, kind):
    assert output_kind(name) == kind


@pytest.mark.parametrize("name", ["cat a |", "a:12", " a", "a ", "t,a"])
def test_no_output(name):
    with pytest.raises(DataError, match="is not an output"):
        output_kind(name)


def test_places_and_ranges():
    assert split_offset("a:b:12") == ("a:b", 12)
    assert split_offset("a:b") == ("a:b", 0)
    assert split_range("a.ark:12[0:9,:]") == ("a.ark:12", "0:9,:")
    assert split_range("a[b") == ("a[b", "")
    assert split_range("a[1][2]") == ("a[1][2]", "")
