"""What an entry of `wav.scp` stands for: a file, a place in an archive of WAV files, or a shell pipe."""

import io
import os
import re
import subprocess
from pathlib import Path

from pysid.errors import DataError


def is_pipe(entry: str) -> bool:
    """Whether an entry is a command whose output is read (`sph2pipe -f wav a.sph |`)."""
    return entry.rstrip().endswith("|")


def resolve_path(entry: str, scp_directory: str | os.PathLike[str]) -> str:
    """The path an entry means: relative to the folder of the scp file if it is there, else to the working folder."""
    beside = os.path.join(scp_directory, entry)
    return beside if os.path.exists(beside) else entry


def resolve(
    entry: str, scp_directory: str | os.PathLike[str], *, allow_pipes: bool = False
) -> str | io.BytesIO:
    """What `pysid.io.audio` can read for an entry.

    Args:
        entry: a path, `archive:offset` (a WAV file inside a Kaldi archive), or a shell command that ends in `|`.
        scp_directory: the folder of the scp file; see `resolve_path`.
        allow_pipes: whether a command may run. It runs in the shell with the rights of the user.
    Returns:
        a path, or the bytes of a WAV file.
    Raises:
        DataError: the entry is a pipe and these are not allowed, or its command fails or prints nothing.
    """
    if is_pipe(entry):
        if not allow_pipes:
            raise DataError(
                f"expected a path, got the shell pipe {entry!r}; allow pipes only in files you trust"
            )
        return _named(run_pipe(entry), entry)
    path = resolve_path(entry, scp_directory)
    place = re.fullmatch(r"(.+):(\d+)", entry)
    if place and not os.path.exists(path):
        return _named(_read_at(resolve_path(place[1], scp_directory), int(place[2])), entry)
    return path


def run_pipe(entry: str) -> bytes:
    """Runs a command that ends in `|` in the shell and returns what it prints."""
    command = entry.rstrip().removesuffix("|")
    process = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if process.returncode != 0:
        words = process.stderr.decode(errors="replace").strip().splitlines()
        reason = f": {words[-1]}" if words else ""
        raise DataError(f"pipe {entry!r}: expected exit status 0, got {process.returncode}{reason}")
    if not process.stdout:
        raise DataError(f"pipe {entry!r}: expected the bytes of a file, got no output")
    return process.stdout


def _read_at(path: str, offset: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            file.seek(offset)
            header = file.read(8)
            return header + file.read(int.from_bytes(header[4:], "little"))
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None


def _named(data: bytes, name: str) -> io.BytesIO:
    stream = io.BytesIO(data)
    stream.name = name  # for error messages
    return stream
