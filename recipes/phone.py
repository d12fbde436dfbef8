"""Recordings as they sound by telephone: a band of 300 to 3400 Hz, 8 kHz, G.711.

    python phone.py DATA OUT
    python phone.py DATA OUT --count 5000 --suffix=-telephone --wide-too

DATA is a data directory, of conversations with ref.rttm or of utterances with utt2spk; OUT gets the same with other
sound. Needs ffmpeg. What is there already is kept.
"""

import argparse
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pysid.io.files import atomic_path, atomic_text, safe_name
from pysid.io.scp import resolve_path
from pysid.io.tables import read_utt2spk, read_wav_scp
from pysid.progress import track

BAND = ("-af", "highpass=f=300,lowpass=f=3400")
G711 = ("-ar", "8000", "-ac", "1", "-c:a", "pcm_mulaw", "-f", "wav")
TABLES = ("ref.rttm", "all.uem", "reco2dur", "reco2num_spk")  # of conversations, which say the same of both


def through_telephone(out: Path, job: tuple[str, str, bool]) -> None:
    """Writes audio/RECORDING.wav of one recording (name, source, whether the band is narrow)."""
    name, source, narrow = job
    path = out / "audio" / f"{safe_name(name)}.wav"
    if not path.exists():
        with atomic_path(path) as temporary:
            command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, *(BAND if narrow else ()), *G711]
            subprocess.run([*command, str(temporary)], check=True)


def spread(n: int, kept: int) -> list[int]:
    """`kept` places out of n, at equal distances, or all where there are fewer.

    >>> spread(10, 4)
    [2, 4, 7, 9]
    """
    return [i for i in range(n) if (i + 1) * kept // n > i * kept // n] if kept < n else list(range(n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, help="recordings, at equal distances in the table (default: all)")
    parser.add_argument("--suffix", default="", help="added to the names of recordings")
    parser.add_argument("--wide-too", action="store_true", help="every other one keeps its band up to 4 kHz")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    args = parser.parse_args()
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    entries = list(read_wav_scp(args.data / "wav.scp").items())
    chosen = [entries[i] for i in spread(len(entries), len(entries) if args.count is None else args.count)]
    jobs = [
        (name + args.suffix, resolve_path(entry, args.data), bool(turn % 2) or not args.wide_too)
        for turn, (name, entry) in enumerate(chosen)
    ]
    with ThreadPoolExecutor(args.jobs) as pool:
        for _ in track(pool.map(partial(through_telephone, args.out), jobs), f"telephone {args.data}", len(jobs)):
            pass
    for table in TABLES:
        if (args.data / table).exists():
            shutil.copy(args.data / table, args.out / table)
    if (args.data / "utt2spk").exists():
        speakers = read_utt2spk(args.data / "utt2spk")
        with atomic_text(args.out / "utt2spk") as file:
            file.writelines(f"{name}{args.suffix} {speakers[name]}\n" for name, _ in chosen)
    with atomic_text(args.out / "wav.scp") as file:
        file.writelines(f"{name} audio/{name}.wav\n" for name, _, _ in jobs)


if __name__ == "__main__":
    main()
