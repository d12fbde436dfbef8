"""Changes to a network that `nnet3-copy` makes: learning rates, dropout, scaling, and lines of edits such as

    remove-output-nodes name=output-xent
    remove-orphans
    set-learning-rate name=tdnn* learning-rate=0.0001

Patterns are names in which `*` stands for any characters. Source: kaldi/src/nnet3/nnet-utils.cc, ReadEditConfig.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from pysid.errors import DataError
from pysid.nnet3.components import ComponentRecord, Value
from pysid.nnet3.config_lines import ComponentNode, ConfigLine, InputNode, OutputNode, parse_config_line, split_fields
from pysid.nnet3.file import Nnet3Model

PARAMETERS = ("LinearParams", "BiasParams", "Params", "Scales", "Offsets")  # of components that are trained
_COUNTS = ("Count", "OderivCount", "NumDimsSelfRepaired", "NumDimsProcessed")
_AFFINE = ("AffineComponent", "NaturalGradientAffineComponent")

Edit = Callable[[Nnet3Model, dict[str, str], str], Nnet3Model]


def apply_edits(model: Nnet3Model, text: str, name: str) -> Nnet3Model:
    """The network after the edits in the lines of a text; `;` ends a line, too, and `#` starts a comment.

    Args:
        name: what to call the text in a message.
    Raises:
        DataError: an edit is not known, lacks a field, has one too many, or leaves no output.
    """
    for number, line in enumerate(text.replace(";", "\n").split("\n"), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        where = f"{name}:{number}"
        directive, fields = split_fields(content, where)
        if directive not in _EDITS:
            raise DataError(f"{where}: expected one of {', '.join(_EDITS)}, got {directive}")
        model = _EDITS[directive](model, fields, where)
        if fields:
            raise DataError(f"{where}: {directive}: expected no field {next(iter(fields))}=...")
    return model


def set_learning_rate(model: Nnet3Model, rate: float, pattern: str = "*") -> Nnet3Model:
    """Sets the learning rate of components that are trained; each multiplies it by its own factor.

    Args:
        model: stays as it is.
        rate: before the factors.
        pattern: of names of components, with `*`.
    """

    def change(record: ComponentRecord) -> ComponentRecord:
        if "LearningRate" not in record.fields:
            return record
        factor = np.float32(record.get("LearningRateFactor", 1))
        return _with_fields(record, LearningRate=np.float32(rate) * factor)

    return _changed(model, change, pattern)


def set_dropout_proportion(model: Nnet3Model, proportion: float, pattern: str = "*") -> Nnet3Model:
    """Sets the proportion of values that dropout components drop in training.

    Args:
        model: stays as it is.
        proportion: in [0, 1].
        pattern: of names of components, with `*`.
    """

    def change(record: ComponentRecord) -> ComponentRecord:
        is_dropout = "DropoutProportion" in record.fields
        return _with_fields(record, DropoutProportion=np.float32(proportion)) if is_dropout else record

    return _changed(model, change, pattern)


def scale(model: Nnet3Model, factor: float) -> Nnet3Model:
    """Multiplies parameters, and the counts of statistics."""

    def change(record: ComponentRecord) -> ComponentRecord:
        values: dict[str, Value] = {}
        if "LearningRate" in record.fields:
            values = {key: record[key] * np.float32(factor) for key in PARAMETERS if key in record.fields}
        counts = {key: np.float64(record[key] * factor) for key in _COUNTS if key in record.fields}
        return _with_fields(record, **values, **counts)

    return _changed(model, change)


def _changed(model: Nnet3Model, change: Callable[[ComponentRecord], ComponentRecord], pattern: str = "*") -> Nnet3Model:
    matches = _matcher(pattern)
    return replace(
        model,
        components={name: change(record) if matches(name) else record for name, record in model.components.items()},
    )


def _with_fields(record: ComponentRecord, **values: Value) -> ComponentRecord:
    return replace(record, fields={**record.fields, **values})


def _matcher(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(".*".join(map(re.escape, pattern.split("*"))))
    return lambda name: expression.fullmatch(name) is not None


def _take_field(fields: dict[str, str], key: str, where: str) -> str:
    if key not in fields:
        raise DataError(f"{where}: expected a field {key}=...")
    return fields.pop(key)


def _number(fields: dict[str, str], key: str, where: str) -> float:
    text = _take_field(fields, key, where)
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{where}: expected {key} to be a number, got {text!r}") from None


def _fixed_affine(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    def change(record: ComponentRecord) -> ComponentRecord:
        if record.type not in _AFFINE:
            return record
        kept = {key: record[key] for key in ("LinearParams", "BiasParams")}
        return replace(record, type="FixedAffineComponent", fields=kept, closing="")

    return _changed(model, change, fields.pop("name", "*"))


def _remove_orphan_nodes(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    with_inputs = fields.pop("remove-orphan-inputs", "false").lower().startswith("t")
    lines = {line.node.name: line for line in model.lines}
    needed: set[str] = set()
    pending = [name for name, line in lines.items() if isinstance(line.node, OutputNode)]
    while pending:
        name = pending.pop()
        if name in needed or name not in lines:
            continue
        needed.add(name)
        node = lines[name].node
        pending += [] if isinstance(node, InputNode) else node.input.nodes()
    return _with_lines(
        model,
        (
            line
            for name, line in lines.items()
            if name in needed or (isinstance(line.node, InputNode) and not with_inputs)
        ),
    )


def _remove_orphan_components(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    used = {line.node.component for line in model.lines if isinstance(line.node, ComponentNode)}
    return replace(model, components={name: record for name, record in model.components.items() if name in used})


def _remove_orphans(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    return _remove_orphan_components(_remove_orphan_nodes(model, fields, where), fields, where)


def _remove_output_nodes(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    matches = _matcher(_take_field(fields, "name", where))
    kept = [line for line in model.lines if not (isinstance(line.node, OutputNode) and matches(line.node.name))]
    if not any(isinstance(line.node, OutputNode) for line in kept):
        raise DataError(f"{where}: expected an output to be left, got none")
    return _with_lines(model, kept)


def _rename_node(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    old, new = _take_field(fields, "old-name", where), _take_field(fields, "new-name", where)
    names = [line.node.name for line in model.lines]
    if old not in names or new in names:
        raise DataError(f"{where}: expected the name of a node and a new one, got {old} and {new}")
    whole_name = re.compile(rf"(?<![\w.-]){re.escape(old)}(?![\w.-])")

    def renamed(line: ConfigLine) -> ConfigLine:
        keyword, _, rest = str(line.node).partition(" ")
        # The name of a component stays, even if it is the same.
        parts = re.split(r"( component=\S+)", f" {rest}")
        text = "".join(part if part.startswith(" component=") else whole_name.sub(new, part) for part in parts)
        return parse_config_line(keyword + text, line.where)

    return _with_lines(model, map(renamed, model.lines))


def _set_learning_rate(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    return set_learning_rate(model, _number(fields, "learning-rate", where), fields.pop("name", "*"))


def _set_dropout_proportion(model: Nnet3Model, fields: dict[str, str], where: str) -> Nnet3Model:
    return set_dropout_proportion(model, _number(fields, "proportion", where), fields.pop("name", "*"))


def _with_lines(model: Nnet3Model, lines: Iterable[ConfigLine]) -> Nnet3Model:
    return replace(model, lines=tuple(lines))


_EDITS: dict[str, Edit] = {
    "convert-to-fixed-affine": _fixed_affine,
    "remove-orphan-nodes": _remove_orphan_nodes,
    "remove-orphan-components": _remove_orphan_components,
    "remove-orphans": _remove_orphans,
    "remove-output-nodes": _remove_output_nodes,
    "rename-node": _rename_node,
    "set-learning-rate": _set_learning_rate,
    "set-dropout-proportion": _set_dropout_proportion,
}
