"""Every public name has a docstring, and says what its arguments are where it has three or more."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pysid"
# The help of a command is its docstring, and its options say themselves what they are.
WITHOUT_ARGS = {"cli"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def faults() -> Iterator[str]:
    """What is missing: "MODULE NAME docstring" or "MODULE NAME Args"."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE.parent).with_suffix("").as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree) and tree.body and path.stem != "_version":
            yield f"{module} - docstring"
        with_args = path.relative_to(PACKAGE).parts[0] not in WITHOUT_ARGS
        yield from (f"{module} {fault}" for fault in _in(tree.body, "", with_args))


def _in(body: list[ast.stmt], prefix: str, with_args: bool, shown: str = "") -> Iterator[str]:
    """Of a module or a class. A class says what its __init__ takes, and a dataclass has its Attributes."""
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        name, text = f"{prefix}{node.name}", ast.get_docstring(node) or ""
        if not text and not _inherits(node, prefix):
            yield f"{name} docstring"
        if isinstance(node, ast.ClassDef):
            yield from _in(node.body, f"{name}.", with_args, text)
        elif with_args and text and len(_arguments(node)) >= 3 and not _says(text, _arguments(node)):
            yield f"{name} Args"


def _arguments(node: Function) -> list[str]:
    a = node.args
    return [x.arg for x in [*a.posonlyargs, *a.args, *a.kwonlyargs] if x.arg not in ("self", "cls")]


def _says(text: str, arguments: list[str]) -> bool:
    """Whether it has a part for arguments, names each of them, or refers to who does."""
    return "Args:" in text or all(f"`{x}`" in text or f"{x} (" in text for x in arguments) or "rguments as" in text


def _inherits(node: Function | ast.ClassDef, prefix: str) -> bool:
    """Overloads, setters and the `forward` of torch's modules are documented elsewhere."""
    if isinstance(node, ast.ClassDef):
        return False
    return any(ast.unparse(x).endswith(("overload", ".setter", "override")) for x in node.decorator_list)


def test_every_public_name_has_a_docstring():
    assert sorted(faults()) == [], "give them a docstring, or its Args"
