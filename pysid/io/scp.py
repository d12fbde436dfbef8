"""What an entry of an scp file stands for: a file, a place in an archive, or a shell pipe.

Kaldi looks for a relative path in the working folder. Here the folder of the scp file comes first, so that a
data directory can be moved as a whole. A pipe is a program from a data file: it is run only where the caller
allows it.
"""

import io
import os
import re
import subprocess

from pysid.errors import DataError
from pysid.io.files import open_binary, read_at_most


def is_pipe(entry: str) -> bool:
    """Whether an entry is a command whose output is read.

    >>> is_pipe("sph2pipe -f wav -c 1 a.sph |")
    True
    """
    return entry.rstrip().endswith("|")


def resolve_path(path: str, scp_directory: str | os.PathLike[str]) -> str:
    """The path of a file that an scp file names: beside the scp file if it exists there, else in the working folder."""
    if os.path.isabs(path):
        return path
    beside = os.path.join(scp_directory, path)
    return beside if os.path.exists(beside) else path


def resolve_entry(entry: str, scp_directory: str | os.PathLike[str]) -> str:
    """An entry of a list of archives, as `feats.ark:1234`, with its path as `resolve_path` has it."""
    place = re.fullmatch(r"(.+)(:\d{1,18})", entry)
    if place and not os.path.exists(resolve_path(entry, scp_directory)):
        return resolve_path(place[1], scp_directory) + place[2]
    return resolve_path(entry, scp_directory)


def resolve(entry: str, scp_directory: str | os.PathLike[str], *, allow_pipes: bool = False) -> str | io.BytesIO:
    """What `pysid.io.audio.files` reads for an entry of wav.scp.

    Args:
        entry: a path; `archive:offset`, a WAV file in a Kaldi archive; or a shell command that ends in `|`.
        scp_directory: the folder of wav.scp; see `resolve_path`.
        allow_pipes: whether a command may run. It runs in the shell, with all the rights of the user.
    Returns:
        a path, or a stream of the bytes of an audio file.
    Raises:
        DataError: as `run_pipe`, or the archive cannot be read. A missing file is left to its reader.
    """
    if is_pipe(entry):
        return _stream(run_pipe(entry, allow_pipes=allow_pipes), entry)
    path = resolve_path(entry, scp_directory)
    place = re.fullmatch(r"(.+):(\d{1,18})", entry)
    if place and not os.path.exists(path):
        return _stream(_read_riff(resolve_path(place[1], scp_directory), int(place[2])), entry)
    return path


def run_pipe(entry: str, *, allow_pipes: bool) -> bytes:
    """Runs a command that ends in `|` as Kaldi does, in the shell, and returns what it prints.

    Raises:
        DataError: pipes are not allowed, the command fails (the message has the last line of its standard
            error), or it prints nothing.
    """
    if not allow_pipes:
        raise DataError(f"expected a path, got the shell pipe {entry!r}; for files you trust there is --allow-pipes")
    command = entry.rstrip().removesuffix("|")
    process = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if process.returncode != 0:
        words = process.stderr.decode(errors="replace").strip().splitlines()
        reason = f": {words[-1]}" if words else ""
        raise DataError(f"pipe {entry!r}: expected exit status 0, got {process.returncode}{reason}")
    if not process.stdout:
        raise DataError(f"pipe {entry!r}: expected the bytes of a file, got no output")
    return process.stdout


def _read_riff(path: str, offset: int) -> bytes:
    """The WAV file that begins at a byte of an archive; its header has its length."""
    try:
        with io.BufferedReader(open_binary(path)) as file:
            file.seek(offset)
            header = file.read(8)
            return header + read_at_most(file, int.from_bytes(header[4:], "little"))
    except io.UnsupportedOperation:
        raise DataError(f"{path}: expected a file, in which there are places, got a pipe") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None


def _stream(data: bytes, name: str) -> io.BytesIO:
    stream = io.BytesIO(data)
    stream.name = name  # for error messages
    return stream
