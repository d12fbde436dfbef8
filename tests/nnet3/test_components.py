"""Records of components: every field of every type is read and written."""

import pytest

from pysid.io.kaldi.files import new_writer, reader_for
from pysid.nnet3.components import SCHEMAS
from pysid.nnet3.file import parse_nnet3, put_nnet3


def content(model, binary):
    writer = new_writer(binary)
    put_nnet3(writer, model, binary=binary)
    return writer.content()


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
@pytest.mark.parametrize("binary", [True, False])
def test_all_fields_of_every_component_survive(make_nnet3, kind, binary):
    text_forms = {
        "integer": "3",
        "real": "0.5",
        "boolean": "T",
        "vector": "[ 1 2.5 ]",
        "integers": "[ 1 -2 ]",
    }
    text_forms |= {
        "matrix": "[\n 1 2\n 3 4 ]",
        "_double": "7.25",
        "_two_integers": "1 2",
        "_two_reals": "1 2",
    }

    def text(read):
        name = getattr(read, "__name__", "") or str(read).split("'")[1]
        return text_forms.get(name, "")

    fields = " ".join(f"<{key}> {text(read)}" for key, read in SCHEMAS[kind].items())
    model = make_nnet3(["input-node name=input dim=3"], {"c": f"<{kind}> {fields} </{kind}>"})
    again = parse_nnet3(reader_for(content(model, binary), "again"))
    assert content(again, binary=False) == content(model, binary=False)
    assert list(again.components["c"].fields) == list(SCHEMAS[kind])
