"""The palette: seen against its background, and told apart, by normal and by colour-blind eyes."""

from itertools import combinations

import numpy as np
import pytest

from pysid.report.colours import HUES, LANE, PATTERNS, look

# Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009, table 1, severity 1.0.
EYES = {
    "normal": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Björn Ottosson, "A perceptual color space for image processing", 2020.
TO_LMS = [
    [0.41222147, 0.53633254, 0.05144599],
    [0.2119035, 0.68069955, 0.10739696],
    [0.08830246, 0.28171884, 0.6299787],
]
TO_OKLAB = [
    [0.21045426, 0.79361778, -0.00407205],
    [1.9779985, -2.42859221, 0.45059371],
    [0.0259040, 0.7827718, -0.8086758],
]


def linear(colour):
    """(3,) linear RGB of #rrggbb."""
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Source: WCAG 2.2, "contrast ratio"."""
    low, high = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def seen(colour, eyes):
    """(3,) OKLab of a colour as those eyes see it."""
    return TO_OKLAB @ np.cbrt(TO_LMS @ np.clip(EYES[eyes] @ linear(colour), 0, 1))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_stand_out_from_the_lane(mode):
    assert min(contrast(getattr(hue, mode), getattr(LANE, mode)) for hue in HUES) >= 3


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("eyes", EYES)
def test_colours_can_be_told_apart(mode, eyes):
    colours = [seen(getattr(hue, mode), eyes) for hue in HUES]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) >= 0.09


def test_the_first_speakers_all_look_different():
    n = len(HUES) * len(PATTERNS)
    assert len({look(i) for i in range(n)}) == n
    assert len({look(i).split()[0] for i in range(len(HUES))}) == len(HUES)
    assert look(n) == look(0)
