"""Ranges of settings."""

from math import inf, nan

import pytest

from pysid.ranges import check_levels, check_range


@pytest.mark.parametrize(
    "value", [(3.0, 1.0), (-1.0, 2.0), (1.0, 11.0), (-inf, 2.0), (1.0, inf), (nan, 2.0), (1.0, nan)]
)
def test_impossible_ranges(value):
    message = rf"speed must be a lowest and a highest number within \[0, 10\], got {value[0]} and {value[1]}$"
    with pytest.raises(ValueError, match=message):
        check_range("speed", value, 0.0, 10.0)


def test_levels():
    check_range("speed", (0.0, 10.0), 0.0, 10.0)
    check_levels(gain_db=(-200.0, -200.0), noise_db=(0.0, 200.0))
    with pytest.raises(ValueError, match=r"noise_db must be .* within \[-200, 200\], got -inf and 5"):
        check_levels(gain_db=(0.0, 0.0), noise_db=(-inf, 5.0))
