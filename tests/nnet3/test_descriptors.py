import numpy as np
import pytest

from pysid.errors import DataError
from pysid.nnet3.descriptors import parse_descriptor

TIMES = np.arange(-3, 4)


@pytest.mark.parametrize(
    "text",
    [
        "tdnn1.affine",
        "Append(Offset(input, -2), input, Offset(input, 2))",
        "Sum(Scale(0.66, tdnn1.dropout), tdnnf2.batchnorm)",
        "Round(stats-pooling-0-10000, 1)",
        "Append(input, ReplaceIndex(ivector, t, 0))",
        "Failover(IfDefined(a), Switch(a, b, c))",
        "Sum(a, Const(1.5, 3))",
    ],
)
def test_kaldis_spelling_is_kept(text):
    assert str(parse_descriptor(text)) == text


def test_spaces_and_the_index_x_at_zero_do_not_matter():
    assert parse_descriptor(" Append( Offset(a,-1,0),ReplaceIndex(b,x,0) ) ") == parse_descriptor(
        "Append(Offset(a, -1), b)"
    )


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Offset(a, 2)", TIMES + 2),
        ("Round(a, 3)", [-3, -3, -3, 0, 0, 0, 3]),
        ("ReplaceIndex(a, t, 5)", [5] * 7),
    ],
)
def test_times_are_kaldis(text, seen):
    descriptor = parse_descriptor(text)
    np.testing.assert_array_equal(descriptor.times(TIMES), seen)
    first, last = descriptor.hull((min(seen), max(seen)))
    assert first <= -3 <= 3 <= last


def test_nodes_are_listed():
    assert list(parse_descriptor("Sum(Offset(a, 1), Append(b, Scale(2, c)), Const(1, 2))").nodes()) == [
        "a",
        "b",
        "c",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a descriptor, got 'the end'"),
        ("Sum(a", r"expected '\)', got 'the end'"),
        ("Sum(a))", r"expected the end, got '\)'"),
        ("Sum()", r"expected a descriptor, got '\)'"),
        ("Delay(a, 1)", "expected a descriptor such as Append, got 'Delay'"),
        ("Offset(a)", r"expected ',', got '\)'"),
        ("Offset(a, 1.5)", "expected an integer, got '1.5'"),
        ("Offset(a, 1, 2)", "expected no offset in x"),
        ("Round(a, 0)", "expected an integer >= 1, got '0'"),
        ("ReplaceIndex(a, x, 1)", "expected the index t, got 'x'"),
        ("Failover(a)", "expected 2 descriptors, got '1'"),
        ("Const(inf, 3)", "expected a number, got 'inf'"),
        ("Scale(a, 2)", "expected a number, got 'a'"),
        ("Sum(" * 60 + "a" + ")" * 60, "expected at most 50 levels of brackets"),
    ],
)
def test_what_is_no_descriptor_is_named(text, message):
    with pytest.raises(DataError, match=message):
        parse_descriptor(text)
