"""Ranges in settings: a lowest and a highest number, between which one is drawn."""

MOST_DB = 200.0  # of differences in level: more than any recording holds, less than would overflow


def check_range(name: str, value: tuple[float, float], lowest: float, highest: float) -> None:
    """Refuses a range that is upside down, or reaches beyond what makes sense.

    Args:
        name: of the setting, for the message.
        value: its lowest and its highest number.
        lowest, highest: what they have to lie within; finite.
    Raises:
        ValueError: with what was expected and what came.

    >>> check_range("peak_db", (-6.0, 6.0), -60.0, 0.0)
    Traceback (most recent call last):
    ValueError: peak_db must be a lowest and a highest number within [-60, 0], got -6.0 and 6.0
    """
    low, high = value
    if not lowest <= low <= high <= highest:
        within = f"[{lowest:g}, {highest:g}]"
        raise ValueError(f"{name} must be a lowest and a highest number within {within}, got {low} and {high}")


def check_levels(**levels_db: tuple[float, float]) -> None:
    """Likewise for ranges of differences in level, by their names, in dB."""
    for name, value in levels_db.items():
        check_range(name, value, -MOST_DB, MOST_DB)
