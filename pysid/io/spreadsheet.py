"""Text in tables for spreadsheets, which take what begins with "=", "+", "-" or "@" for a formula and run it.

So a name or a text of that kind has an apostrophe before it, and so has one with an apostrophe before such a sign, so
that reading gives back what was written. Times are numbers of pysid's own and stay as they are.

Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

# Signs of full width are taken for the narrow ones in some languages, and white space before any of them is dropped.
_FORMULA = re.compile(r"'*\s*[=+\-@＝＋－＠]")  # noqa: RUF001


def cell(text: str) -> str:
    """A field that no spreadsheet takes for a formula.

    >>> cell("=1+1"), cell("anna"), cell("'+")
    ("'=1+1", 'anna', "''+")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def text_of(field: str) -> str:
    """The text that a field was made of by `cell`; of other fields, themselves.

    >>> text_of("'=1+1"), text_of("'t Hooft"), text_of("=1+1")
    ('=1+1', "'t Hooft", '=1+1')
    """
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field
