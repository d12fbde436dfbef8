"""nnet3 networks as files: `.raw`, and `.mdl` with a transition model before and priors after.

    <Nnet3>
    configuration lines, closed by an empty one
    <NumComponents> n, then n times <ComponentName> name <Type> ... </Type>
    </Nnet3>

What is read is kept whole: writing it in the same format gives the same bytes. Source: kaldi/src/nnet3/
nnet-nnet.cc, Nnet::Read; am-nnet-simple.cc.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.kaldi.binary import BinaryReader
from pysid.io.kaldi.files import new_writer, open_reader, write_file
from pysid.io.kaldi.reader import Reader, Writer
from pysid.nnet3.components import ComponentRecord, Value, read_component, write_component, write_value
from pysid.nnet3.config_lines import ConfigLine, merge_lines, parse_config_line, read_config_lines

_TRANSITION_MODEL_END = b"</TransitionModel>"


@dataclass(frozen=True, eq=False)
class Nnet3Model:
    """The content of an nnet3 file.

    Attributes:
        lines: the configuration lines, in order.
        components: the components by name, in order.
        source: the file it came from, for messages.
        transition_model: the bytes of an `.mdl` file's transition model as they are, or nothing.
        binary: the format of the file, and so of `transition_model`.
        ending: what an `.mdl` file has behind the network: LeftContext, RightContext, Priors.
    """

    lines: tuple[ConfigLine, ...]
    components: dict[str, ComponentRecord]
    source: str = "a new network"
    transition_model: bytes = b""
    binary: bool = True
    ending: dict[str, Value] = field(default_factory=dict)

    def with_lines(self, new: Iterable[ConfigLine]) -> "Nnet3Model":
        """The network with nodes added, or replaced by name, as by `nnet3-copy --nnet-config`."""
        return replace(self, lines=tuple(merge_lines(self.lines, new)))


def read_nnet3(path: PathLike, extract_config: PathLike | None = None) -> Nnet3Model:
    """Reads a network.

    Args:
        path: a `.raw` or `.mdl` file, binary or text.
        extract_config: a file of configuration lines to merge in, such as Kaldi's `extract.config`, which
            moves the output to the layer of the embedding.
    Raises:
        DataError: a file is missing, cut off or broken, or has a component or descriptor that is not
            supported; with the file and the byte or line.
    """
    model = parse_nnet3(open_reader(path))
    return model if extract_config is None else model.with_lines(read_config_lines(extract_config))


def parse_nnet3(reader: Reader) -> Nnet3Model:
    """`read_nnet3` of content that is already in memory."""
    transition_model = _read_transition_model(reader)
    reader.expect("<Nnet3>")
    lines = _read_lines(reader)
    components = _read_components(reader)
    reader.expect("</Nnet3>")
    ending = _read_ending(reader) if transition_model else {}
    binary = isinstance(reader, BinaryReader)
    return Nnet3Model(tuple(lines), components, reader.name, transition_model, binary, ending)


def write_nnet3(path: PathLike, model: Nnet3Model, *, binary: bool = True) -> None:
    """Writes a network.

    Args:
        path: where to.
        model: the network.
        binary: or Kaldi's text.
    Raises:
        ValueError: the other format is asked for, but the network has a transition model, which is only kept
            as the bytes it was read as.
    """
    writer = new_writer(binary)
    put_nnet3(writer, model, binary=binary)
    write_file(writer, path)


def put_nnet3(writer: Writer, model: Nnet3Model, *, binary: bool) -> None:
    """`write_nnet3` into a writer.

    Args:
        writer: of the format that `binary` says.
        model: the network.
        binary: or Kaldi's text.
    """
    if model.transition_model and binary != model.binary:
        raise ValueError(f"{model.source}: a transition model cannot change between binary and text")
    writer.raw(model.transition_model)
    writer.token("<Nnet3>")
    for text in ("", *(line.text for line in model.lines), ""):
        writer.line(text)
    writer.token("<NumComponents>")
    writer.integer(len(model.components))
    writer.newline()
    for record in model.components.values():
        write_component(writer, record)
        writer.newline()
    writer.token("</Nnet3>")
    for key, value in model.ending.items():
        writer.token(f"<{key}>")
        write_value(writer, value)


def _read_transition_model(reader: Reader) -> bytes:
    if reader.peek_token() != "<TransitionModel>":
        return b""
    start = reader.position
    end = reader.data.find(_TRANSITION_MODEL_END, start)
    if end < 0:
        raise reader.error("the end of the transition model", len(reader.data))
    reader.position = end + len(_TRANSITION_MODEL_END)
    reader.position = max(reader.data.find(b"<", reader.position), reader.position)
    return reader.data[start : reader.position]


def _read_lines(reader: Reader) -> list[ConfigLine]:
    if reader.line().strip():
        raise reader.error("an empty line after <Nnet3>")
    lines: list[ConfigLine] = []
    names = set()
    while True:
        where = reader.where(reader.position)
        text = reader.line()
        if not text.strip():
            return lines
        line = parse_config_line(text, where)
        if line.node.name in names:
            raise DataError(f"{where}: the node name {line.node.name} comes twice")
        names.add(line.node.name)
        lines.append(line)


def _read_components(reader: Reader) -> dict[str, ComponentRecord]:
    reader.expect("<NumComponents>")
    components: dict[str, ComponentRecord] = {}
    for _ in range(reader.integer()):
        record = read_component(reader)
        if record.name in components:
            raise DataError(f"{record.where}: the component name {record.name} comes twice")
        components[record.name] = record
    return components


def _read_ending(reader: Reader) -> dict[str, Value]:
    ending: dict[str, Value] = {}
    for key, read in (
        ("LeftContext", reader.integer),
        ("RightContext", reader.integer),
        ("Priors", reader.vector),
    ):
        reader.expect(f"<{key}>")
        ending[key] = read()
    return ending
