"""Punctuation marks of several scripts."""

# ruff: noqa: RUF001  these look like others, and are meant

ENDS = ".?!…。！？．"  # of a sentence
CLOSING = "\"'”’»)]}」』）】》"  # that may follow them
COMMAS = ",;:，、；："
DASHES = "—–-"
OPENING = frozenset("([{<¿¡«‹“‘„‚「『（【《〈" + DASHES)  # a word of nothing else belongs to the next one
ABBREVIATIONS = frozenset(
    (
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "vs",
        "jr",
        "sr",
        "no",
        "etc",
        "e.g",
        "i.e",
        "bzw",
        "z.b",
        "d.h",
        "sra",
        "mme",
    )
)
