"""A corpus of the size of VoxCeleb1 and 2 together: `python -m benchmarks.size [--n-utterances N] [--json PATH]`.

What it takes until the first batch of training is ready, from audio with augmentation and from stored features, and
until `pysid features` and `pysid embed` have their first utterance: time by part, the peak of memory, and what each
reading process holds. The tables are as long as the real ones; their entries share the few recordings of
examples/train. Each step has a process of its own, so that its peak of memory is its own, too.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure.machine import GIB
from benchmarks.measure.tables import console, show, write_json
from pysid.parallel.isolated import peak_bytes

N_UTTERANCES, N_SPEAKERS = 1_281_000, 7_323  # of VoxCeleb1 dev and test, and VoxCeleb2 dev
PER_VIDEO = 7
EXAMPLES = Path(__file__).parents[1] / "examples" / "train"
FEATURE_FRAMES, N_FEATURES = 800, 50
N_READERS = 2


@dataclass
class Start:
    """What the start of a program takes.

    Attributes:
        parts: seconds of each part, in their order.
        cpu_s: CPU time of the main process in all of them, which depends less on the load of the machine.
        peak_gib: the peak of its main process's memory, including the interpreter and torch.
        reader_gib: what each reading process holds of its own after some batches, besides what it shares.
    """

    what: str
    parts: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    peak_gib: float = 0.0
    reader_gib: list[float] = field(default_factory=list)
    _last: float = field(default_factory=time.perf_counter, repr=False)

    def mark(self, part: str) -> None:
        """Counts the time since the last mark for this part."""
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + now - self._last
        self._last, self.cpu_s = now, time.process_time()
        self.peak_gib = peak_bytes() / GIB

    def after(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """The function, with a mark when it returns."""

        def marked(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            self.mark(part)
            return result

        return marked


def names(n_utterances: int) -> Iterator[tuple[str, str]]:
    """Utterances and their speakers, named as in VoxCeleb and in the order of the C locale."""
    for i in range(n_utterances):
        speaker = f"id{10001 + i * min(N_SPEAKERS, n_utterances // 8) // n_utterances}"
        yield f"{speaker}-{i // PER_VIDEO:011d}-{1 + i % PER_VIDEO:05d}", speaker


def write_audio_directory(folder: Path, n_utterances: int) -> None:
    """wav.scp, utt2spk, spk2utt and utt2dur."""
    listed = [line.split() for line in (EXAMPLES / "wav.scp").read_text().splitlines()]
    seconds = dict(line.split() for line in (EXAMPLES / "utt2dur").read_text().splitlines())
    entries = [(EXAMPLES / path, seconds[name]) for name, path in listed]
    folder.mkdir()
    spk2utt: dict[str, list[str]] = {}
    with (folder / "wav.scp").open("w") as scp, (folder / "utt2dur").open("w") as durations:
        for i, (name, speaker) in enumerate(names(n_utterances)):
            path, duration = entries[i % len(entries)]
            scp.write(f"{name} {path}\n")
            durations.write(f"{name} {duration}\n")
            spk2utt.setdefault(speaker, []).append(name)
    _write_speakers(folder, spk2utt)


def write_feature_directory(folder: Path, n_utterances: int) -> None:
    """feats.scp, utt2num_frames, utt2spk, spk2utt, and one archive that all entries point into."""
    from pysid.config import to_plain
    from pysid.frontend import VOXCELEB
    from pysid.io.ark.archive import ArkWriter

    rng = np.random.default_rng(0)
    folder.mkdir()
    with ArkWriter(folder / "feats") as writer:
        for i in range(N_FEATURES):
            features = rng.normal(size=(FEATURE_FRAMES, VOXCELEB.dim))
            writer.write(str(i), features.astype(np.float32))
    entries = [line.split()[1] for line in (folder / "feats.scp").read_text().splitlines()]
    spk2utt: dict[str, list[str]] = {}
    with (folder / "feats.scp").open("w") as scp, (folder / "utt2num_frames").open("w") as counts:
        for i, (name, speaker) in enumerate(names(n_utterances)):
            scp.write(f"{name} {entries[i % N_FEATURES]}\n")
            counts.write(f"{name} {FEATURE_FRAMES}\n")
            spk2utt.setdefault(speaker, []).append(name)
    _write_speakers(folder, spk2utt)
    (folder / "frontend.json").write_text(json.dumps(to_plain(VOXCELEB)))


def _write_speakers(folder: Path, spk2utt: dict[str, list[str]]) -> None:
    with (folder / "utt2spk").open("w") as file:
        file.writelines(f"{name} {speaker}\n" for speaker, own in spk2utt.items() for name in own)
    with (folder / "spk2utt").open("w") as file:
        file.writelines(f"{speaker} {' '.join(own)}\n" for speaker, own in spk2utt.items())


class _Ready(Exception):
    """Enough batches have come."""


def train(what: str, settings: dict[str, Any], n_batches: int) -> Start:
    """`pysid train` up to its first batch, and on to some more, on which nothing is trained."""
    start = Start(what)
    from pysid.config import from_plain
    from pysid.training.embedding import run as experiment
    from pysid.training.embedding.corpus import TrainingCorpus
    from pysid.training.trainer import Trainer

    class Reading(Trainer):
        """Takes the batches and drops them."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            start.mark("network and optimizer")

        def _step(self, inputs: Any, labels: Any, writer: Any) -> None:
            if self.progress.step == 0:
                start.mark("first batch")
            self.progress.step += 1
            if self.progress.step == n_batches:
                start.reader_gib = [private_bytes(p.pid) / GIB for p in multiprocessing.active_children() if p.pid]
                raise _Ready

    start.mark("imports")
    experiment.open_corpus = start.after(experiment.open_corpus, "tables")
    TrainingCorpus.batches = start.after(TrainingCorpus.batches, "selection and plan")  # type: ignore[method-assign]
    experiment.augment_batches = start.after(experiment.augment_batches, "augmentation")
    experiment.Trainer = Reading  # type: ignore[misc]
    try:
        experiment.run_training(from_plain(experiment.TrainConfig, settings, "settings"))
    except _Ready:
        return start
    raise AssertionError(f"expected at least {n_batches} batches")


