import numpy as np
import pytest
import torch

from pysid.io.kaldi.files import reader_for
from pysid.nnet3.file import parse_nnet3
from pysid.nnet3.graph import Nnet3Graph

FRAME = np.array([0.5, -1.0, 2.0, 3.0])


@pytest.fixture
def make_nnet3():
    """Parses a network in the text format from its configuration lines and its components by name."""

    def make(lines, components=()):
        text = "\n".join(["<Nnet3> ", *lines, "", f"<NumComponents> {len(components)} "])
        text += "".join(f"\n<ComponentName> {name} {body} " for name, body in dict(components).items())
        return parse_nnet3(reader_for(f"{text}\n</Nnet3> ".encode(), "net.txt"))

    return make


@pytest.fixture
def run_component(make_nnet3):
    """Runs one component, given by its type and fields in the text format, on a frame."""

    def run(kind, fields, x=None):
        x = FRAME if x is None else x
        model = make_nnet3(
            [
                f"input-node name=input dim={len(x)}",
                "component-node name=a component=c input=input",
                "output-node name=output input=a",
            ],
            {"c": f"<{kind}> {fields} </{kind}>"},
        )
        return Nnet3Graph(model)(torch.from_numpy(x).float()[None, None])[0].numpy()

    return run
