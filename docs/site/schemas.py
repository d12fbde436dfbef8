"""The JSON Schemas of the files of a model directory, made of the dataclasses behind them.

    python docs/site/schemas.py config    # prints it; or diarization, activity, segmentation

Those of what commands write are kept by hand in docs/schemas. A test holds all of them against real files.
"""

import json
import sys
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}


def configurations() -> dict[str, tuple[type, str]]:
    """{name of a file: (the dataclass behind it, what it is)}."""
    from pysid.activity.files import ActivityFileConfig
    from pysid.diarization.config import DiarizationConfig
    from pysid.model.config import ModelConfig
    from pysid.segmentation.files import SegmentationFileConfig

    return {
        "config": (ModelConfig, "config.json of a model directory: front-end, network, how utterances are cut"),
        "diarization": (DiarizationConfig, "diarization.json of a model directory: settings of diarization"),
        "activity": (ActivityFileConfig, "activity.json of a model directory: the network that finds speech"),
        "segmentation": (SegmentationFileConfig, "segmentation.json of a model directory: local segmentation"),
    }


def schema_of(kind: type, title: str) -> dict[str, Any]:
    """The schema of a file of `write_formatted`: the fields of a dataclass, and the number of the format.

    Each dataclass is a definition of its own under "$defs", by its name.
    """
    from pysid.config import FORMAT

    definitions: dict[str, Any] = {}
    top = _object(kind, definitions)
    top["properties"] = {"format": {"const": FORMAT}, **top["properties"]}
    top["required"] = ["format", *top.get("required", [])]
    return {"$schema": DIALECT, "title": title, **top, "$defs": dict(sorted(definitions.items()))}


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    known = fields(kind)  # type: ignore[arg-type]
    needed = [f.name for f in known if f.default is MISSING and f.default_factory is MISSING]
    result: dict[str, Any] = {"type": "object"}
    if needed:
        result["required"] = needed
    result["properties"] = {f.name: _schema_of(hints[f.name], definitions) for f in known}
    return {**result, "additionalProperties": False}


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = get_origin(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # so that it may hold itself
            definitions[kind.__name__] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema_of(x, definitions) for x in get_args(kind)]}
    if origin is typing.Literal:
        return {"enum": list(get_args(kind))}
    if origin is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return {"type": "array", "items": _schema_of(inner[0], definitions)}
        each = [_schema_of(x, definitions) for x in inner]
        return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}
    if kind is type(None):
        return {"type": "null"}
    return {"type": TYPES[kind]}


def text_of(name: str) -> str:
    """The content of a schema's file."""
    return json.dumps(schema_of(*configurations()[name]), indent=2) + "\n"


if __name__ == "__main__":
    print(text_of(sys.argv[1]), end="")
