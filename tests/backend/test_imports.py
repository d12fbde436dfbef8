"""The back-end is imported piece by piece: who scores with a finished model does not wait for SciPy."""

import subprocess
import sys

import pytest

import pysid.backend


def test_every_public_name_is_there():
    for name in pysid.backend.__all__:
        value = getattr(pysid.backend, name)
        assert value.__name__ == name and value.__module__.startswith("pysid.backend.")
    assert set(pysid.backend.__all__) <= set(dir(pysid.backend))


def test_no_other_name_is():
    with pytest.raises(AttributeError, match=r"'pysid\.backend' has no attribute 'Gmm'"):
        pysid.backend.Gmm  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Gmm'"):
        from pysid.backend import Gmm  # noqa: F401


@pytest.mark.parametrize("module", ["pysid.backend.chain", "pysid.backend.lda", "pysid.metrics.detection"])
def test_what_scores_imports_no_scipy(module):
    code = f"import sys, {module}; print([x for x in sys.modules if x.split('.')[0] in ('scipy', 'sklearn', 'torch')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
