"""Conversations as they sound by telephone: a band of 300 to 3400 Hz, 8 kHz, G.711.

    python phone.py DATA OUT

DATA is a data directory of conversations, with ref.rttm; OUT gets the same with other sound. Needs ffmpeg. What is
there already is kept.
"""

import argparse
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pysid.io.files import atomic_path, atomic_text
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.progress import track

TELEPHONE = ("-af", "highpass=f=300,lowpass=f=3400", "-ar", "8000", "-ac", "1", "-c:a", "pcm_mulaw", "-f", "wav")
TABLES = ("ref.rttm", "all.uem", "reco2dur", "reco2num_spk")  # which say the same of both


def through_telephone(out: Path, job: tuple[str, str]) -> None:
    """Writes audio/RECORDING.wav of one recording."""
    name, source = job
    path = out / "audio" / f"{name}.wav"
    if not path.exists():
        with atomic_path(path) as temporary:
            command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, *TELEPHONE, str(temporary)]
            subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    args = parser.parse_args()
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    jobs = [(name, resolve_path(entry, args.data)) for name, entry in read_wav_scp(args.data / "wav.scp").items()]
    with ThreadPoolExecutor(args.jobs) as pool:
        for _ in track(pool.map(partial(through_telephone, args.out), jobs), f"telephone {args.data}", len(jobs)):
            pass
    for name in TABLES:
        if (args.data / name).exists():
            shutil.copy(args.data / name, args.out / name)
    with atomic_text(args.out / "wav.scp") as file:
        file.writelines(f"{name} audio/{name}.wav\n" for name, _ in jobs)


if __name__ == "__main__":
    main()
