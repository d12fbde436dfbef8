"""Damaged files for the readers of formats: `python -m benchmarks.fuzz_readers --minutes 10 [--seed 0]`.

A reader may refuse a file with a `DataError`, but must do nothing worse: no other exception, no hang, and no more
memory than a multiple of the file's size. Files are Kaldi's own, tables, turns and settings, cut off, with bytes
changed, numbers made extreme, pieces doubled, left out, or taken from another file. Files that break a reader are
reported, and with --save kept.
"""

import argparse
import signal
import tempfile
import time
import tracemalloc
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
import soundfile
import torch

from pysid.backend.search import EnrolledSide
from pysid.config import read_json, read_plain
from pysid.data.sources import AudioFiles
from pysid.errors import DataError, PysidWarning, Skipped
from pysid.exchange.kaldi_backend import parse_plda
from pysid.io.ark.archive import read_matrices, read_matrix, read_vector, read_vectors
from pysid.io.ark.npz import read_npz
from pysid.io.kaldi.files import reader_for
from pysid.io.kaldi.options import parse_option_file
from pysid.io.kaldi.reader import Reader
from pysid.io.tables import read_segments, read_trials, read_utt2spk
from pysid.io.turns.chat.writing import Times, Utterance, chat_text
from pysid.io.turns.exmaralda import format_exmaralda
from pysid.io.turns.formats import read_turns
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.textgrid import read_textgrid
from pysid.io.turns.uem import read_uem
from pysid.nnet3.config_lines import parse_config_lines
from pysid.nnet3.network import Nnet3Network
from pysid.runs.inputs import SourceInputs
from pysid.segments import Segment, Turn
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase
from pysid.speakers.index import Label, SpeakerIndex, index_path, read_index, write_index
from pysid.transcript import read_transcript

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "kaldi"
LONGEST_S = 10.0  # that a reader may take for one file
MEMORY_FACTOR = 200  # bytes that a reader may use for a byte of the file: text becomes Python objects on the way
MEMORY_BYTES = 20_000_000  # and these besides
MOST_RUN = 10_000  # features or outputs of a network that is also run
TEXTGRID = b'''File type = "ooTextFile"
Object class = "TextGrid"

0 2.5 <exists> 2
"IntervalTier" "anna" 0 2.5 2
0 1.5 "" 1.5 2.5 "well, ""yes"""
"TextTier" "marks" 0 2.5 1
1.25 "knock"
'''
RECORDINGS = (("WAV", "PCM_16"), ("RF64", "FLOAT"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("CAF", "ALAC_16"))
EXTREMES = (0, 1, -1, 2, 255, 65536, 2**24, 2**31 - 1, -(2**31), 2**30)


class Hung(BaseException):
    """A reader took too long; not an Exception, so that no reader can handle it."""


@dataclass(frozen=True)
class Target:
    """A reader of a file's content, and whole files of its format: a path, the content, or a function that makes it."""

    read: Callable[[bytes], object]
    sources: tuple[str | bytes | Callable[[], bytes], ...]

    def seeds(self) -> list[bytes]:
        """The content of the whole files."""
        return [_content(source) for source in self.sources]


@cache
def _content(source: str | bytes | Callable[[], bytes]) -> bytes:
    if callable(source):
        return source()
    return source if isinstance(source, bytes) else (GOLDEN / source).read_bytes()


def read_network(data: bytes) -> None:
    """Reads a network, puts it together, and runs it where it is small."""
    network = Nnet3Network(data, "fuzz")
    if max(network.feature_dim, network.embedding_dim) <= MOST_RUN and network.min_frames <= MOST_RUN:
        network(torch.zeros(1, network.min_frames, network.feature_dim))


def with_reader(read: Callable[[Reader], object]) -> Callable[[bytes], object]:
    """A reader of content, made from a reader of cursors."""
    return lambda data: read(reader_for(data, "fuzz"))


def with_file(read: Callable[[Path], object], ending: str = "") -> Callable[[bytes], object]:
    """A reader of content, made from a reader of files."""

    def read_content(data: bytes) -> object:
        with tempfile.NamedTemporaryFile(suffix=ending, dir=_memory()) as file:
            file.write(data)
            file.flush()
            found = read(Path(file.name))
            return deque(found, maxlen=0) if isinstance(found, Iterator) else found

    return read_content


def _npz() -> bytes:
    content = BytesIO()
    np.savez(content, keys=np.array(["a", "b"]), vectors=np.ones((2, 3), np.float32))
    return content.getvalue()


def read_archive(data: bytes) -> None:
    """Reads an archive in all the ways there are. Raises DataError if none of them gets to its end."""
    with tempfile.NamedTemporaryFile(suffix=".ark", dir=_memory()) as file:
        file.write(data)
        file.flush()
        with refused() as outcome:
            deque(read_vectors(f"ark:{file.name}"), maxlen=0)
        with refused() as other:
            deque(read_matrices(f"ark:{file.name}"), maxlen=0)
        for load in (read_vector, read_matrix):
            with refused():
                load(f"{file.name}:{data.find(b' ') + 1}")
        if outcome and other:
            raise outcome[0]


def _database() -> bytes:
    """A database of two speakers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speakers.db")
        with SpeakerDatabase.create(path, "fuzz", 4) as database:
            database.add({name: [EnrolledUtterance(name, 1.5, np.ones(4))] for name in ("anna", "ben")})
        return path.read_bytes()


def _index() -> bytes:
    """The index of such a database."""
    side = EnrolledSide(np.ones((2, 4), np.float32), np.zeros(2), np.ones(2, np.int32))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speakers.db")
        path.touch()
        write_index(path, Label("fuzz", 1, 1), [SpeakerIndex(np.array([1, 2]), side)])
        return index_path(path).read_bytes()


def _turns_and_words(path: Path) -> object:
    """Both of what a file has."""
    return read_turns(path), read_transcript(path)


def _chat() -> bytes:
    """CHAT of two speakers, with the marks of a transcription, and times of words."""
    said = [
        Utterance("Ana María", Times(0, 900), "<so it> [/] so (.) &-uh yes +...", [("so", Times(0, 300))], "+..."),
        Utterance(None, Times(500, 1200), "xxx (a)bout ba:nana@s:spa [= fruit] [<] , &=laughs ?"),
    ]
    return chat_text("meeting", said, "eng").encode()


def _exmaralda() -> bytes:
    """A basic transcription of two speakers."""
    turns = [Turn(Segment(0.0, 2.0), "anna"), Turn(Segment(1.0, 3.0), "ben"), Turn(Segment(3.0, 4.0), "anna")]
    return format_exmaralda("meeting", turns).replace("xxx ", "((0,5s)) go", 1).encode()


def _recording(form: str, subtype: str) -> bytes:
    """A recording of a tenth of a second."""
    stream = BytesIO()
    soundfile.write(stream, 0.3 * np.sin(np.arange(1600) / 7), 16000, format=form, subtype=subtype)
    return stream.getvalue()


def read_database(path: Path) -> None:
    """Reads a database of speakers in all the ways there are."""
    with SpeakerDatabase(path) as database:
        database.speakers()
        ids = database.changed_since(-1)[:100]
        database.names(ids.tolist())
        deque(database.means(ids.tolist()), maxlen=0)


def read_index_file(path: Path) -> None:
    """Reads the index of a database, which is made anew where it is damaged. Raises DataError there."""
    index = index_path(path)
    try:
        path.rename(index)
        found = read_index(path)
    finally:
        index.rename(path)
    if found is None:
        raise DataError("damaged")
    assert np.isfinite(found[1].side.left).all()


def read_recordings(path: Path) -> None:
    """Reads audio as `pysid embed` does, which skips what it cannot read. Raises DataError if it skips something."""
    skipped = Skipped()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PysidWarning)
        inputs = SourceInputs(AudioFiles({"fuzz": str(path)}, 16000))
        deque(inputs.read((), skipped.add), maxlen=0)
    if len(skipped):
        raise DataError(skipped.brief())


TARGETS: dict[str, Target] = {
    "network": Target(read_network, ("nnet3/small.raw", "nnet3/tdnnf.raw", "nnet3/etdnn.raw")),
    "network in text": Target(read_network, ("nnet3/small.txt", "nnet3/tdnnf.txt")),
    "plda": Target(with_reader(parse_plda), ("backend/plda", "backend/plda.txt", "backend/plda_smoothed")),
    "matrix": Target(
        with_reader(lambda reader: reader.matrix()),
        (
            "backend/transform.mat",
            b"\0BCM " + np.array([-1, 2], "<f4").tobytes() + np.array([9, 3], "<i4").tobytes() + bytes(range(51)),
            b"\0BCM2 " + np.array([-1, 2], "<f4").tobytes() + np.array([9, 3], "<i4").tobytes() + bytes(range(54)),
            b"\0BCM3 " + np.array([-1, 2], "<f4").tobytes() + np.array([9, 3], "<i4").tobytes() + bytes(range(27)),
            b" [\n  1 2.5 -3e4\n  4 5 6 ]\n",
        ),
    ),
    "vector": Target(
        with_reader(lambda reader: reader.vector()),
        ("backend/mean.vec", b"\0BDV \4\2\0\0\0" + bytes(16), b"\0BFV \4\3\0\0\0" + bytes(12)),
    ),
    "integers": Target(
        with_reader(lambda reader: reader.integers()), (b"\0B\4\3\0\0\0" + bytes(12), b"[ 1 -2 2147483647 ]\n")
    ),
    "archive": Target(
        read_archive,
        (
            "backend/eval.ark",
            "nnet3/xvectors.ark",
            "feats/mfcc_sre_8k.ark",
            b"a \0BCM " + np.array([-1, 2], "<f4").tobytes() + np.array([9, 3], "<i4").tobytes() + bytes(range(51)),
            b"a \0B\4\2\0\0\0\4\1\0\0\0\4\0\0\0\0b \0B\4\1\0\0\0\4\7\0\0\0",
            b"a  [ 1 2 3 ]\nb  [ 4 ]\nc 1 0 1\n",
            b"a  [\n  1 2\n  3 4 ]\nb  [ ]\n",
        ),
    ),
    "rttm": Target(
        with_file(read_rttm),
        (b"SPEAKER m 1 0.5 2.25 <NA> <NA> anna <NA> <NA>\nSPKR-INFO m 1 <NA> <NA> <NA> unknown anna <NA> <NA>\n; x\n",),
    ),
    "uem": Target(with_file(read_uem), (b"m 1 0 10.5\nm 1 12 20\nn A 0 3\n",)),
    "textgrid": Target(with_file(read_textgrid), (TEXTGRID, TEXTGRID.decode().encode("utf-16"))),
    "chat": Target(with_file(_turns_and_words, ".cha"), (_chat,)),
    "exmaralda": Target(with_file(_turns_and_words, ".exb"), (_exmaralda,)),
    "database": Target(with_file(read_database, ".db"), (_database,)),
    "index": Target(with_file(read_index_file), (_index,)),
    "audio": Target(with_file(read_recordings), tuple(partial(_recording, *kind) for kind in RECORDINGS)),
    "trials": Target(with_file(read_trials), (b"a b target\na c nontarget\n", b"1 a b\n0 a c\n", b"a b\n")),
    "segments": Target(with_file(read_segments), (b"u1 r 0.5 2\nu2 r 2 -1\nu3 r 3 4 1\n",)),
    "utt2spk": Target(with_file(read_utt2spk), (b"u1 anna\nu2 ben\n",)),
    "yaml": Target(with_file(read_plain), (b"a: {b: [1, 2.5, x], c: &d 3}\ne: *d\nf: 1:20:30\n",)),
    "json": Target(with_file(read_json), (b'{"format": 1, "a": [1, {"b": null}], "c": "x"}',)),
    "npz": Target(with_file(read_npz, ".npz"), (_npz(),)),
    "options": Target(
        lambda data: parse_option_file(data.decode("utf-8", "replace"), "fuzz"),
        ("feats/mfcc_voxceleb.conf", "feats/vad.conf"),
    ),
    "lines": Target(
        lambda data: parse_config_lines(data, "fuzz"),
        (
            "nnet3/extract.config",
            b"component-node name=a component=b input=Append(Offset(c, -1), Sum(Scale(0.5, d), Const(1, 3)))\n"
            b"dim-range-node name=e input-node=a dim-offset=1 dim=2 # comment\n",
        ),
    ),
}


def damaged(random: Random, seeds: list[bytes]) -> bytes:
    """A whole file with one to four damages."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, 4)):
        random.choice(_DAMAGES)(random, data, seeds)
    return bytes(data)


def check(target: Target, data: bytes) -> bool:
    """Whether the reader took the file; it may also have refused it.

    Raises:
        Hung, AssertionError: it took too long, or too much memory.
        Exception: any but a DataError.
    """
    tracemalloc.start()
    try:
        with limited(LONGEST_S), refused() as outcome:
            target.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= MEMORY_FACTOR * len(data) + MEMORY_BYTES, f"{peak} bytes of memory for a file of {len(data)}"
    return not outcome


@contextmanager
def refused() -> Iterator[list[DataError]]:
    """Catches a DataError, whose message must be one line; it is in the list afterwards."""
    outcome: list[DataError] = []
    try:
        yield outcome
    except DataError as error:
        assert "\n" not in str(error), f"a message of several lines: {error}"
        outcome.append(error)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `Hung` in the block after so many seconds of CPU time, or ten times as many of wall-clock time."""

    def hung(*_: object) -> None:
        raise Hung(f"more than {seconds:g} s")

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, 10 * seconds))
    before = [signal.signal(number, hung) for _, number, _ in timers]
    for timer, _, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        for (_, number, _), handler in zip(timers, before, strict=True):
            signal.signal(number, handler)


def _truncate(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    del data[random.randrange(len(data) + 1) :]


def _flip(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    for _ in range(random.randint(1, 8)):
        if data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _extreme_number(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    """Puts an extreme number where there may be a binary one, after a byte that tells its size; or a text one."""
    places = [i for i, byte in enumerate(data) if byte == 4]
    value = random.choice(EXTREMES)
    if places and random.random() < 0.7:
        start = random.choice(places) + 1
        data[start : start + 4] = value.to_bytes(4, "little", signed=True)
        return
    words = bytes(data).split(b" ")
    numbers = [i for i, word in enumerate(words) if word[:1].isdigit()]
    if numbers:
        words[random.choice(numbers)] = random.choice([str(value), "nan", "1e999", "9" * 5000, "-inf", "x"]).encode()
        data[:] = b" ".join(words)


def _double(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    start, stop = sorted(random.randrange(len(data) + 1) for _ in range(2))
    data[start:start] = data[start:stop][:10_000]


def _leave_out(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    start = random.randrange(len(data) + 1)
    del data[start : start + random.choice([1, 2, 4, 5, 50, 1000])]


def _take_over(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    other = random.choice(seeds)
    start = random.randrange(len(other) + 1)
    at = random.randrange(len(data) + 1)
    data[at : at + random.randrange(50)] = other[start : start + random.choice([5, 50, 2000])]


def _exchange_words(random: Random, data: bytearray, seeds: list[bytes]) -> None:
    """Exchanges two words of the file's first part, where the structure of a network is."""
    words = bytes(data[:20_000]).split(b" ")
    i, j = random.randrange(len(words)), random.randrange(len(words))
    words[i], words[j] = words[j], words[i]
    data[:20_000] = b" ".join(words)


_DAMAGES = (_truncate, _flip, _extreme_number, _extreme_number, _double, _leave_out, _take_over, _exchange_words)


def _memory() -> str | None:
    """A folder in memory instead of on a disk, if the system has one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> None:
    """Runs until the time is over; exit status 1 if a reader broke."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=TARGETS, help="only this one")
    parser.add_argument("--save", type=Path, help="folder for the files that break a reader")
    arguments = parser.parse_args()
    random, end = Random(arguments.seed), time.monotonic() + 60 * arguments.minutes
    targets = [arguments.target] if arguments.target else list(TARGETS)
    taken: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    while time.monotonic() < end:
        name = targets[sum(tried.values()) % len(targets)]
        data = damaged(random, TARGETS[name].seeds())
        tried[name] += 1
        try:
            taken[name] += check(TARGETS[name], data)
        except (Exception, Hung) as error:
            broken[name] += 1
            print(f"{name}, case {tried[name]}: {type(error).__name__}: {str(error)[:300]}", flush=True)
            if arguments.save:
                arguments.save.mkdir(parents=True, exist_ok=True)
                (arguments.save / f"{name.replace(' ', '-')}-{arguments.seed}-{tried[name]}").write_bytes(data)
    for name in targets:
        print(
            f"{name}: {tried[name]} damaged files, {taken[name]} readable all the same, {broken[name]} broke the reader"
        )
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
