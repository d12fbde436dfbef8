"""The plan of the package: its parts, which of them may import which, and no circles."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pysid"

# Each part imports only from lines above its own, or from itself. What is named here with ".py" is a module, else a
# package; nothing else stands at the top level.
ORDER = """
_version.py _lazy.py _torchaudio.py errors.py segments.py ranges.py
progress.py io
config.py frontend backend metrics ivector
augment embedding parallel
segmentation nnet3 report transcript
activity
data model
diarization speakers exchange
runs
training
kaldi api.py
__init__.py
cli
__main__.py
"""
LEVELS = {name: level for level, line in enumerate(ORDER.strip().splitlines()) for name in line.split()}


@cache
def modules() -> dict[str, Path]:
    """{dotted name: file}; a package goes by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def imports() -> dict[str, set[str]]:
    """{module: modules of pysid that it imports, at any time}."""
    known, found = modules(), defaultdict(set)
    for module, path in known.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found[module] |= {alias.name for alias in node.names if alias.name in known}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}:{node.lineno}: a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                found[module] |= {name if name in known else str(node.module) for name in names} & set(known)
    return found


def part(module: str) -> str:
    """The entry of `ORDER` that a module belongs to."""
    _, *names = module.split(".")
    top = names[0] if names else "__init__"
    return top if (PACKAGE / top).is_dir() else f"{top}.py"


def test_nothing_else_stands_at_the_top_level():
    stands = {part(module) for module in modules()}
    assert sorted(stands - set(LEVELS)) == [] and sorted(set(LEVELS) - stands) == []


def test_parts_import_only_what_is_above_them_in_the_order():
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports().items()
        for target in sorted(targets)
        if part(target) != part(module) and LEVELS[part(target)] >= LEVELS[part(module)]
    ]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others():
    """The package `backend` and the like import their modules for callers; a module never imports its own package."""
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " > ".join([*above[above.index(module) :], module])
        if module not in done:
            for target in sorted(imports()[module]):
                visit(target, (*above, module))
            done.add(module)

    for module in modules():
        visit(module, ())


def test_front_end_back_end_and_metrics_take_arrays_and_never_paths():
    for name in ("frontend", "backend", "metrics"):
        for path in sorted((PACKAGE / name).rglob("*.py")):
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert "Path" not in names, path
