"""What a file is, by its first bytes and not by its name."""

import re
from dataclasses import dataclass

HEAD = 4096  # bytes that tell


@dataclass(frozen=True)
class Content:
    """A kind of file.

    Attributes:
        name: what to call it.
        demuxer: what ffmpeg calls it; "" where it is no sound.
        is_native: libsndfile may be able to read it.
    """

    name: str
    demuxer: str
    is_native: bool = False


UNKNOWN = Content("something unknown", "")
_KINDS = (
    (rb"(?:RIFF|RIFX|RF64|BW64)....WAVE", Content("WAV", "wav", True)),
    (rb"riff.{20}wave", Content("Wave64", "w64", True)),
    (rb"FORM....AIF[FC]", Content("AIFF", "aiff", True)),
    (rb"fLaC", Content("FLAC", "flac", True)),
    (rb"OggS.{24,280}\x01vorbis", Content("Ogg Vorbis", "ogg", True)),
    (rb"OggS.{24,280}OpusHead", Content("Ogg Opus", "ogg", True)),
    (rb"OggS.{24,280}\x7fFLAC", Content("Ogg FLAC", "ogg")),
    (rb"OggS.{24,280}Speex   ", Content("Ogg Speex", "ogg")),
    (rb"OggS", Content("Ogg", "ogg")),
    (rb"\.snd|dns\.", Content("AU", "au", True)),
    (rb"NIST_1A", Content("NIST Sphere", "nistsphere", True)),
    (rb"caff", Content("Core Audio", "caf", True)),
    (rb"....(?:ftyp|moov|mdat|wide|free|skip)", Content("MP4, M4A or QuickTime", "mov")),
    (rb"\x1a\x45\xdf\xa3", Content("WebM or Matroska", "matroska")),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Content("Windows Media", "asf")),
    (rb"RIFF....AVI ", Content("AVI", "avi")),
    (rb"\x0b\x77.{3}[\x50-\xff]", Content("Enhanced AC-3", "eac3")),
    (rb"\x0b\x77", Content("AC-3", "ac3")),
    (rb"#!AMR", Content("AMR", "amr")),
    (rb"wvpk", Content("WavPack", "wv")),
    (rb"MAC ", Content("Monkey's Audio", "ape")),
    (rb"TTA1", Content("True Audio", "tta")),
    (rb"MP\+|MPCK", Content("Musepack", "mpc8")),
    (rb"FLV\x01", Content("Flash video", "flv")),
    (rb"G.{187}G.{187}G", Content("MPEG transport stream", "mpegts")),
    (rb".{4}G.{191}G.{191}G.{191}G", Content("MPEG transport stream of a camcorder", "mpegts")),
    (rb".{,187}G.{187}G.{187}G.{187}G", Content("MPEG transport stream", "mpegts")),  # begins within a packet
    (rb"\x06\x0e\x2b\x34\x02\x05\x01\x01", Content("MXF", "mxf")),
    (rb"\x00\x00\x01\xba", Content("MPEG video", "mpeg")),
    (rb"\xff[\xf0\xf1\xf8\xf9]", Content("AAC", "aac")),
    (rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", Content("MP3", "mp3", True)),
    (rb"%PDF", Content("a PDF document", "")),
    (rb"PK\x03\x04", Content("a ZIP archive", "")),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", Content("a picture", "")),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf", Content("a compressed file", "")),
    (rb"[\t\n\r\x20-\x7e]{16}|(?s:\s*)[\t\n\r\x20-\x7e]+\Z", Content("text", "")),
)
_PATTERNS = [(re.compile(pattern, re.DOTALL), content) for pattern, content in _KINDS]


def content_of(head: bytes) -> Content:
    """What begins with these bytes; a tag of ID3 must not be among them.

    >>> content_of(b"RIFF....WAVEfmt ").name, content_of(b"utt1 audio/utt1.wav").name
    ('WAV', 'text')
    """
    return next((content for pattern, content in _PATTERNS if pattern.match(head)), UNKNOWN)


def after_id3(head: bytes) -> int:
    """The length of the ID3 version 2 tag that some bytes begin with, if there is one.

    Source: id3.org, ID3v2.4.0, section 3.1.
    """
    if head[:3] != b"ID3" or len(head) < 10 or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + 10 * bool(head[5] & 0x10)
