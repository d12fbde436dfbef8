"""Audio that libsndfile cannot read, decoded by the program ffmpeg: AAC, the sound of videos, Windows Media, Speex.

A file is decoded as a whole, to 16-bit FLAC in a temporary file: little memory is needed, whatever its length is.
"""

import math
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from typing import BinaryIO

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.content import Content
from pysid.io.audio.pieces import WINDOW, Bytes

ENDINGS = {".m4a", ".mp4", ".aac"}  # of VoxCeleb's files
PROGRAM = "ffmpeg"
MOST_BYTES = 32 << 30  # of the decoded file
MOST_S = 1e9  # ffmpeg counts no further
MOST_MEMORY = 256 << 20  # bytes that ffmpeg may ask for at a time
_ERROR = re.compile(r"(?:\[[^]]*\] )*\[(?:error|fatal|panic)\] (.*)")  # a line about one, after its origin
_AUDIO_STREAM = re.compile(r"^\[info\] +Stream #0:(\d+)\S*: Audio:", re.MULTILINE)
_TOO_SHORT = re.compile(r"ended prematurely|partial file|truncat", re.IGNORECASE)
_HARMLESS = re.compile(r"non monotonically increasing dts")  # of times, which are not looked at
_NO_AUDIO = re.compile(r"matches no streams|does not contain any stream|no audio|not contain any", re.IGNORECASE)


def has_ffmpeg_ending(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of those that need ffmpeg, as far as its name tells.

    >>> has_ffmpeg_ending("dev/aac/id00012/21Uxsk56VDQ/00001.m4a")
    True
    """
    return os.path.splitext(path)[1].lower() in ENDINGS


def find_program() -> str | None:
    """Where ffmpeg is; None where it is not installed."""
    return shutil.which(PROGRAM)


def decode(source: Bytes, name: str, content: Content, most_s: float = math.inf) -> BinaryIO:
    """The first audio stream of a file as a FLAC file, at its own rate and channels.

    Args:
        source: bytes of the file.
        name: for messages.
        content: what the bytes look like.
        most_s: seconds, after which no more is decoded.
    Raises:
        DataError: ffmpeg is not installed, or the file is broken, cut off or has no audio.
    Warns:
        PysidWarning: a part of it could not be decoded, or there are more audio streams.
    """
    program = find_program()
    if program is None:
        raise DataError(
            f"{name}: seems to be {content.name}, which needs the program ffmpeg to decode; install it, or convert the "
            "file to FLAC or WAV"
        )
    output = tempfile.TemporaryFile(prefix="pysid-")  # noqa: SIM115
    try:
        with _on_disk(source) as file:
            _run(program, file, output, name, content, most_s)
        if os.fstat(output.fileno()).st_size >= MOST_BYTES:
            raise DataError(f"{name}: expected at most {MOST_BYTES >> 30} GiB of sound, got more")
    except BaseException:
        output.close()
        raise
    return output


def _run(program: str, file: BinaryIO, output: BinaryIO, name: str, content: Content, most_s: float) -> None:
    # The format is given and nothing but files is opened: a playlist in disguise cannot make ffmpeg fetch other things.
    # Files are handed over open, so that no name can be anything but a name.
    place, target = f"/dev/fd/{file.fileno()}", f"/dev/fd/{output.fileno()}"
    command = [program, "-nostdin", "-nostats", "-v", "level+info", "-xerror", "-max_alloc", str(MOST_MEMORY)]
    command += ["-protocol_whitelist", "file,pipe", "-f", content.demuxer, "-i", f"file:{place}"]
    command += ["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-fs", str(MOST_BYTES)]
    command += ["-t", f"{most_s:.0f}"] if most_s < MOST_S else []
    command += ["-f", "flac", "-c:a", "flac", "-sample_fmt", "s16", "-compression_level", "0", "-y", f"file:{target}"]
    file.seek(0)
    descriptors = (file.fileno(), output.fileno())
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, pass_fds=descriptors, check=False)
    said = process.stderr.decode(errors="replace")
    words = [found[1] for line in said.split("\n") if (found := _ERROR.match(line)) and not _HARMLESS.search(line)]
    reason = words[0] if words else f"exit status {process.returncode}"
    reason = re.sub(r"(?:Error opening input file |file:)/dev/fd/\d+[.:]? ?", "", reason)
    if process.returncode == 0 and not any(map(_TOO_SHORT.search, words)):
        if words:
            message = f"{name}: {content.name}: ffmpeg says: {reason}; what it could decode is read"
            warnings.warn(message, PysidWarning, stacklevel=2)
        n_streams = len(set(_AUDIO_STREAM.findall(said.partition("Output #0")[0])))
        if n_streams > 1:
            message = f"{name}: {content.name} with {n_streams} audio streams: the first is taken"
            warnings.warn(f"{message}; ffmpeg -map 0:a:1 takes the second out", PysidWarning, stacklevel=2)
        return
    if any(map(_NO_AUDIO.search, words)):
        raise DataError(f"{name}: {content.name} without audio")
    raise DataError(f"{name}: {content.name}, broken or cut off: ffmpeg says: {reason}")


def _on_disk(source: Bytes) -> BinaryIO:
    """The file with a descriptor of its own."""
    try:
        return os.fdopen(os.dup(source.stream.fileno()), "rb", buffering=0)
    except OSError:  # in memory
        file = tempfile.TemporaryFile(prefix="pysid-")  # noqa: SIM115
        for at in range(0, source.size, WINDOW):
            file.write(source.read(at, WINDOW))
        file.flush()
        return file
