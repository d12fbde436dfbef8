"""Names of packages are imported when they are first used."""

import subprocess
import sys
import types

import pytest

from pysid._lazy import lazy_names


def test_a_name_comes_from_its_module(monkeypatch):
    module = types.ModuleType("made_up.shapes")
    module.circle, module.square = "a circle", "a square"
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))
    monkeypatch.setitem(sys.modules, "made_up.shapes", module)
    find = lazy_names("made_up", {"shapes": ["circle", "square"], "missing": ["line"]})
    assert (find("circle"), find("square")) == ("a circle", "a square")
    with pytest.raises(AttributeError, match=r"^module 'made_up' has no attribute 'triangle'$"):
        find("triangle")
    with pytest.raises(ModuleNotFoundError, match="missing"):
        find("line")


@pytest.mark.parametrize("package", ["pysid", "pysid.frontend", "pysid.augment"])
def test_the_package_alone_needs_no_torch(package):
    code = f"import sys, {package}; assert 'torch' not in sys.modules; {package}.nonsense"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith(f"AttributeError: module '{package}' has no attribute 'nonsense'")
