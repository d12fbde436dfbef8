"""Audio that libsndfile cannot read, AAC in MP4 files above all (VoxCeleb2), decoded by the program ffmpeg.

A file is decoded as a whole, to 16-bit samples as in Kaldi's voxceleb recipe: 2 MB of memory a minute at 16 kHz.
"""

import io
import os
import re
import shutil
import subprocess

from pysid.errors import DataError

DEMUXERS = {".m4a": "mov", ".mp4": "mov", ".aac": "aac"}
PROGRAM = "ffmpeg"


def needs_ffmpeg(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of those, by its ending.

    >>> needs_ffmpeg("dev/aac/id00012/21Uxsk56VDQ/00001.m4a")
    True
    """
    return os.path.splitext(path)[1].lower() in DEMUXERS


def decode(path: str | os.PathLike[str]) -> io.BytesIO:
    """The first audio stream of a file as a WAV file in memory, at its own rate and channels.

    Raises:
        DataError: ffmpeg is not installed, or the file is broken, cut off or not what its ending says.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise DataError(f"{path}: needs the program ffmpeg to decode; install it, or convert the file to FLAC or WAV")
    name = os.fspath(path)
    # The format is given and nothing but files is opened: a playlist in disguise cannot make ffmpeg fetch other things.
    # The prefix keeps names such as "-y.m4a" and "http:a.m4a" from being anything but names.
    source = [
        "-protocol_whitelist",
        "file,pipe",
        "-f",
        DEMUXERS[os.path.splitext(name)[1].lower()],
        "-i",
        f"file:{name}",
    ]
    target = ["-vn", "-f", "wav", "-acodec", "pcm_s16le", "-"]
    command = [program, "-nostdin", "-v", "error", "-xerror", *source, *target]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if process.returncode != 0:
        words = process.stderr.decode(errors="replace").strip().splitlines()
        reason = re.sub(r"^\[[^]]*\] ", "", words[0]) if words else f"exit status {process.returncode}"
        raise DataError(f"{path}: broken or cut off: ffmpeg says: {reason.removeprefix(f'file:{name}: ')}")
    return io.BytesIO(process.stdout)