def read(what: str, folder: Path) -> Start:
    start = Start(what)
    from pysid.data.corpus import Corpus

    start.mark("imports")
    Corpus.read(folder)
    start.mark("tables")
    return start


def check(what: str, folder: Path) -> Start:
    start = Start(what)
    from pysid.data.validate import validate

    start.mark("imports")
    problems = validate(folder)
    start.mark("checks")
    assert not problems, problems[0]
    return start


def features(what: str, folder: Path) -> Start:
    """What `pysid features` does up to its first utterance."""
    start = Start(what)
    from pysid.data.corpus import Corpus
    from pysid.data.features import compute_features
    from pysid.frontend import VOXCELEB

    start.mark("imports")
    corpus = Corpus.read(folder)
    start.mark("tables")
    next(compute_features(corpus, [utterance.id for utterance in corpus], VOXCELEB))
    start.mark("first utterance")
    return start


def embed(what: str, folder: Path) -> Start:
    """What `pysid embed` does up to its first utterance."""
    start = Start(what)
    import pysid
    from pysid.runs.inputs import _open_source

    start.mark("imports")
    model = pysid.load()
    start.mark("model")
    inputs = _open_source(str(folder), model, allow_pipes=False)
    assert inputs is not None
    start.mark("tables")
    next(iter(inputs.read((), lambda *_: None)))
    start.mark("first utterance")
    return start


def private_bytes(process: int) -> int:
    """Memory that a process holds and shares with no other; 0 where the system does not tell."""
    path = Path(f"/proc/{process}/smaps_rollup")
    if not path.exists():
        return 0
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith("Private_")]
    return 1024 * sum(int(line[1]) for line in lines)


def settings(data: Path, out: Path, sources: Path | None, batch_size: int) -> dict[str, Any]:
    """A training that reads `data`; with noises and rooms of `sources`, augmented."""
    plain: dict[str, Any] = {
        "train": str(data),
        "out": str(out),
        "chunks": {"batch_size": batch_size},
        "trainer": {"device": "cpu", "n_threads": 1, "n_workers": N_READERS},
    }
    if sources:
        noises = str(sources)
        plain["augment"] = {"noises": noises, "music": noises, "speech": str(EXAMPLES), "rooms": f"{noises}/rir_list"}
        plain["chunks"] |= {"min_utterance_frames": 100}  # those of examples/train are short
    return plain


def apart(step: Callable[..., Start], *arguments: Any) -> Start:
    """A step in a process of its own, new and not forked."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(step, *arguments).result()


def measure(folder: Path, n_utterances: int, batch_size: int, n_batches: int) -> list[Start]:
    from benchmarks.training import write_sources

    audio, stored, sources = folder / "audio", folder / "features", folder / "sources"
    sources.mkdir()
    write_sources(sources)
    write_audio_directory(audio, n_utterances)
    write_feature_directory(stored, n_utterances)
    return [
        apart(train, "pysid train, audio, augmented", settings(audio, folder / "a", sources, batch_size), n_batches),
        apart(train, "pysid train, stored features", settings(stored, folder / "b", None, batch_size), n_batches),
        apart(read, "Corpus.read", audio),
        apart(check, "pysid validate", audio),
        apart(features, "pysid features", audio),
        apart(embed, "pysid embed", audio),
    ]


def main() -> None:
    from benchmarks.measure.machine import machine

    parser = argparse.ArgumentParser(prog="python -m benchmarks.size", description=__doc__)
    parser.add_argument("--n-utterances", type=int, default=N_UTTERANCES, help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=128, help="(default: %(default)s)")
    parser.add_argument("--batches", type=int, default=20, help="read by each training (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    about = machine() | {"utterances": arguments.n_utterances}
    with tempfile.TemporaryDirectory() as folder:
        starts = measure(Path(folder), arguments.n_utterances, arguments.batch_size, arguments.batches)
    header = ["start of", "of which", "seconds", "CPU seconds", "peak memory", "each reading process"]
    show(header, [_cells(x) for x in starts], n_left=2)
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        plain = [{key: x for key, x in asdict(start).items() if key != "_last"} for start in starts]
        write_json(arguments.json, {"machine": about, "starts": plain})


def _cells(start: Start) -> list[str]:
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in start.parts.items())
    reader = f"{max(start.reader_gib):.2f} GiB" if start.reader_gib else ""
    seconds = (sum(start.parts.values()), start.cpu_s)
    return [start.what, parts, *(f"{x:.1f}" for x in seconds), f"{start.peak_gib:.2f} GiB", reader]


if __name__ == "__main__":
    main()
