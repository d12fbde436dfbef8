"""Names of weights, from those of one toolkit to those of another."""

import re
from collections.abc import Iterable


def renamed(name: str, patterns: Iterable[tuple[str, str]]) -> str:
    """The replacement by the first pattern that fits the whole name; the name itself where none does.

    >>> renamed("layer3.bias", [(r"layer(\\d)\\.(\\w+)", r"blocks.\\1.\\2")])
    'blocks.3.bias'
    """
    return next((re.sub(a, b, name) for a, b in patterns if re.fullmatch(a, name)), name)
