"""Waveforms through ffmpeg, as bare samples of 16 bits at 16 kHz."""

import shutil
import subprocess
from collections.abc import Iterable

import numpy as np

SAMPLE_RATE = 16000
PCM = ("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1")
FFMPEG = ("ffmpeg", "-nostdin", "-v", "error", "-filter_threads", "1")


def to_pcm(wave: np.ndarray) -> bytes:
    """A waveform (S,) at int16 scale as what `PCM` names."""
    return np.clip(np.round(wave), -32768, 32767).astype("<i2").tobytes()


def from_pcm(pcm: bytes) -> np.ndarray:
    """The inverse of `to_pcm`, but for rounding: (S,) float32."""
    return np.frombuffer(pcm, "<i2").astype(np.float32)


def ffmpeg(data: bytes, *options: str) -> bytes:
    """What ffmpeg makes of `data`: `options` stand before its output, the input's among them with "-i -"."""
    return subprocess.run([*FFMPEG, *options, "-"], input=data, capture_output=True, check=True).stdout


def require_ffmpeg(filters: Iterable[str] = (), encoders: Iterable[str] = ()) -> None:
    """Ends the program with one line where there is no ffmpeg, or one that lacks a filter or an encoder."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("expected the program ffmpeg, got none")
    for kind, wanted in (("filters", filters), ("encoders", encoders)):
        listed = subprocess.check_output(["ffmpeg", "-v", "error", f"-{kind}"], text=True).split()
        missing = sorted(set(wanted) - set(listed))
        if missing:
            raise SystemExit(f"expected ffmpeg with the {kind} {', '.join(missing)}, got one without")
