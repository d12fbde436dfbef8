import pytest

from pysid.errors import DataError
from pysid.nnet3.config_lines import merge_lines, parse_config_line, read_config_lines

LINES = [
    "input-node name=input dim=30",
    "component-node name=tdnn1.affine component=a input=Append(Offset(input, -1), input)",
    "dim-range-node name=left input-node=tdnn1.affine dim-offset=0 dim=12",
    "output-node name=output input=tdnn1.affine objective=linear",
]


@pytest.mark.parametrize("text", LINES)
def test_kaldis_spelling_is_kept(text):
    line = parse_config_line(text, "a:1")
    assert line.text == text
    assert str(line.node) == text


def test_quotes_spaces_and_order_do_not_matter():
    line = parse_config_line("output-node   input='Sum(a, b)'  objective=quadratic name=output ", "a:1")
    assert str(line.node) == "output-node name=output input=Sum(a, b) objective=quadratic"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("component name=a type=NoOpComponent dim=3", "a:1: expected input-node, component-node"),
        ("input-node name=input", "a:1: expected a field dim=..., got 'input-node name=input'"),
        ("input-node name=input dim=0", "a:1: expected dim to be an integer >= 1, got '0'"),
        ("input-node name=input dim=-3", "a:1: expected dim to be an integer >= 1, got '-3'"),
        ("input-node name=9 dim=3", "a:1: expected a name of letters, digits and '_-.', got '9'"),
        ("input-node name=input dim=3 left=1", "a:1: expected no field left=..."),
        ("input-node name=input dim=3 dim=4", "a:1: expected key=value, got 'dim=4'"),
        ("input-node name", "a:1: expected key=value, got 'name'"),
        (
            "output-node name=output input=Delay(a) objective=linear",
            "a:1: expected a descriptor such as Append",
        ),
        ("output-node name=output input=a objective=mse", "a:1: expected an objective of linear"),
    ],
)
def test_broken_lines_are_named(text, message):
    with pytest.raises(DataError, match=message):
        parse_config_line(text, "a:1")


def test_new_lines_replace_old_ones_and_go_last(tmp_path):
    path = tmp_path / "extract.config"
    path.write_text("# the embedding\n\noutput-node name=output input=left  # not the last layer\n")
    old = [parse_config_line(text, "a:1") for text in LINES]
    merged = merge_lines(old, read_config_lines(path))
    assert [line.text for line in merged] == [*LINES[:3], "output-node name=output input=left"]
    assert merged[-1].where == f"{path}:3"


def test_a_name_twice_is_named(tmp_path):
    path = tmp_path / "extract.config"
    path.write_text("input-node name=a dim=3\ninput-node name=a dim=4\n")
    with pytest.raises(DataError, match=r"extract\.config:2: the node name a comes twice"):
        merge_lines([], read_config_lines(path))
