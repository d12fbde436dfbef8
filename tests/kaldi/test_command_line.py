import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.command_line import Option, WrongUsage, parse, print_arguments, usage

OPTIONS = (
    Option("dim", 100, "dimension"),
    Option("scale", 1.0, "factor"),
    Option("binary", True, "binary output"),
    Option("num-utts", "", "table"),
    Option("vtln-map", "", "warp factors", supported=False),
)


def test_defaults_and_arguments():
    line = parse(["a", "b"], OPTIONS)
    assert line.options["dim"] == 100
    assert line.options["binary"] is True
    assert line.options["verbose"] == 0
    assert line.given == {}
    assert line.arguments == ["a", "b"]


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("--dim=16", "dim", 16),
        ("--DIM= 16", "dim", 16),
        ("--dim=-1", "dim", -1),
        ("--scale=1e-3", "scale", float(np.float32(1e-3))),
        ("--binary=false", "binary", False),
        ("--binary=F", "binary", False),
        ("--binary=0", "binary", False),
        ("--binary", "binary", True),
        ("--num_utts=ark:a=b", "num-utts", "ark:a=b"),
        ("--num-utts=", "num-utts", ""),
        ("--vtln-map=", "vtln-map", ""),
    ],
)
def test_values(word, name, value):
    line = parse([word, "a"], OPTIONS)
    assert line.options[name] == value
    assert name in line.given
    assert line.arguments == ["a"]


@pytest.mark.parametrize(
    ("word", "kind", "message"),
    [
        ("--dimension=3", WrongUsage, "Invalid option --dimension=3"),
        ("--dim=3.5", WrongUsage, "--dim: Invalid integer option '3.5'"),
        ("--dim=3000000000", WrongUsage, "Invalid integer"),
        ("--dim", WrongUsage, "Invalid integer"),
        ("--scale=x", WrongUsage, "--scale: Invalid floating-point option 'x'"),
        ("--binary=no", WrongUsage, "expected true or false"),
        ("--binary=", DataError, "Invalid option --binary="),
        ("--num-utts", DataError, "option format is --x=y"),
        ("--=3", WrongUsage, "no key"),
        ("--vtln-map=ark:a", DataError, "--vtln-map is not supported"),
    ],
)
def test_wrong_options(word, kind, message):
    with pytest.raises(kind, match=message):
        parse([word], OPTIONS)


def test_options_end_at_the_first_argument():
    assert parse(["a", "--dim=3"], OPTIONS).arguments == ["a", "--dim=3"]
    assert parse(["--dim=3", "--", "--dim=4"], OPTIONS).arguments == ["--dim=4"]
    assert parse(["a", "--", "b"], OPTIONS).arguments == ["a", "b"]


def test_the_command_line_outranks_configuration_files(tmp_path):
    config = tmp_path / "a.conf"
    config.write_text("--dim=3 # three\n--scale=2\n\n--binary=false\n")
    line = parse(["--dim=4", f"--config={config}", "a"], OPTIONS)
    assert (line.options["dim"], line.options["scale"], line.options["binary"]) == (4, 2.0, False)
    assert line.given["scale"] == "2"


def test_wrong_options_in_a_configuration_file(tmp_path):
    config = tmp_path / "a.conf"
    config.write_text("--dimension=3\n")
    with pytest.raises(WrongUsage, match="--dimension in the configuration file"):
        parse([f"--config={config}"], OPTIONS)
    with pytest.raises(DataError, match="cannot read"):
        parse(["--config=nowhere"], OPTIONS)


def test_usage_shows_defaults_and_what_is_refused():
    text = usage("Usage: it", OPTIONS)
    assert "--scale                     : factor (float, default = 1)" in text
    assert '--vtln-map                  : warp factors (string, default = ""; not supported by pysid)' in text
    assert text.index("--binary") < text.index("--dim") < text.index("Standard options") < text.index("--config")


def test_print_arguments_can_be_pasted(capsys):
    print_arguments("copy-feats", ["ark:cat a|", "ark:it's", "a\"'", ""])
    assert capsys.readouterr().err == "copy-feats 'ark:cat a|' \"ark:it's\" 'a\"'\\''' '' \n"
