import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.scp import is_pipe, resolve, resolve_path, run_pipe


@pytest.fixture
def wave():
    return (1000 * np.sin(np.arange(8000) * 0.1)).round().astype(np.float32)


def test_paths_are_relative_to_the_scp_file_then_to_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    for name in ("data/both", "both", "here"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert resolve_path("both", "data") == "data/both"
    assert resolve_path("here", "data") == "here"
    assert resolve_path("nowhere", "data") == "nowhere"
    assert resolve_path(str(tmp_path / "both"), "data") == str(tmp_path / "both")
    assert resolve("both", tmp_path / "data") == str(tmp_path / "data" / "both")


def test_a_pipe_is_refused_and_does_not_run(tmp_path):
    entry = f"touch {tmp_path}/ran |"
    assert is_pipe(entry) and is_pipe("cat a.wav |  ") and not is_pipe("a|b.wav")
    message = r"expected a path, got the shell pipe 'touch .*/ran \|'; for files you trust there is --allow-pipes"
    with pytest.raises(DataError, match=message):
        resolve(entry, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_an_allowed_pipe_runs_in_the_shell(tmp_path, wave):
    write_audio(tmp_path / "a.wav", wave, 8000)
    source = resolve(f"cat {tmp_path}/a.wav | cat |", tmp_path, allow_pipes=True)
    read, rate = read_audio(source)
    assert rate == 8000
    np.testing.assert_array_equal(read, wave)


def test_a_piece_of_a_pipe(tmp_path, wave):
    write_audio(tmp_path / "a.wav", wave, 8000)
    source = resolve(f"cat {tmp_path}/a.wav|", tmp_path, allow_pipes=True)
    np.testing.assert_array_equal(read_audio(source, start_s=0.25, end_s=0.5)[0], wave[2000:4000])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("echo one >&2; echo two >&2; exit 3 |", "expected exit status 0, got 3: two"),
        ("exit 4 |", "expected exit status 0, got 4"),
        ("true |", "expected the bytes of a file, got no output"),
    ],
)
def test_errors_of_pipes(command, message):
    with pytest.raises(DataError) as caught:
        run_pipe(command, allow_pipes=True)
    assert str(caught.value) == f"pipe {command!r}: {message}"


def test_a_pipe_that_prints_no_audio_is_named(tmp_path):
    source = resolve("echo hello |", tmp_path, allow_pipes=True)
    with pytest.raises(DataError, match=r"^echo hello \|: expected an audio file, got text"):
        read_audio(source)


def test_a_wav_file_inside_an_archive(tmp_path, wave):
    write_audio(tmp_path / "a.wav", wave, 8000)
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "wav.ark").write_bytes(b"first " + data + b"second " + data + b"third ")
    entry = f"wav.ark:{len(b'first ') + len(data) + len(b'second ')}"
    np.testing.assert_array_equal(read_audio(resolve(entry, tmp_path))[0], wave)
    with pytest.raises(DataError, match=r"^no\.ark: cannot read the file: No such file"):
        resolve("no.ark:7", tmp_path)
    (tmp_path / "a:7").touch()
    assert resolve("a:7", tmp_path) == str(tmp_path / "a:7")
