"""Names of weights."""

from pysid.embedding.renaming import renamed

PATTERNS = [(r"a\.(\w+)", r"first.\1"), (r"a\.bias", "never"), (r"b", "second")]


def test_the_first_pattern_that_fits_the_whole_name_decides():
    assert [renamed(x, PATTERNS) for x in ("a.bias", "b", "b.bias", "xa.bias")] == [
        "first.bias",
        "second",
        "b.bias",
        "xa.bias",
    ]
