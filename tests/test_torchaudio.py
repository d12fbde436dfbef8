import subprocess
import sys

import pytest
import torch

from pysid import _torchaudio


def test_its_python_parts_work():
    resampled = _torchaudio.functional.resample(torch.ones(1, 1600), 16000, 8000)
    assert resampled.shape == (1, 800)
    assert _torchaudio.compliance_kaldi.get_mel_banks(23, 512, 16000.0, 20.0, 0.0, 100.0, -500.0, 1.0)[0].shape == (
        23,
        256,
    )


def test_other_names_are_errors():
    with pytest.raises(AttributeError, match="has no attribute 'load_audio'"):
        _ = _torchaudio.load_audio


def test_nothing_is_imported_before_it_is_needed():
    code = "import sys, pysid._torchaudio; assert 'torchaudio' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_compiled_part_that_does_not_load(monkeypatch):
    """As beside a CPU-only torch, whatever torchaudio is installed here."""
    for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
        monkeypatch.delitem(sys.modules, name)

    def fails(path):
        raise OSError(f"Could not load this library: {path}")

    monkeypatch.setattr(torch.ops, "load_library", fails)
    functional = _torchaudio.load("torchaudio.functional")
    assert functional.fftconvolve(torch.ones(1, 3), torch.ones(1, 2)).tolist() == [[1.0, 2.0, 2.0, 1.0]]
    with pytest.raises(RuntimeError, match="torchaudio's compiled part does not fit this torch"):
        functional.forced_align(torch.zeros(1, 2, 3), torch.zeros(1, 1, dtype=torch.int32))
