"""What a stand-in works with: its tables, its single files, its messages."""

from contextlib import ExitStack

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.command_line import CommandLine
from pysid.kaldi.holders import MATRIX, VECTOR
from pysid.kaldi.log import Log
from pysid.kaldi.run import Run


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def run(stack):
    line = CommandLine({"scale": 2.0, "binary": True}, {"scale": "2"}, ["ark:a", "ark:b"])
    return Run(line, Log("test"), allow_pipes=False, stack=stack)


def test_it_has_the_command_line(run):
    assert run.options["scale"] == 2.0 and run.options["binary"] is True
    assert run.given == {"scale": "2"} and run.arguments == ["ark:a", "ark:b"]


@pytest.mark.parametrize("form", ["ark", "ark,t"])
def test_a_table_is_complete_when_the_stack_closes(run, stack, form, tmp_path):
    writer = run.write(f"{form}:{tmp_path}/a", VECTOR)
    for key, value in (("y", [1, 2]), ("x", [3])):
        writer.write(key, np.array(value, np.float32))
    assert not (tmp_path / "a").exists()
    stack.close()
    found = [(key, x.tolist()) for key, x in run.read(f"ark:{tmp_path}/a", VECTOR)]
    assert found == [("y", [1.0, 2.0]), ("x", [3.0])]  # in its own order
    values = run.lookup(f"ark:{tmp_path}/a", VECTOR)
    assert "x" in values and values["x"].tolist() == [3.0] and values.get("z") is None


def test_commands_in_lists_run_only_if_allowed(run, stack, tmp_path):
    (tmp_path / "a").write_text("k [ 1 2 ]\n")
    (tmp_path / "scp").write_text(f"k cat {tmp_path}/v |\n")
    (tmp_path / "v").write_text(" [ 5 6 ]\n")
    with pytest.raises(DataError, match="--allow-pipes"):
        list(run.read(f"scp:{tmp_path}/scp", VECTOR))
    with pytest.raises(DataError, match="--allow-pipes"):
        run.lookup(f"scp:{tmp_path}/scp", VECTOR)["k"]
    assert dict(run.read(f"ark:cat {tmp_path}/a |", VECTOR))["k"].tolist() == [
        1.0,
        2.0,
    ]
    allowed = Run(CommandLine({}), Log("test"), allow_pipes=True, stack=stack)
    assert dict(allowed.read(f"scp:{tmp_path}/scp", VECTOR))["k"].tolist() == [5.0, 6.0]
    assert allowed.lookup(f"scp:{tmp_path}/scp", VECTOR)["k"].tolist() == [5.0, 6.0]


@pytest.mark.parametrize("binary", [True, False])
def test_an_object_is_saved_and_loaded_in_both_forms(run, binary, tmp_path):
    values = np.array([[1.5, -2.0, 3.25], [0.0, 4.0, 5.0]], np.float32)
    name = str(tmp_path / "m")
    run.save(name, lambda writer: writer.matrix(values), binary=binary)
    assert (tmp_path / "m").read_bytes().startswith(b"\0B") == binary
    np.testing.assert_array_equal(run.load(name, lambda reader: reader.matrix()), values)
    part = run.load(f"{name}[1:1,0:1]", lambda reader: reader.matrix(), MATRIX.select)
    np.testing.assert_array_equal(part, values[1:2, :2])


def test_what_is_wrong_has_the_name_of_the_file(run, tmp_path):
    name = str(tmp_path / "m")
    run.save(name, lambda writer: writer.matrix(np.ones((2, 3), np.float32)), binary=True)
    with pytest.raises(DataError) as error:
        run.load(f"{name}[0:7]", lambda reader: reader.matrix(), MATRIX.select)
    assert str(error.value).startswith(f"{name}[0:7]: ")
    with pytest.raises(DataError, match=r"m: "):
        run.load(name, lambda reader: reader.vector())
    with pytest.raises(DataError, match="none: cannot read the file"):
        run.load(str(tmp_path / "none"), lambda reader: reader.matrix())


def test_opened_files_belong_to_the_stack(run, stack, tmp_path):
    out = run.output(str(tmp_path / "a"))
    out.write(b"abc")
    assert not (tmp_path / "a").exists()
    stack.close()
    assert (tmp_path / "a").read_bytes() == b"abc"
    file = run.input(str(tmp_path / "a"))
    assert file.read() == b"abc"
    stack.close()
    assert file.closed
