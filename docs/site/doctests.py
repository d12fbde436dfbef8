"""An extension of griffe, which reads docstrings for mkdocstrings: doctests become blocks of code.

In Markdown `>>>` would be three quotations, one in the other.
"""

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$)(?P=indent).*)*", re.MULTILINE)


def fenced(text: str) -> str:
    """The text with each doctest between fences, at its own indentation."""
    return DOCTEST.sub(lambda match: f"{match['indent']}```pycon\n{match[0]}\n{match['indent']}```", text)


class Doctests(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
