"""The colours of speakers on the page: seven hues, then the same hues again under another pattern."""

from typing import NamedTuple

PATTERNS = ("plain", "stripes", "dots", "bars")


class Hue(NamedTuple):
    """One colour, as #rrggbb, for light and for dark pages."""

    light: str
    dark: str


# Chosen by a search over OKLab, so that any two differ by at least 0.09 there to normal eyes and to those without
# one kind of cone (Machado et al., IEEE TVCG 15, 2009), and stand out from the lanes by a contrast of 3:1 (WCAG 2.2).
HUES = (
    Hue("#0072b2", "#4ea8e0"),  # blue
    Hue("#d55e00", "#f0803c"),  # orange
    Hue("#395e21", "#31e1a7"),  # green
    Hue("#a167f1", "#7662ed"),  # violet
    Hue("#af0e6e", "#c84487"),  # magenta
    Hue("#1b179c", "#bfd5fd"),  # navy, sky
    Hue("#56243c", "#ebcd38"),  # wine, gold
)
LANE = Hue("#eef0f4", "#1b1f27")  # what they lie on


def look(index: int) -> str:
    """The CSS classes of the speaker that is `index`-th, from 0: the first 28 all look different.

    >>> look(0), look(8)
    ('hue-0 plain', 'hue-1 stripes')
    """
    return f"hue-{index % len(HUES)} {PATTERNS[index // len(HUES) % len(PATTERNS)]}"
