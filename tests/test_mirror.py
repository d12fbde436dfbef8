"""Every module of pysid has a test of its own path.

Of `pysid/io/scp.py` that is `tests/io/test_scp.py`, or `test_scp_WHAT.py` beside it. Modules of one form, such as a
package's readers of many formats, are tested together by `test_PACKAGE.py` in or beside the folder of the package.
"""

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "pysid"

NOTHING_TO_TEST = {
    "_version": "one constant",
    "parallel/work": "protocols and types, which mypy checks",
    "transcript/punctuation": "constants: marks of several scripts",
}


def has_own_test(source: Path) -> bool:
    folder, stem = TESTS / source.parent, source.stem.lstrip("_")
    own = [folder / f"test_{stem}.py", *folder.glob(f"test_{stem}_*.py")]
    package = source.parent.name
    if package and not (PACKAGE / source.parent / f"{package}.py").exists():  # else that is the test of a module
        own += [folder / f"test_{package}.py", folder.parent / f"test_{package}.py"]
    return any(path.exists() for path in own)


def sources() -> list[Path]:
    found = (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))
    return [path for path in found if path.stem not in ("__init__", "__main__")]


def test_every_module_has_a_test():
    untested = (path for path in sources() if str(path.with_suffix("")) not in NOTHING_TO_TEST)
    without = [str(path) for path in untested if not has_own_test(path)]
    assert without == []


def test_the_list_says_nothing_that_is_not_so():
    known = {str(path.with_suffix("")): path for path in sources()}
    assert [name for name in NOTHING_TO_TEST if name not in known or has_own_test(known[name])] == []
