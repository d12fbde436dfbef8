"""Simulated conversations with their reference, from a data directory of recordings of single speakers.

Three steps: `find_clips` listens where in each recording there is speech, `ConversationPlan` decides without audio
what each conversation is made of, and `render` adds up its waveform. `write_conversations` does all of it and writes a
data directory; what an earlier run wrote is kept.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.signal import lfilter

from pysid.augment.noise import Samples
from pysid.config import to_plain
from pysid.data.conversations.clip_speech import clip_speech
from pysid.data.conversations.plan import Clip, Conversation, ConversationConfig, ConversationPlan, Piece
from pysid.data.conversations.scenes import Scene
from pysid.data.corpus import Corpus
from pysid.data.sources import CorpusAudio
from pysid.errors import DataError, Skipped
from pysid.io.audio.files import AudioPiece, write_audio
from pysid.io.claim import Changes, claim, read_claim
from pysid.io.lock import output_lock
from pysid.io.tables import write_table
from pysid.io.text import write_lines
from pysid.io.turns.rttm import write_rttm
from pysid.io.turns.uem import write_uem
from pysid.parallel.archive import identity
from pysid.progress import say, track
from pysid.segments import Segment

Item = TypeVar("Item")
Result = TypeVar("Result")

CONVERSATIONS_FILE = "conversations.json"  # in a folder of conversations: what they are made with
HASHES = ("clips", "recordings", "sounds")  # there, hashes of what they were made from
PLAN_COLUMNS = ("recording", "start_s", "end_s", "speaker", "utterance", "from_s", "to_s", "gain_db")
FADE_S = 0.005  # at both ends of a piece, against clicks
HIGHEST = 32000.0  # a conversation that would peak higher is made softer as a whole
NOISE_POLE = 0.95  # of the low-pass that makes white noise sound like a room
CACHED_CLIPS = 2048  # decoded clips kept in memory: some 400 MB where they last 6 s

LONG_S = 600.0  # an utterance that lasts longer is not kept: of it, only what is heard is read

ReadWave = Callable[[str], Samples]


def write_conversations(
    corpus: Corpus,
    directory: Path,
    config: ConversationConfig | None = None,
    *,
    scene: Scene | None = None,
    speakers: Collection[str] | None = None,
    n_jobs: int = 1,
    allow_pipes: bool = False,
) -> tuple[list[Conversation], Skipped]:
    """Writes a data directory of conversations.

    That is `audio/conv-0001.flac`, ..., `wav.scp`, `ref.rttm`, `all.uem`, `reco2dur`, `reco2num_spk`, `plan.tsv`
    (which piece of which utterance is where) and `conversations.json`. Audio that an earlier run of the same settings
    wrote is kept.

    Args:
        scene: the room, and what is heard besides speech.
        speakers: the only speakers to use; None for all of the corpus.
        n_jobs: threads.
    Returns:
        The conversations, and the utterances that could not be read.
    Raises:
        DataError: no speakers are known, or too few have a long enough clip; `directory` holds something else, or
            conversations of other settings or other clips.
    """
    config = config or ConversationConfig()
    waves = ClipWaves(corpus, config.sample_rate, allow_pipes)
    clips, skipped = find_clips(corpus, waves, config, speakers, n_jobs)
    try:
        plan = ConversationPlan(clips, config)
    except DataError as error:
        raise DataError(f"{corpus.directory}: {error}") from None
    say(
        f"{plan.n_clips} utterances of {plan.n_speakers} speakers, of {len(clips)} with speech, are long enough "
        f"({config.min_piece_s:g} s)"
    )
    conversations = [plan.conversation(number) for number in range(1, config.n_conversations + 1)]

    def write(conversation: Conversation) -> None:
        write_audio(_audio(directory, conversation), render(conversation, waves, config, scene), config.sample_rate)

    with output_lock(directory):
        _claim(directory, config, clips, waves.identities(clip.utterance for clip in clips), scene)
        todo = [c for c in conversations if not _audio(directory, c).exists()]
        done = len(conversations) - len(todo)
        for _ in track(_in_threads(write, todo, n_jobs), f"conversations {directory}", len(conversations), start=done):
            pass
        _write_tables(directory, conversations, config)
    return conversations, skipped


def find_clips(
    corpus: Corpus, waves: ReadWave, config: ConversationConfig, speakers: Collection[str] | None, n_jobs: int = 1
) -> tuple[list[Clip], Skipped]:
    """Where there is speech in the utterances of some or all speakers; those without any are left out.

    Args:
        corpus: one speaker an utterance.
        waves: reads an utterance, (S,) at int16 scale.
        config: what counts as a clip.
        speakers: of whom; None takes all.
        n_jobs: processes.
    Returns:
        The clips, and the utterances that could not be read.
    Raises:
        DataError: the corpus knows no speakers, or not one of those asked for, or nothing can be read.
    """
    if not corpus.utt2spk:
        raise DataError(f"{corpus.directory}: expected utt2spk or spk2utt: conversations are made of known speakers")
    if unknown := sorted(set(speakers or ()).difference(corpus.utt2spk.values())):
        raise DataError(
            f"{corpus.directory}: {len(unknown)} of the speakers asked for are not there; the first is {unknown[0]!r}"
        )
    names = [name for name, speaker in corpus.utt2spk.items() if speakers is None or speaker in speakers]

    def listen(name: str) -> list[Segment] | DataError:
        try:
            return _speech(waves(name), config)
        except DataError as error:
            return error

    clips, skipped = [], Skipped()
    found = track(_in_threads(listen, names, n_jobs), f"speech {corpus.directory}", len(names))
    for name, speech in zip(names, found, strict=True):
        if isinstance(speech, DataError):
            skipped.add(name, speech)
        elif speech:
            clips.append(Clip(name, corpus.utt2spk[name], tuple(speech)))
    if not clips:
        raise DataError(f"{corpus.directory}: no speech in any of {len(names)} utterances: {skipped.brief()}")
    return clips, skipped


def _speech(wave: Samples, config: ConversationConfig) -> list[Segment]:
    """Where there is speech in an utterance; a long one is listened to piece by piece."""
    found: list[Segment] = []
    size = int(LONG_S * config.sample_rate)
    for start in range(0, len(wave), size):
        piece = wave[start : start + size].astype(np.float32)
        for part in clip_speech(piece, config.sample_rate, config.inner_pause_s):
            moved = Segment(part.start_s + start / config.sample_rate, part.end_s + start / config.sample_rate)
            if found and moved.start_s - found[-1].end_s < config.inner_pause_s:
                moved = Segment(found.pop().start_s, moved.end_s)
            found.append(moved)
    return found


class ClipWaves:
    """Utterances (S,) of a corpus by name, int16; the last ones are kept, as clips are used again and again.

    Long ones are not: their samples are read when a slice of them is asked for.
    """

    def __init__(self, corpus: Corpus, sample_rate: int, allow_pipes: bool = False) -> None:
        self.corpus = corpus
        self.sample_rate = sample_rate
        self.allow_pipes = allow_pipes
        self._cached = lru_cache(CACHED_CLIPS)(self._read)

    def __call__(self, name: str) -> Samples:
        """Raises DataError, without the name, where the utterance cannot be read."""
        return self._cached(name)

    def identities(self, names: Iterable[str]) -> Iterator[str]:
        """What utterances are and in which state their files are, a line each."""
        audio = CorpusAudio(self.corpus, self.sample_rate, self.allow_pipes)
        return (f"{name} {identity(audio, name)}" for name in names)

    def _read(self, name: str) -> Samples:
        with self.open(name) as piece:
            if piece.duration_s > LONG_S:
                return _Slices(self, name, piece.stop - piece.start)
            return _rounded(piece.read())

    @contextmanager
    def open(self, name: str) -> Iterator[AudioPiece]:
        """An utterance, to be read piece by piece. Raises DataError, without the name, where it cannot be read."""
        opened = self.corpus.open_wave(self.corpus[name], self.sample_rate, allow_pipes=self.allow_pipes)
        try:
            with opened as piece:
                yield piece
        except DataError as error:
            raise DataError(str(error).removeprefix(f"{name}: ")) from None


class _Slices:
    """The samples of a long utterance, int16, of which those that are asked for are read."""

    def __init__(self, waves: ClipWaves, name: str, n_samples: int) -> None:
        self.waves = waves
        self.name = name
        self.n_samples = n_samples

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, place: slice) -> np.ndarray:
        start, stop, _ = place.indices(self.n_samples)
        if start >= stop:
            return np.zeros(0, np.int16)
        with self.waves.open(self.name) as piece:
            return _rounded(AudioPiece(piece.reader, piece.start + start, piece.start + stop).read())


def _rounded(wave: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def render(
    conversation: Conversation, read_wave: ReadWave, config: ConversationConfig, scene: Scene | None = None
) -> np.ndarray:
    """The waveform of a conversation, (S,) float32 at int16 scale.

    Args:
        read_wave: gives utterances (S,) at int16 scale and the rate of `config`, of which slices are taken.
        scene: where it takes place; its sounds replace the noise that fills pauses.
    """
    rate = config.sample_rate
    wave = np.zeros(round(conversation.duration_s * rate), np.float32)
    rng = np.random.default_rng([config.seed, *conversation.id.encode()])
    around = None if scene is None else scene.draw(conversation.speakers, len(wave), rng)
    covered = np.zeros(len(wave), np.float32)  # by pieces: 0 in a pause, 1 in a piece, between them in a fade
    powers = []
    for piece in conversation.pieces:
        samples = _samples(piece, read_wave, rate)
        fade = _fade(len(samples), round(FADE_S * rate))
        start = round(piece.start_s * rate)
        heard = samples * fade
        if around:
            heard = around.reverberant(heard, piece.clip.speaker)[: len(wave) - start]
        wave[start : start + len(heard)] += heard
        np.maximum(covered[start : start + len(samples)], fade, out=covered[start : start + len(samples)])
        powers.append(float(np.mean(np.square(samples))))
    if around:
        wave += around.background * np.float32(np.sqrt(np.mean(powers)))
    elif config.noise_snr_db is not None:
        level = np.sqrt(min(powers)) * 10 ** (-config.noise_snr_db / 20)
        wave += (1 - covered) * _room_noise(rng, len(wave), level)
    return wave * np.float32(min(1.0, HIGHEST / max(1.0, float(np.abs(wave).max()))))


def _samples(piece: Piece, read_wave: ReadWave, rate: int) -> np.ndarray:
    start = round(piece.part.start_s * rate)
    samples = read_wave(piece.clip.utterance)[start : start + round(piece.part.duration_s * rate)]
    return np.asarray(samples, np.float32) * np.float32(10 ** (piece.gain_db / 20))


def _fade(size: int, n: int) -> np.ndarray:
    """(size,) ones that rise from and fall to 0 over n samples."""
    distance = np.arange(size, dtype=np.float32)
    return np.minimum(1.0, np.minimum(distance, distance[::-1]) / n)


def _room_noise(rng: np.random.Generator, size: int, rms: float) -> np.ndarray:
    """(size,) low-pass noise of a given level, at least that of the last bit: never digitally silent."""
    noise = lfilter([np.sqrt(1 - NOISE_POLE**2)], [1.0, -NOISE_POLE], rng.standard_normal(size, np.float32))
    return (noise * max(1.0, rms)).astype(np.float32)


def _in_threads(function: Callable[[Item], Result], items: Sequence[Item], n_threads: int) -> Iterator[Result]:
    """Results in the order of the items. Decoding and encoding, most of the work, go on side by side in threads."""
    with ThreadPoolExecutor(n_threads) as pool:
        yield from pool.map(function, items)


def _audio(directory: Path, conversation: Conversation) -> Path:
    return directory / "audio" / f"{conversation.id}.flac"


def _claim(
    directory: Path,
    config: ConversationConfig,
    clips: Sequence[Clip],
    recordings: Iterable[str],
    scene: Scene | None,
) -> None:
    """Writes into `directory` what its conversations are made with, unless it holds something else."""
    path = directory / CONVERSATIONS_FILE
    settings = {**to_plain(config), "clips": _hash(f"{clip.utterance} {clip.speaker} {clip.speech}" for clip in clips)}
    settings["recordings"] = _hash(recordings)
    if scene is None:
        del settings["scene"]  # it says nothing then
    else:
        settings["sounds"] = _hash(scene.names)
    del settings["n_conversations"]  # more of them may be made later
    if path.exists():
        # Settings newer than the file have what they had then, their defaults.
        before = {**to_plain(ConversationConfig()), "recordings": settings["recordings"], **read_claim(path)}
        old: dict[str, Any] | None = {key: before.get(key) for key in (*HASHES, *settings)}
    elif (directory / "wav.scp").exists():
        raise DataError(f"{directory}: expected a new folder or one of conversations, got another data directory")
    else:
        old = None
    claim(path, old, settings, _describe)


def _describe(changes: Changes) -> str:
    name, (old, new) = next(iter(changes.items()))
    return f"conversations of other {name}" if name in HASHES else f"conversations of {name} {old}, not {new}"


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _write_tables(directory: Path, conversations: Sequence[Conversation], config: ConversationConfig) -> None:
    """All but the audio; wav.scp comes last, so that a directory that has one is complete."""
    write_lines(directory / "plan.tsv", _plan_lines(conversations))
    write_rttm(directory / "ref.rttm", {c.id: c.turns(config.reference) for c in conversations})
    write_uem(directory / "all.uem", {c.id: [Segment(0.0, c.duration_s)] for c in conversations})
    write_table(directory / "reco2dur", {c.id: c.duration_s for c in conversations})
    write_table(directory / "reco2num_spk", {c.id: len(c.speakers) for c in conversations})
    audio = {c.id: _audio(directory, c).relative_to(directory).as_posix() for c in conversations}
    write_table(directory / "wav.scp", audio)


def _plan_lines(conversations: Sequence[Conversation]) -> Iterator[str]:
    yield "\t".join(PLAN_COLUMNS)
    for conversation in conversations:
        for piece in conversation.pieces:
            times = (piece.start_s, piece.end_s), (piece.part.start_s, piece.part.end_s), (piece.gain_db,)
            place, part, gain = ([f"{x:.2f}" for x in group] for group in times)
            yield "\t".join([conversation.id, *place, piece.clip.speaker, piece.clip.utterance, *part, *gain])
