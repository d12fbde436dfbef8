import pytest

from pysid.io.kaldi.files import reader_for
from pysid.nnet3.file import parse_nnet3


@pytest.fixture
def make_nnet3():
    """Parses a network in the text format from its configuration lines and its components by name."""

    def make(lines, components=()):
        text = "\n".join(["<Nnet3> ", *lines, "", f"<NumComponents> {len(components)} "])
        text += "".join(f"\n<ComponentName> {name} {body} " for name, body in dict(components).items())
        return parse_nnet3(reader_for(f"{text}\n</Nnet3> ".encode(), "net.txt"))

    return make
