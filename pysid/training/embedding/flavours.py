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
    return merged(deepcopy(FLAVOURS.get(flavour, {})), settings) if isinstance(flavour, str) else settings


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Nested settings with others underneath, of which none goes into a group of another kind.

    >>> merged({"head": {"loss": "softmax", "margin": 2}}, {"head": {"margin": 3}})
    {'head': {'loss': 'softmax', 'margin': 3}}
    >>> merged({"vad": {"kind": "energy", "frames_context": 2}}, {"vad": {"kind": "webrtc"}})
    {'vad': {'kind': 'webrtc'}}
    """
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            is_other = "kind" in old and value.get("kind", old["kind"]) != old["kind"]
            result[key] = value if is_other else merged(old, value)
        else:
            result[key] = value
    return result
