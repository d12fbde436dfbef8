"""The sound in a file, whatever its container, as one stretch of samples.

libsndfile decodes; what it cannot open goes to ffmpeg. Headers are not trusted where the file itself tells better: MP3
and Ogg files joined from several are read to their end, and unknown lengths are found out.
"""

import math
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio import mpeg
from pysid.io.audio.content import HEAD, Content, after_id3, content_of
from pysid.io.audio.ffmpeg import decode, find_program
from pysid.io.audio.headers import is_unknown, mend_flac, mend_size, starts_within
from pysid.io.audio.joints import spans
from pysid.io.audio.ogg import read_chain
from pysid.io.audio.pieces import Bytes, Joined, Piece

OPUS_PREROLL_S = 4.0  # at low bit rates the decoder takes seconds after a seek to give the very same samples
MP3_PREROLL_S = 1.0  # frames are decoded with the bytes of several before them
OPUS_PACKET_S = 0.12  # the longest; libsndfile gives wrong samples where the last one is read in two pieces
SKIP_S = 10.0  # what is decoded only to be skipped is read in pieces of this length
BLOCK_SAMPLES = 1 << 20  # of all channels, decoded at a time
MOST_PARTS = 10_000
DECODED = "decoded by ffmpeg"
UNNAMED = ("something unknown", "text")  # content that may be anything
UNKNOWN_FRAMES = 1 << 40  # as many samples as no recording has
_SHORT_CHUNK = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)

FileState = tuple[int, ...]

_descriptor = threading.Lock()


class _Onward(soundfile.SoundFile):
    """Of MP3, does not seek after each read, as soundfile does: the decoder gives wrong samples after a seek."""

    def seekable(self) -> bool:
        return self.format != "MP3" and bool(super().seekable())


