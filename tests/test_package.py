"""What setup.cfg, constraints.txt and the files for other package managers say of one another, and of the code."""

import ast
import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

import pysid

ROOT = Path(__file__).parents[1]
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
DEPENDENCIES = SETUP["options"]["install_requires"].split("\n")[1:]
EXTRAS = {name: text.split("\n")[1:] for name, text in SETUP["options.extras_require"].items()}
# What conda-forge calls otherwise, and what it does not have.
CONDA_NAMES = {"torch": "pytorch", "soundfile": "pysoundfile", "matplotlib": "matplotlib-base"}
NOT_ON_CONDA = {"webrtcvad-wheels"}


def normal(name: str) -> str:
    """A package's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split(requirement: str) -> tuple[str, str]:
    """Name and range."""
    match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?\s*(.*)", requirement)
    assert match, requirement
    return normal(match[1]), match[2]


def needed(extra: str | None = None) -> dict[str, str]:
    """{package: range} of pysid, or of an extra and the extras that it is made of."""
    found: dict[str, str] = {}
    for requirement in DEPENDENCIES if extra is None else EXTRAS[extra]:
        name, limits = split(requirement)
        if name == "pysid":
            for inner in re.findall(r"\w+", requirement.partition("[")[2]):
                found |= needed(inner)
        else:
            found[name] = limits
    return found


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {normal(name): version for name, _, version in (line.partition("==") for line in lines if "==" in line)}


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    released = re.search(r"^## (\S+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released and citation["version"] == released[1] and str(citation["date-released"]) == released[2]
    # Between releases the version is the next one's, such as 0.2.0.dev0.
    assert pysid.__version__ == released[1] or ".dev" in pysid.__version__


@pytest.mark.parametrize("extra", [None, *EXTRAS])
def test_what_is_needed_is_pinned(extra):
    known = pinned()
    assert sorted(set(needed(extra)) - set(known)) == []
    assert known["torch"] == "2.13.0"


def test_all_is_all_that_a_user_can_have():
    assert needed("all") == {
        k: v for e in EXTRAS if e not in ("all", "test", "docs", "dev") for k, v in needed(e).items()
    }


def test_ruff_is_one_version():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r"ruff==([\d.]+)", hooks)) == {needed("dev")["ruff"].removeprefix("==")}


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """conda/meta.yaml, rendered as conda-build does."""

    def load_file_regex(load_file: str, regex_pattern: str, from_recipe_dir: bool) -> re.Match[str] | None:
        assert from_recipe_dir
        return re.search(regex_pattern, (ROOT / "conda" / load_file).read_text())

    text = (ROOT / "conda" / "meta.yaml").read_text()
    return yaml.safe_load(jinja2.Template(text).render(load_file_regex=load_file_regex, PYTHON="python"))


def test_conda_recipe_has_the_same_dependencies(recipe):
    def listed(part: str) -> dict[str, str]:
        return dict(line.partition(" ")[::2] for line in recipe["requirements"][part])

    wanted = {
        part: {CONDA_NAMES.get(name, name): limits for name, limits in packages.items() if name not in NOT_ON_CONDA}
        for part, packages in (("run", needed()), ("run_constrained", needed("all")))
    }
    python = SETUP["options"]["python_requires"]
    assert {normal(name): limits for name, limits in listed("run").items()} == wanted["run"] | {"python": python}
    constrained = {k: v for k, v in wanted["run_constrained"].items() if k not in wanted["run"]}
    assert {normal(name): limits for name, limits in listed("run_constrained").items()} == constrained
    (setuptools,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert listed("host") == {"python": python, "pip": "", "setuptools": split(setuptools)[1]}


def test_conda_recipe_says_what_setup_cfg_says(recipe):
    metadata, scripts = SETUP["metadata"], SETUP["options.entry_points"]["console_scripts"].split("\n")[1:]
    assert recipe["package"] == {"name": "pysid", "version": pysid.__version__}
    assert recipe["build"]["entry_points"] == scripts and recipe["build"]["noarch"] == "python"
    about = recipe["about"]
    assert (about["summary"], about["license"]) == (metadata["description"], metadata["license"])
    assert (ROOT / "conda" / recipe["source"]["path"] / about["license_file"]).is_file()


def test_docker_copies_what_there_is_and_what_the_build_needs():
    instructions = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    copied = [
        line.split()[1:-1] for line in instructions.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == {name for names in copied for name in names} and all((ROOT / name).exists() for name in sent)
    needs = {"constraints.txt", "setup.cfg", "pyproject.toml", "pysid", SETUP["metadata"]["license_files"]}
    assert sent == needs | {SETUP["metadata"]["long_description"].removeprefix("file: ")}


def test_workflow_is_of_the_pythons_that_setup_cfg_names():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())["jobs"]
    matrix = jobs["quick"]["strategy"]["matrix"]
    named = re.findall(r"Python :: (3\.\d+)$", SETUP["metadata"]["classifiers"], re.MULTILINE)
    assert matrix["python"] == named and {job["python"] for job in matrix["include"]} <= set(named)
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    installed = {extra for command in commands for extra in re.findall(r"\.\[(\w+)\]", command)}
    assert installed and installed <= set(EXTRAS)
    scripts = {path for command in commands for path in re.findall(r"^bash (\S+)", command)}
    assert scripts and all((ROOT / path).is_file() for path in scripts)


def test_extras_that_messages_name_exist():
    named = set()
    for path in sorted((ROOT / "pysid").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "needs_extra":
                assert isinstance(node.args[1], ast.Constant)
                named.add(node.args[1].value)
    assert named == set(EXTRAS) - {"all", "test", "docs", "dev"}


OPTIONAL = ("accelerate", "tensorboard", "matplotlib", "onnx", "onnxruntime", "pyroomacoustics", "distributed", "docx")
WITHOUT_EXTRAS = f"""
import pkgutil, sys
from importlib import import_module
for name in {OPTIONAL!r}:
    sys.modules[name] = None  # its import fails
import pysid
for module in pkgutil.walk_packages(pysid.__path__, "pysid."):
    if not module.name.startswith("pysid.training.") and not module.name.endswith("__main__"):
        import_module(module.name)
from pysid.errors import MissingExtra
from pysid.report.det import plot_det
try:
    import_module("pysid.training.trainer")
except MissingExtra as error:
    print(error)
try:
    plot_det({{"a": ([1.0], [0.0])}})
except MissingExtra as error:
    print(error)
"""


@pytest.mark.slow
def test_all_but_training_imports_without_extras():
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "training needs the package accelerate: pip install 'pysid[train]'",
        "a DET plot needs the package matplotlib: pip install 'pysid[plots]'",
    ]


def test_source_distribution_has_what_the_readme_names():
    """Files and folders that README links to or that its commands read are in the repository, and so in the sdist."""
    manifest = (ROOT / "MANIFEST.in").read_text()
    folders = set(re.findall(r"^graft (\S+)", manifest, re.MULTILINE)) | {"pysid"}
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"\]\(([^)#:]+)\)", readme)) | set(re.findall(r"\b(?:examples|recipes)/[\w./-]+\w", readme))
    for name in sorted(named):
        assert (ROOT / name).exists(), name
        top = Path(name).parts[0]
        assert top in folders or "/" not in name, f"{name} is not in MANIFEST.in"
