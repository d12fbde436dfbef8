"""The configuration lines of an nnet3 network, which wire components up to nodes.

    input-node name=input dim=30
    component-node name=tdnn1.affine component=tdnn1.affine input=Append(Offset(input, -1), input)
    dim-range-node name=left input-node=tdnn1.affine dim-offset=0 dim=12
    output-node name=output input=tdnn1.affine objective=linear

Source: kaldi/src/util/text-utils.cc, ConfigLine; nnet3/nnet-nnet.cc, Nnet::ReadConfig.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes
from pysid.io.text import shorten
from pysid.nnet3.descriptors import Descriptor, Node, parse_descriptor

OBJECTIVES = ("linear", "quadratic", "xent-per-dim")

_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class InputNode:
    """Where frames of `dim` numbers come in."""

    name: str
    dim: int

    def __str__(self) -> str:
        return f"input-node name={self.name} dim={self.dim}"


@dataclass(frozen=True)
class ComponentNode:
    """The component named `component`, applied to `input`; several nodes may share one."""

    name: str
    component: str
    input: Descriptor

    def __str__(self) -> str:
        return f"component-node name={self.name} component={self.component} input={self.input}"


@dataclass(frozen=True)
class DimRangeNode:
    """Columns `offset` to `offset + dim` of the node `input`."""

    name: str
    input: Node
    offset: int
    dim: int

    def __str__(self) -> str:
        return f"dim-range-node name={self.name} input-node={self.input} dim-offset={self.offset} dim={self.dim}"


@dataclass(frozen=True)
class OutputNode:
    """What the network gives out; the objective is for training."""

    name: str
    input: Descriptor
    objective: str = "linear"

    def __str__(self) -> str:
        return f"output-node name={self.name} input={self.input} objective={self.objective}"


NetworkNode = InputNode | ComponentNode | DimRangeNode | OutputNode


@dataclass(frozen=True)
class ConfigLine:
    """One line as it stands in the file, what it means, and where it stands."""

    text: str
    node: NetworkNode
    where: str = field(compare=False)

    @classmethod
    def of(cls, node: NetworkNode, where: str = "a new line") -> "ConfigLine":
        """The line for a node, in Kaldi's own spelling."""
        return cls(str(node), node, where)


def parse_config_line(text: str, where: str) -> ConfigLine:
    """Reads one line.

    Args:
        text: the line.
        where: its place, for messages.
    Raises:
        DataError: the line is none of the four kinds, lacks a field, or has one too many.

    >>> parse_config_line("input-node name=input dim=30", "a.raw").node
    InputNode(name='input', dim=30)
    >>> parse_config_line("output-node name=output input=Sum(a, b) objective=linear", "a.raw").node.input
    Sum(parts=(Node(name='a'), Node(name='b')))
    """
    keyword, fields = split_fields(text, where)
    if keyword not in _NODES:
        raise DataError(f"{where}: expected {', '.join(_NODES)}, got {shorten(text)}")
    try:
        node = _NODES[keyword](fields)
    except KeyError as error:
        raise DataError(f"{where}: expected a field {error.args[0]}=..., got {shorten(text)}") from None
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    if fields:
        raise DataError(f"{where}: expected no field {next(iter(fields))}=..., got {shorten(text)}")
    return ConfigLine(text, node, where)


def read_config_lines(path: PathLike) -> list[ConfigLine]:
    """The lines of a configuration file such as `extract.config`; `#` starts a comment. Raises DataError."""
    return parse_config_lines(read_bytes(path), str(path))


def parse_config_lines(data: bytes, name: str) -> list[ConfigLine]:
    """`read_config_lines` of the content of a file; `name` is what to call it in a message."""
    lines = []
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        content = line.partition("#")[0].strip()
        if content:
            lines.append(parse_config_line(content, f"{name}:{number}"))
    return lines


def merge_lines(lines: Iterable[ConfigLine], new: Iterable[ConfigLine]) -> list[ConfigLine]:
    """Adds the nodes of `new`; where a name is taken, the old node goes. Source: RemoveRedundantConfigLines.

    Raises:
        DataError: `new` has a name twice.
    """
    added: dict[str, ConfigLine] = {}
    for line in new:
        if line.node.name in added:
            raise DataError(f"{line.where}: the node name {line.node.name} comes twice")
        added[line.node.name] = line
    return [line for line in lines if line.node.name not in added] + list(added.values())


def split_fields(text: str, where: str) -> tuple[str, dict[str, str]]:
    """Splits `keyword key=value key=value`. A value may hold spaces, and may be quoted.

    >>> split_fields("output-node name=output input=Append(a, b) dim=3", "a.raw")
    ('output-node', {'name': 'output', 'input': 'Append(a, b)', 'dim': '3'})
    """
    keyword, _, rest = text.strip().partition(" ")
    fields: dict[str, str] = {}
    while rest := rest.strip():
        key, equals, value = rest.partition("=")
        if not equals or not _NAME.fullmatch(key) or key in fields:
            raise DataError(f"{where}: expected key=value, got {shorten(rest)}")
        fields[key], rest = _split_value(value)
    return keyword, fields


def _split_value(text: str) -> tuple[str, str]:
    """The value that `text` begins with, and what is left: it ends at its quote, or before the next key."""
    quote = text[:1]
    if quote in ("'", '"') and quote in text[1:]:
        value, _, rest = text[1:].partition(quote)
        return value, rest
    next_equals = text.find("=")
    last_space = max(text.rfind(" ", 0, next_equals), text.rfind("\t", 0, next_equals))
    end = len(text) if next_equals < 0 or last_space < 0 else last_space
    return text[:end].strip(), text[end:]


def _name(fields: dict[str, str], key: str = "name") -> str:
    name = fields.pop(key)
    if not _NAME.fullmatch(name):
        raise DataError(f"expected a name of letters, digits and '_-.', got {name!r}")
    return name


def _integer(fields: dict[str, str], key: str, at_least: int) -> int:
    text = fields.pop(key)
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < at_least:
        raise DataError(f"expected {key} to be an integer >= {at_least}, got {text!r}")
    return int(text)


def _input_node(fields: dict[str, str]) -> InputNode:
    return InputNode(_name(fields), _integer(fields, "dim", 1))


def _component_node(fields: dict[str, str]) -> ComponentNode:
    return ComponentNode(_name(fields), fields.pop("component"), parse_descriptor(fields.pop("input")))


def _dim_range_node(fields: dict[str, str]) -> DimRangeNode:
    source = Node(_name(fields, "input-node"))
    return DimRangeNode(_name(fields), source, _integer(fields, "dim-offset", 0), _integer(fields, "dim", 1))


def _output_node(fields: dict[str, str]) -> OutputNode:
    objective = fields.pop("objective", "linear")
    if objective not in OBJECTIVES:
        raise DataError(f"expected an objective of {', '.join(OBJECTIVES)}, got {objective!r}")
    return OutputNode(_name(fields), parse_descriptor(fields.pop("input")), objective)


_NODES: dict[str, Callable[[dict[str, str]], NetworkNode]] = {
    "input-node": _input_node,
    "component-node": _component_node,
    "dim-range-node": _dim_range_node,
    "output-node": _output_node,
}