class Part:
    """A stretch that one decoder reads. Samples are asked for by their place; going forward is cheap."""

    def __init__(self, open_file: Callable[[], soundfile.SoundFile]) -> None:
        self._open = open_file
        self._file: soundfile.SoundFile | None = None
        self._at = 0
        file = self.file
        self.samplerate, self.channels, self.frames = int(file.samplerate), int(file.channels), int(file.frames)
        self.format, self.subtype = str(file.format), str(file.subtype)
        self.extra_info = str(file.extra_info)
        # From here on, the samples are read together, and kept.
        packet = int(OPUS_PACKET_S * self.samplerate) + 1 if self.subtype == "OPUS" else 0
        self._split = max(0, self.frames - packet)
        self._tail: np.ndarray | None = None

    @property
    def file(self) -> soundfile.SoundFile:
        """libsndfile's handle, opened when it is first asked for."""
        if self._file is None:
            self._file, self._at = self._open(), 0
        return self._file

    def close(self) -> None:
        """Closes the decoder; it is opened again when needed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, start: int, n: int) -> np.ndarray:
        """(n, channels) float32 from sample `start` on, at most; fewer where there are no more."""
        stop = min(start + n, self.frames)
        if stop <= self._split or self._split == self.frames:
            return self._decode(start, n)
        head = self._decode(start, self._split - start) if start < self._split else None
        if head is not None and len(head) < self._split - start:
            return head
        if self._tail is None:
            self._tail = self._decode(self._split, self.frames - self._split)
        tail = self._tail[max(start - self._split, 0) : stop - self._split]
        return tail if head is None else np.concatenate([head, tail])

    def _decode(self, start: int, n: int) -> np.ndarray:
        with _quiet() if self.format == "MP3" else nullcontext():
            self._go_to(start)
            samples: np.ndarray = self.file.read(n, dtype="float32", always_2d=True)
        self._at += len(samples)
        return samples

    def _go_to(self, start: int) -> None:
        """Seeks so that the next samples equal those of a file read from its beginning."""
        if self._at == start:
            return
        anchor = start
        if self.subtype == "OPUS":
            anchor = max(0, start - int(OPUS_PREROLL_S * self.samplerate))
        elif self.format == "MP3":
            anchor = max(0, start - int(MP3_PREROLL_S * self.samplerate))
        elif self.subtype == "VORBIS":  # libsndfile seeks to a wrong place at some block boundaries
            anchor = 0
        seekable = self.format == "MP3" or self.file.seekable()
        if not anchor <= self._at <= start:
            if seekable:
                self.file.seek(anchor)
                self._at = anchor
            elif self._at > start:
                self.close()
        block = int(SKIP_S * self.samplerate)
        while self._at < start:
            skipped = len(self.file.read(min(block, start - self._at), dtype="float32", always_2d=True))
            self._at += skipped
            if not skipped:
                raise soundfile.SoundFileRuntimeError("ends before that")


class Sound:
    """The samples of an audio file.

    Attributes:
        samplerate: Hz.
        channels, frames: numbers of channels and of samples of each.
        format, subtype: as libsndfile calls them; the format is `DECODED` where ffmpeg did it.
    """

    def __init__(self, name: str, parts: list[Part], stream: BinaryIO, content: Content) -> None:
        self.name = name
        self.parts = parts
        self.content = content
        self._streams = [stream]
        first = parts[0]
        self.samplerate, self.channels = first.samplerate, first.channels
        self.format, self.subtype = first.format, first.subtype
        self.frames = sum(part.frames for part in parts)

    def read(self, start: int, n: int) -> np.ndarray:
        """(n, channels) float32 at a full scale of 1, fewer where the file ends too early."""
        found, at = [], 0
        for part in self.parts:
            if start < at + part.frames and n > 0:
                samples = part.read(start - at, min(n, at + part.frames - start))
                found.append(samples)
                wanted = min(n, at + part.frames - start)
                start, n = start + len(samples), n - len(samples)
                if len(samples) < wanted:
                    break
            elif len(self.parts) > 1:
                part.close()
            at += part.frames
        return found[0] if len(found) == 1 else np.concatenate([np.zeros((0, self.channels), np.float32), *found])

    def state(self) -> FileState | None:
        """What identifies a file on disk in its present state; None for anything not on disk."""
        try:
            found = os.fstat(self._streams[-1].fileno())
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def close(self) -> None:
        """Closes the file and what decodes it."""
        for part in self.parts:
            part.close()
        for stream in self._streams:
            stream.close()


def open_sound(stream: BinaryIO, name: str, most_s: float = math.inf) -> Sound:
    """The sound of a seekable binary file, which is closed with it.

    Args:
        stream: of the file.
        name: for messages.
        most_s: seconds after which ffmpeg need not go on decoding.
    Raises:
        DataError: it is empty, visibly cut off, or not audio that can be decoded here.
    Warns:
        PysidWarning: its header was wrong, or it ends within a frame.
    """
    source = Bytes(stream)
    if source.size == 0:
        raise DataError(f"{name}: expected audio, got an empty file")
    content = _content(source)
    try:
        if content.demuxer and not content.is_native:
            return _by_ffmpeg(source, name, content, most_s)
        try:
            parts = [_part(source, pieces) for pieces in _parts(source, name, content)]
            _check_alike(parts, name)
            sound = Sound(name, parts, stream, content)
            _check_complete(sound, source)
        except (_Foreign, soundfile.LibsndfileError, soundfile.SoundFileRuntimeError) as error:
            refusal = DataError(f"{name}: {_refusal(content, error)}")
            if not content.demuxer or find_program() is None:
                raise refusal from None
            try:
                return _by_ffmpeg(source, name, content, most_s)
            except DataError:
                raise refusal from None
        return sound
    except BaseException:
        stream.close()
        raise


class _Foreign(Exception):
    """A file that libsndfile cannot read, though it may open it."""


def _content(source: Bytes) -> Content:
    skip = after_id3(source.at(0, 10))
    content = content_of(source.at(skip, HEAD))
    # A tag and then something, or else frames: MP3 with garbage before its first one, or cut out of a stream.
    if content.demuxer == "" and (skip or (content.name in UNNAMED and mpeg.has_frames(source))):
        return content_of(b"\xff\xfb")
    return content


def _parts(source: Bytes, name: str, content: Content) -> Iterator[list[Piece]]:
    """What the parts of a file are made of."""
    whole: list[Piece] = [(0, source.size)]
    joined = spans(source, content)[:MOST_PARTS]
    if content.name == "MP3":
        sections = mpeg.sections(source)
        if sections and sections[-1].is_torn and not sections[-1].claimed:
            _warn(f"{name}: ends within a frame, as if it were cut off")
        yield from [section.pieces(source) for section in sections[:MOST_PARTS]] or [whole]
    elif content.demuxer == "ogg":
        chain = read_chain(source)
        if chain.is_multiplexed:
            raise _Foreign("an Ogg file of several streams")
        if chain.missing:
            raise _cut_off(name, f"a last Ogg page of at least {chain.missing[0]} bytes", chain.missing[1])
        for link in chain.links[:MOST_PARTS]:
            yield [link]
    elif len(joined) > 1:
        for start, stop in joined:
            yield [(start, stop)]
    elif content.name in ("WAV", "AIFF", "AU", "FLAC"):
        if content.name == "FLAC" and starts_within(source):
            raise _Foreign("it was cut out of another file, from whose start its frames are counted")
        mended = mend_flac(source) if content.name == "FLAC" else mend_size(source)
        if mended and mended[1]:
            _warn(f"{name}: {mended[1]}: all of it is read")
        yield mended[0] if mended else whole
    else:
        yield whole


def _part(source: Bytes, pieces: list[Piece]) -> Part:
    def open_file() -> soundfile.SoundFile:
        return _Onward(Joined(source, pieces))

    with _quiet():
        return Part(open_file)


def _check_alike(parts: list[Part], name: str) -> None:
    for part in parts[1:]:
        part.close()
        if (part.samplerate, part.channels) != (parts[0].samplerate, parts[0].channels):
            raise _Foreign(
                f"its parts are of {parts[0].samplerate} Hz with {parts[0].channels} channels, and of "
                f"{part.samplerate} Hz with {part.channels}"
            )


def _by_ffmpeg(source: Bytes, name: str, content: Content, most_s: float) -> Sound:
    _check_end(source, name, content)
    parts, streams, joined = [], [], spans(source, content)[:MOST_PARTS]
    if content.demuxer == "ogg" and content.is_native:  # parts of different rates, which ffmpeg makes one
        joined = [(0, source.size)]
    for span in joined:
        own = source if len(joined) == 1 else Bytes(cast(BinaryIO, Joined(source, [span])))
        decoded = Bytes(decode(own, name, content, most_s))
        parts.append(_part(decoded, [(0, decoded.size)]))
        streams.append(decoded.stream)
    source.stream.close()
    try:
        _check_alike(parts, name)
    except _Foreign as error:
        raise DataError(f"{name}: joined of several files: {error}") from None
    sound = Sound(name, parts, streams[-1], content)
    sound._streams = streams
    sound.format = DECODED
    return sound


def _check_end(source: Bytes, name: str, content: Content) -> None:
    """Finds files that were cut off where ffmpeg reads what there is of them without a word."""
    if content.demuxer == "ogg" and (missing := read_chain(source).missing):
        raise _cut_off(name, f"a last Ogg page of at least {missing[0]} bytes", missing[1])
    if content.demuxer == "avi":
        size = int.from_bytes(source.at(4, 4), "little")
        if source.size < 8 + size and not is_unknown(size):
            raise _cut_off(name, f"{8 + size} bytes", source.size)


def _refusal(content: Content, error: Exception) -> str:
    reason = str(getattr(error, "error_string", error)).removeprefix("Error : ")
    if content.demuxer:
        hint = "" if find_program() else "; ffmpeg, which is not installed, may be able to read it"
        return f"expected an audio file, got {content.name} that is broken or of an unusual kind: {reason}{hint}"
    return f"expected an audio file, got {content.name}"


def _check_complete(sound: Sound, source: Bytes) -> None:
    """Finds files that were cut off: libsndfile reads what there is of them, and speech would go missing unnoticed.

    FLAC and MP3 are noticed when the missing samples are read.
    """
    if sound.frames >= UNKNOWN_FRAMES:
        raise _Foreign("its header does not tell how long it is")
    if sound.format.startswith("WAV") and sound.subtype.startswith("MPEG"):
        raise _Foreign("it holds MP3, whose samples libsndfile miscounts")
    n_bytes = _SHORT_CHUNK.search(sound.parts[0].extra_info)  # WAV, AIFF, AU, W64, RF64
    if n_bytes and int(n_bytes[2]) < int(n_bytes[1]) and not is_unknown(int(n_bytes[1])):
        raise _cut_off(sound.name, f"{n_bytes[1]} bytes of samples", n_bytes[2])
    count = re.search(rb"\nsample_count -i (\d{1,18})\n", source.at(0, 1024)) if sound.format == "NIST" else None
    if count and sound.frames < int(count[1]):
        raise _cut_off(sound.name, f"{int(count[1])} samples", sound.frames)


def _warn(message: str) -> None:
    warnings.warn(message, PysidWarning, stacklevel=2)


def _cut_off(name: str, expected: str, got: Any) -> DataError:
    return DataError(f"{name}: cut off: expected {expected}, got {got}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps libmpg123's own messages, which are for its programmers, off standard error."""
    with _descriptor:
        try:
            saved = os.dup(2)
        except OSError:
            saved = -1
        if saved >= 0:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        try:
            yield
        finally:
            if saved >= 0:
                os.dup2(saved, 2)
                os.close(saved)
