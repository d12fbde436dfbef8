"""All subcommands: lazy imports, help, wrong usage."""

import subprocess
import sys

import pytest

from pysid import __version__

COMMANDS = [
    ["validate"],
    ["augment"],
    ["features"],
    ["train"],
    ["embed"],
    ["convert-kaldi"],
    ["diarize"],
    ["fit-backend"],
    ["score"],
    ["verify"],
    ["enroll"],
    ["identify"],
    ["speakers", "list"],
    ["speakers", "remove"],
    ["prepare", "commonvoice"],
    ["eval", "eer"],
]


def test_the_command_line_imports_nothing_heavy():
    code = (
        "import sys, pysid.cli.commands\n"
        "heavy = {'torch', 'torchaudio', 'numpy', 'scipy', 'sklearn', 'soundfile', 'yaml', 'accelerate'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_version(pysid):
    assert pysid("--version").out == f"pysid {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(pysid, command):
    outcome = pysid(*command, "--help")
    assert outcome.status == 0
    assert f"Example: pysid {' '.join(command)} " in outcome.out
    assert pysid(*command, "-h").out == outcome.out


@pytest.mark.parametrize("command", [[], ["eval"], ["prepare"], ["speakers"]], ids=" ".join)
def test_help_lists_the_commands(pysid, command):
    outcome = pysid(*command, "--help")
    assert outcome.status == 0
    for path in COMMANDS:
        if path[:-1] == command:
            assert path[-1] in outcome.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_wrong_usage_is_status_2(pysid, command):
    for arguments in ([], ["--no-such-option", "a", "b", "c"]):
        outcome = pysid(*command, *arguments)
        assert outcome.status == 2, outcome
        assert "Usage: " in outcome.err
        assert outcome.out == ""


def test_an_unknown_command_is_status_2(pysid):
    assert pysid("diarise").status == 2
