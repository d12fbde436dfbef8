import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pysid.errors import DataError
from pysid.io.checkpoint import read_checkpoint


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state"])
def test_tensors_by_name(tmp_path: Path, ending: str, wrapper: str | None) -> None:
    weights = {"a.weight": torch.ones(2, 3), "b": torch.arange(3.0)}
    path = tmp_path / f"x{ending}"
    if ending == ".safetensors":
        safetensors.torch.save_file(weights, path)
    else:
        torch.save(weights if wrapper is None else {"epoch": 3, wrapper: weights}, path)
    found = read_checkpoint(path)
    assert list(found) == ["a.weight", "b"] and torch.equal(found["b"], weights["b"])


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pickle_is_refused_and_never_run(tmp_path: Path, legacy: bool) -> None:
    path, marker = tmp_path / "x.pt", tmp_path / "ran"
    torch.save({"a": torch.ones(1), "b": Hostile(marker)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(DataError, match=r"x\.pt: holds more than tensors .*safetensors\.torch\.save_file") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value) and not marker.exists()


def test_a_plain_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    path, marker = tmp_path / "x.pt", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Hostile(marker)))
    with pytest.raises(DataError, match=r"x\.pt: ") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value) and not marker.exists()


def test_a_header_of_many_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(DataError, match=r"x\.safetensors: expected a safetensors file"):
        read_checkpoint(path)


def test_a_file_that_would_unpack_to_much_more_is_refused(tmp_path: Path) -> None:
    path, squeezed = tmp_path / "x.pt", tmp_path / "y.pt"
    torch.save({"a": torch.zeros(3_000_000)}, path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(DataError, match=r"y\.pt: .* a compressed file that claims 120\d+ bytes"):
        read_checkpoint(squeezed)


def test_a_tensor_that_claims_more_than_is_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": torch.zeros(1).expand(10**12)}, path)
    with pytest.raises(DataError, match=r"x\.pt: 'a' claims \(1000000000000,\) numbers, more than the file holds"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "content, message",
    [
        ([1, 2], "expected a dictionary of tensors, got list"),
        ({"epoch": 3}, "expected a dictionary of tensors, got one with 'epoch'"),
        ({"a": torch.tensor([float("nan")])}, "expected finite numbers, got a NaN or an infinity in 'a'"),
        ({"a": torch.ones(2).to_sparse()}, "expected plain tensors of numbers, got another kind as 'a'"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, "expected plain tensors of numbers"),
    ],
)
def test_what_else_there_may_be(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(DataError, match=message):
        read_checkpoint(tmp_path / "x.pt")


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with pytest.raises(DataError, match=r"x\.pt: no such file"):
        read_checkpoint(path)
    torch.save({"a": torch.ones(100)}, path)
    whole = path.read_bytes()
    for content in (b"", b"garbage", whole[:-200], whole[:100], b"\x80\x02}", whole.replace(b"PK", b"XX")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.pt: ") as error:
            read_checkpoint(path)
        assert "\n" not in str(error.value)
