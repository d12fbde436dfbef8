"""The three flavours of the original system, as settings of a training."""

from copy import deepcopy
from typing import Any

FLAVOURS: dict[str, dict[str, Any]] = {
    "stat": {"network": {"pooling": "statistics"}, "head": {"loss": "softmax"}},
    "attent": {
        "network": {"pooling": "attention", "n_heads": 5},
        "head": {"loss": "softmax"},
        "diversity_weight": 0.01,
    },
    "asoft": {"network": {"pooling": "statistics"}, "head": {"loss": "a-softmax", "margin": 2}},
}


def with_flavour(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with those of their `flavour` underneath: what is set already stays.

    >>> with_flavour({"flavour": "asoft", "head": {"margin": 3}})["head"]
    {'loss': 'a-softmax', 'margin': 3}
    """
    flavour = settings.get("flavour")
    return _merge(deepcopy(FLAVOURS.get(flavour, {})), settings) if isinstance(flavour, str) else settings


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
