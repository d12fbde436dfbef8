"""The recording on the page: inside it, so that the page is one file, or linked, where it would be too large."""

import base64
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
import soundfile

from pysid.io.audio.reader import FULL_SCALE, AudioFile, AudioReader
from pysid.io.audio.streams import open_stream

PathLike = str | os.PathLike[str]
Embed = Literal["auto", "embed", "link"]

MAX_EMBEDDED_BYTES = 25_000_000
AS_IS_BYTES = 4_000_000  # larger files are re-encoded, unless their encoding is lossy already
RATE = 16000  # Hz, of what is re-encoded: what the diarization hears
# Vorbis in Ogg: browsers seek in it to the sample, as in Opus, and libsndfile codes it over ten times as fast.
# The encoder overflows the stack when it is given minutes at once.
BLOCK_S = 1.0
CODED_BYTES_PER_S = 4500.0  # speech at 16 kHz takes about this
# What all browsers play, by libsndfile's names for the file's format and for the coding of its samples.
PLAYABLE = {
    "WAV": ("audio/wav", {"PCM_U8", "PCM_16", "PCM_24", "FLOAT"}),
    "FLAC": ("audio/flac", {"PCM_S8", "PCM_16", "PCM_24"}),
    "OGG": ("audio/ogg", {"VORBIS", "OPUS"}),
    "MP3": ("audio/mpeg", {"MPEG_LAYER_III"}),
}
LOSSY = {"audio/ogg", "audio/mpeg"}


@dataclass(frozen=True)
class EmbeddedSound:
    """The bytes of an audio file, and their media type."""

    media_type: str
    data: bytes

    @property
    def base64(self) -> str:
        """The bytes as the page holds them."""
        return base64.b64encode(self.data).decode("ascii")


@dataclass(frozen=True)
class LinkedSound:
    """Where a browser finds the recording: a URL relative to the page, or one of the scheme file."""

    url: str


def sound_for_page(
    audio: AudioFile,
    embed: Embed = "auto",
    *,
    folder: PathLike | None = None,
    max_bytes: int = MAX_EMBEDDED_BYTES,
    channel: int | None = None,
) -> EmbeddedSound | LinkedSound | None:
    """How a page in `folder` gets at a recording.

    Embedded are files of up to 4 MB that browsers play, and larger ones of Ogg and MP3, as they are; all others
    are coded anew as Ogg Vorbis, 16 kHz, one channel. A link is to the file, with all its channels.

    Args:
        audio: a file, or what came through a pipe: a stream that can be read again, or bytes. That cannot be linked;
            None is returned instead.
        embed: "embed" or "link" whatever its size; "auto" links what takes more than `max_bytes`, provided that
            browsers play it.
        folder: where the page will be; a recording that is not in there or below gets an absolute URL.
        channel: the only one to be heard, counted from 0; None is for all.
    Raises:
        DataError: the recording cannot be read.
    """
    media_type, duration_s, n_bytes, n_channels = _describe(audio)
    path = audio if isinstance(audio, str | os.PathLike) else None
    linked = None if path is None else LinkedSound(sound_url(path, folder))
    if embed == "link":
        return linked
    whole = channel is None or n_channels == 1
    as_is = media_type is not None and whole and (n_bytes <= AS_IS_BYTES or media_type in LOSSY)
    size = n_bytes if as_is else CODED_BYTES_PER_S * duration_s
    if embed == "auto" and (media_type is not None or path is None) and size > max_bytes:
        return linked
    if media_type is not None and as_is:
        with open_stream(audio) as file:
            return EmbeddedSound(media_type, file.read())
    return EmbeddedSound("audio/ogg", coded_anew(audio, channel))


def sound_url(path: PathLike, folder: PathLike | None) -> str:
    """A URL of `path` for a page in `folder`.

    >>> sound_url("/data/meetings/März 1.wav", "/data")
    'meetings/M%C3%A4rz%201.wav'
    >>> sound_url("/data/a.wav", "/pages")
    'file:///data/a.wav'
    """
    absolute = Path(os.path.abspath(path))
    if folder is not None and absolute.is_relative_to(os.path.abspath(folder)):
        return quote(os.fsencode(absolute.relative_to(os.path.abspath(folder)).as_posix()))
    return absolute.as_uri()


def coded_anew(path: AudioFile, channel: int | None = None) -> bytes:
    """The recording as Ogg Vorbis: the mean of its channels at 16 kHz, or at its own rate where that is lower.

    Args:
        channel: the one to take, counted from 0; None is for the mean.
    Raises:
        DataError: the recording cannot be read.
    """
    coded = io.BytesIO()
    with AudioReader(path, max_hours=math.inf) as reader:
        rate = min(RATE, reader.sample_rate)
    with (
        AudioReader(path, rate, channel, max_hours=math.inf) as reader,
        soundfile.SoundFile(coded, "w", rate, 1, format="OGG", subtype="VORBIS") as file,
    ):
        block = int(BLOCK_S * rate)
        for at in range(0, reader.n_samples, block):
            wave = reader.read(at, min(at + block, reader.n_samples))
            file.write(np.clip(wave / np.float32(FULL_SCALE), -1, 1))
    return coded.getvalue()


def _describe(audio: AudioFile) -> tuple[str | None, float, int, int]:
    """The media type, None where browsers do not play it; the duration in seconds; bytes; channels."""
    with open_stream(audio) as file:
        n_bytes = file.seek(0, os.SEEK_END)
    with AudioReader(audio, max_hours=math.inf) as reader:  # whoever made the turns has agreed to its length
        media_type, codings = PLAYABLE.get(reader.file.format, (None, set()))
        media_type = media_type if reader.file.subtype in codings else None
        return media_type, reader.n_samples / reader.sample_rate, n_bytes, reader.file.channels
