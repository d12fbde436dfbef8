"""What the recipe costs at full size: each step timed on the small tree, and multiplied.

./run.sh --smoke --flavour stat --stop-stage 4; python costs.py exp/smoke

A command is timed in CPU seconds of one core, twice: with everything to do, and with next to nothing; the difference is
the cost of the work, without the start of the program.
"""

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rich.table import Table

from pysid.data.corpus import Corpus
from pysid.io.tables import read_num_frames
from pysid.progress import say
from pysid.report.tables import print_tables

UTTERANCES, HOURS = 1_276_888, 2800.0  # of VoxCeleb2 and VoxCeleb1's training part
M4A_FILES = 1_128_246  # of VoxCeleb2, in both parts
COPIES = 1_000_000
COPY_HOURS = HOURS * COPIES / UTTERANCES
SPEAKERS, REPEATS, EPOCHS = 7323, 50, 3
MEAN_CHUNK_FRAMES = 300
FRAMES_PER_HOUR = 360_000
N_M4A, FEW, MANY = 40, 128, 640  # files, and chunks that are trained on


@dataclass(frozen=True)
class Cost:
    """What a step took: `seconds` of one core and `n_bytes` on disk for `n_done` units, of which there are `n_full`."""

    step: str
    unit: str
    n_done: float
    seconds: float
    n_full: float
    n_bytes: int = 0

    def cells(self) -> list[str]:
        each = self.seconds / self.n_done
        disk = f"{self.n_bytes / self.n_done * self.n_full / 1e9:.0f}" if self.n_bytes else ""
        done = f"{self.seconds:.1f} s for {self.n_done:.4g}"
        hours = f"{float(f'{each * self.n_full / 3600:.3g}'):g}"
        return [self.step, self.unit, done, f"{each:.3g}", f"{self.n_full:,.0f}", hours, disk]


def cpu_seconds(*command: object) -> float:
    """CPU time of a command and its processes, on one thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"costs.py: {command[0]} {command[1]} failed: {done.stderr.strip().splitlines()[-1:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def work_seconds(*command: object) -> float:
    """CPU time of a command minus that of running it again when all is done."""
    return max(cpu_seconds(*command) - cpu_seconds(*command), 0.0)


def size(*paths: Path) -> int:
    return sum(file.stat().st_size for path in paths for file in ([path] if path.is_file() else path.rglob("*.flac")))


def preparation(data: Path, work: Path) -> Iterator[Cost]:
    """Opening WAV files, and m4a files if ffmpeg is there to make and decode some."""
    corpus = Corpus.read(data / "train")
    wav, m4a = work / "wav", work / "m4a"
    for i, utterance in enumerate(corpus):
        source, place = Path(utterance.source), f"dev/aac/id00012/{i:011d}/00001"
        target = wav / f"{place}.wav"
        target.parent.mkdir(parents=True)
        target.symlink_to(source.absolute())
        if i < N_M4A and shutil.which("ffmpeg"):
            target = m4a / f"{place}.m4a"
            target.parent.mkdir(parents=True)
            options = ["-v", "error", "-i", source, "-c:a", "aac"]
            subprocess.run(["ffmpeg", "-nostdin", *options, target], check=True)
    start = cpu_seconds("pysid", "prepare", "voxceleb2", wav, work / "start")
    for folder, n_full in ((wav, UTTERANCES), (m4a, M4A_FILES)):
        if folder.exists():
            n_files = len(list(folder.rglob("*.*")))
            seconds = cpu_seconds("pysid", "prepare", "voxceleb2", folder, work / folder.name, "--durations") - start
            yield Cost(f"0 open {folder.name} files", "file", n_files, seconds, n_full)


def features(data: Path, work: Path) -> Iterator[Cost]:
    """Features of clean speech, copies with the VAD that they bring, and their features."""
    hours = sum(Corpus.read(data / "train").durations().values()) / 3600
    clean, copies, theirs = work / "train", work / "copies", work / "train_noise"
    seconds = work_seconds("pysid", "features", data / "train", clean, "--compress")
    yield Cost("1 features", "hour", hours, seconds, HOURS, size(clean / "feats.ark"))
    rooms = [f"--rooms={data}/rirs/simulated_rirs/{name}room/rir_list" for name in ("small", "medium")]
    recordings = [f"--noises={data}/musan_noise", f"--music={data}/musan_music", f"--speech={data}/musan_speech"]
    seconds = work_seconds("pysid", "augment", data / "train", copies, *recordings, *rooms)
    yield Cost("2 copies", "hour", 4 * hours, seconds, COPY_HOURS, size(copies))
    seconds = work_seconds("pysid", "features", copies / "train_noise", theirs, "--compress", "--stored-vad")
    yield Cost("3 their features", "hour", hours, seconds, COPY_HOURS, size(theirs / "feats.ark"))


def network(work: Path) -> Iterator[Cost]:
    """Training and extraction with the full network."""
    voiced = sum(read_num_frames(work / "train" / "utt2num_frames").values()) / FRAMES_PER_HOUR
    share = voiced / (sum(Corpus.read(work / "train").durations().values()) / 3600)
    archives = int(share * (HOURS + COPY_HOURS) * FRAMES_PER_HOUR * REPEATS / 1e9) + 1
    for precision in ("bf16", "no"):
        seconds = training_seconds(work, precision, MANY) - training_seconds(work, precision, FEW)
        title = "8 train, " + ("float32" if precision == "no" else precision)
        yield Cost(title, "chunk", MANY - FEW, seconds, EPOCHS * REPEATS * SPEAKERS * archives)
    one = work / "one.scp"
    one.write_text((work / "train" / "feats.scp").read_text().splitlines()[0] + "\n")
    start = cpu_seconds("pysid", "embed", f"scp:{one}", work / "one.ark", "--model", "xvector")
    seconds = cpu_seconds("pysid", "embed", f"scp:{work}/train/feats.scp", work / "all.ark", "--model", "xvector")
    yield Cost("9 x-vectors", "voiced hour", voiced, seconds - start, share * HOURS)


def training_seconds(work: Path, precision: str, n_chunks: int) -> float:
    """CPU time of a training with the full network on so many chunks of the mean length."""
    settings = [f"train={work}/train", "dev=null", f"out={work}/{precision}-{n_chunks}"]
    settings += [f"chunks.{name}_frames={MEAN_CHUNK_FRAMES}" for name in ("min", "max")]
    settings += ["chunks.min_utterance_frames=150", "chunks.min_utterances=3", f"chunks.chunks_per_epoch={n_chunks}"]
    settings += ["trainer.n_epochs=1", "trainer.device=cpu", "trainer.n_workers=0"]
    config = Path(__file__).parent / "conf" / "xvector.yaml"
    return cpu_seconds("pysid", "train", config, *settings, f"trainer.mixed_precision='{precision}'")


def report(costs: Iterable[Cost]) -> Table:
    """One line per step, which is also written to standard error as soon as it is known."""
    table = Table("step", "unit", "measured", "s each", "full size", "CPU hours", "GB")
    for cost in costs:
        say("  ".join(cost.cells()))
        table.add_row(*cost.cells())
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exp", type=Path, help="of a run with --smoke")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a README")
    args = parser.parse_args()
    data = args.exp / "data"
    if not (data / "rirs").is_dir():
        raise SystemExit(f"costs.py: {data}: no such data; run ./run.sh --smoke --stop-stage 4 first")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        table = report(chain(preparation(data, work), features(data, work), network(work)))
    print_tables([table], as_markdown=args.markdown)


if __name__ == "__main__":
    main()
