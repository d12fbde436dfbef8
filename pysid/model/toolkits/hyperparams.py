"""SpeechBrain's `hyperparams.yaml` as plain values. Its tags name Python classes; none of them is ever called.

Source: HyperPyYAML, hyperpyyaml/core.py.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from pysid.errors import DataError, one_line

CLASS = "!"  # the key under which a group of settings has the name of its class
_DEEPEST = 20  # references within references


class _Loader(yaml.SafeLoader):
    """Plain YAML; a tagged node becomes its settings with the tag beside them, a reference its text."""


def _tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    kind, _, name = tag.partition(":")
    if isinstance(node, yaml.MappingNode):
        return {CLASS: name, **loader.construct_mapping(node, deep=True)}
    if isinstance(node, yaml.SequenceNode):
        return {CLASS: name, "": loader.construct_sequence(node, deep=True)}
    text = loader.construct_scalar(node)  # type: ignore[arg-type]
    return text if kind in ("ref", "copy") else {CLASS: name, "": text}


_Loader.add_multi_constructor("!", _tagged)


def read_hyperparams(path: Path) -> dict[str, Any]:
    """The settings, with references to others of them filled in; a class's name is under the key "!".

    Raises:
        DataError: the file is missing or is not such YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.load(text, _Loader)  # of SafeLoader's kind
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected SpeechBrain's YAML, got: {one_line(error)}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path}: expected 'key: value' lines, got {type(values).__name__}")
    return {str(key): _resolved(value, values, 0) for key, value in values.items()}


def _resolved(value: Any, values: dict[Any, Any], depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        return {k: _resolved(v, values, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolved(v, values, depth + 1) for v in value]
    found = re.fullmatch(r"<([\w]+)>", value) if isinstance(value, str) else None
    return value if found is None or found[1] not in values else _resolved(values[found[1]], values, depth + 1)
