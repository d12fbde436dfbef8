"""Damaged recordings for the reader of audio: `python -m benchmarks.fuzz_audio --n 100 [--seed 0] [--kind wav]`.

Recordings of a second in many containers have bytes changed, numbers in their headers made extreme, pieces doubled,
left out or exchanged. Each must be read, or refused with a `DataError` of one line, within 10 seconds of CPU time; the
process, and each ffmpeg that it starts, must stay below a GiB of memory. Files that break the reader are reported, and
with --save kept.
"""

import argparse
import io
import resource
import shutil
import subprocess
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import soundfile

from benchmarks.fuzz_readers import Hung, damaged, limited
from pysid.errors import DataError, PysidWarning
from pysid.io.audio.files import iter_blocks

RATE = 16000
LONGEST_S = 10.0
MOST_BYTES = 1 << 30
WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
LIBSNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "float": ("WAV", "FLOAT"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "sph": ("NIST", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
FFMPEG = {"m4a": ("mp4", "aac"), "webm": ("webm", "libopus"), "wma": ("asf", "wmav2"), "ac3": ("ac3", "ac3")}


def recording(kind: str) -> bytes:
    """A second of a rising tone."""
    seconds = np.arange(RATE) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (200 + 300 * seconds) * seconds)
    stream = io.BytesIO()
    form, subtype = LIBSNDFILE.get(kind, LIBSNDFILE["wav"])
    soundfile.write(stream, wave, RATE, format=form, subtype=subtype)
    if kind in LIBSNDFILE:
        return stream.getvalue()
    form, codec = FFMPEG[kind]
    with tempfile.TemporaryDirectory() as folder:
        whole, target = Path(folder, "a.wav"), Path(folder, "b")
        whole.write_bytes(stream.getvalue())
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", whole, "-f", form, "-c:a", codec, "-ar", "48000", target]
        subprocess.run(command, check=True)
        return target.read_bytes()


def read(data: bytes) -> bool:
    """Whether a file could be read; it may also be refused.

    Raises:
        Hung, AssertionError: it took too long, or too much memory.
        Exception: any but a DataError.
    """
    begun = cpu_s()
    try:
        with warnings.catch_warnings(), limited(LONGEST_S):
            warnings.simplefilter("ignore", PysidWarning)
            for _ in iter_blocks(io.BytesIO(data), 10.0, sample_rate=RATE):
                pass
        outcome = True
    except DataError as error:
        assert "\n" not in str(error), f"a message of several lines: {error}"
        outcome = False
    used_s, used = cpu_s() - begun, memory_bytes()
    assert used_s < LONGEST_S, f"{used_s:.1f} s of CPU time"
    assert used < MOST_BYTES, f"{used >> 20} MiB of memory"
    return outcome


def cpu_s() -> float:
    """Seconds of CPU time of this process and of those that it started and waited for."""
    return sum(own.ru_utime + own.ru_stime for own in map(resource.getrusage, WHOSE))


def memory_bytes() -> int:
    """The most that this process, or one that it started, has held at a time."""
    return 1024 * max(resource.getrusage(whose).ru_maxrss for whose in WHOSE)


def main() -> None:
    """Runs all cases; exit status 1 if the reader broke."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=100, help="files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=[*LIBSNDFILE, *FFMPEG], help="only this one")
    parser.add_argument("--save", type=Path, help="folder for the files that break the reader")
    arguments = parser.parse_args()
    kinds = [*LIBSNDFILE, *(FFMPEG if shutil.which("ffmpeg") else ())]
    broken: Counter[str] = Counter()
    for kind in [arguments.kind] if arguments.kind else kinds:
        random, seed = Random(f"{arguments.seed} {kind}"), recording(kind)
        n_read, longest_s = 0, 0.0
        for case in range(arguments.n):
            data = damaged(random, [seed])
            begun = cpu_s()
            try:
                n_read += read(data)
            except (Exception, Hung, AssertionError) as error:
                broken[kind] += 1
                print(f"{kind}, case {case}: {type(error).__name__}: {str(error)[:300]}", flush=True)
                if arguments.save:
                    arguments.save.mkdir(parents=True, exist_ok=True)
                    (arguments.save / f"{kind}-{arguments.seed}-{case}").write_bytes(data)
            longest_s = max(longest_s, cpu_s() - begun)
        print(
            f"{kind}: {arguments.n} damaged files, {n_read} read all the same, {broken[kind]} broke the reader, "
            f"at most {longest_s:.2f} s of CPU time, {memory_bytes() >> 20} MiB",
            flush=True,
        )
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
