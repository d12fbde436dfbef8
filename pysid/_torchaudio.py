"""torchaudio's Python parts, also where its compiled part does not load.

The wheel of torchaudio on the registry is built for CUDA. Beside a CPU-only torch, `import torchaudio`
raises OSError on `_torchaudio.abi3.so`, although resampling, FFT convolution and the like are plain Python.
The normal import is tried first; only when it fails this way, a stand-in that says "no compiled part" replaces
`torchaudio._extension` and the import is tried again.

    from pysid._torchaudio import functional           # torchaudio.functional
    from pysid._torchaudio import compliance_kaldi     # torchaudio.compliance.kaldi

The import happens at the first use of a name, not when this module is imported.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

_MODULES = {"functional": "torchaudio.functional", "compliance_kaldi": "torchaudio.compliance.kaldi"}


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return load(_MODULES[name])


def load(module: str) -> ModuleType:
    """Imports `module`, a module of torchaudio, with or without torchaudio's compiled part.

    Raises:
        ImportError: torchaudio is not installed.
    """
    try:
        return importlib.import_module(module)
    except OSError:
        for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
            del sys.modules[name]  # left half imported
        sys.modules["torchaudio._extension"] = _without_compiled_part()
        return importlib.import_module(module)


def _without_compiled_part() -> ModuleType:
    """Like torchaudio's own `_extension` in a build without compiled code."""

    def unavailable(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("torchaudio's compiled part does not fit this torch; install a matching torchaudio")

    stub = ModuleType("torchaudio._extension")
    stub.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _IS_RIR_AVAILABLE=False,
        _load_lib=lambda lib: False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=lambda function: unavailable,
        fail_if_no_rir=lambda function: unavailable,
    )
    return stub
