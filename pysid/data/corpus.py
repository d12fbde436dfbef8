"""A corpus on disk: a Kaldi data directory (https://kaldi-asr.org/doc/data_prep.html).

Made for a million utterances: only the text of the tables is kept, an `Utterance` is made when it is
looked up, and no audio file is touched before its samples are needed.
"""

import dataclasses
import math
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar, Unpack, overload

import numpy as np

from pysid.data.packed import Labels, PackedStrings, PackedTable, read_packed
from pysid.errors import DataError, Skipped
from pysid.io import table_formats as formats
from pysid.io import tables
from pysid.io.ark.archive import split_entry
from pysid.io.audio.files import MAX_OVERSHOOT_S, AudioPiece, audio_info
from pysid.io.audio.reader import MAX_HOURS, AudioReader
from pysid.io.scp import is_pipe, resolve, resolve_path
from pysid.io.table_formats import SegmentLine, TableFormat
from pysid.segments import Segment

Value = TypeVar("Value")

BLOCK_S = 30.0  # of a recording, read at a time
WHOLE = Segment(0.0, math.inf)
UTTERANCE_TABLES = ("utt2dur", "utt2num_frames", "utt2lang", "utt2uniq", "text", "feats.scp", "vad.scp")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance: a recording or a piece of one.

    `source` is the entry of wav.scp as it stands there, a path or a shell pipe; `Corpus.read_wave` knows what
    a relative path is relative to. `segment` is in seconds and may have an infinite end; None is the whole
    recording.
    """

    id: str
    speaker: str | None
    recording: str
    source: str
    segment: Segment | None = None
    channel: int | None = None


class PieceOptions(TypedDict, total=False):
    """Which samples of an utterance: see `Corpus.open_wave`."""

    start_s: float
    duration_s: float | None
    channel: int | None
    max_hours: float
    allow_pipes: bool


@dataclass(frozen=True)
class Corpus:
    """The tables of a data directory, as read-only mappings.

    Attributes:
        directory: where it was read from; relative paths in it are looked for there first.
        wav_scp: {recording: path or pipe}.
        segments: {utterance: SegmentLine}; None where each recording is one utterance.
        utt2spk: {utterance: speaker}; empty where speakers are not known.
    """

    directory: Path
    wav_scp: Mapping[str, str] = dataclasses.field(repr=False)
    segments: Mapping[str, SegmentLine] | None = dataclasses.field(default=None, repr=False)
    utt2spk: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wav_scp", PackedTable.of(self.wav_scp))
        object.__setattr__(self, "utt2spk", PackedTable.of(self.utt2spk))
        object.__setattr__(self, "segments", None if self.segments is None else PackedTable.of(self.segments))

    @classmethod
    def read(cls, directory: str | os.PathLike[str]) -> Self:
        """Reads wav.scp and, where they exist, segments and utt2spk (else spk2utt).

        Utterances whose times are illegal are left out, see `pysid.io.tables.illegal_segments`.

        Raises:
            DataError: wav.scp is missing or empty, a line has another form, an utterance has no recording, or
                the utterances with a speaker are not the ones with audio.
        """
        folder = Path(directory)
        if not folder.is_dir():
            raise DataError(f"{directory}: expected a Kaldi data directory, got no such folder")
        wav_scp = read_packed(folder / "wav.scp", formats.WAV_SCP, PackedStrings())
        segments: Mapping[str, SegmentLine] | None = None
        speakers = _read_speakers(folder)
        if (folder / "segments").exists():
            segments = read_packed(folder / "segments", formats.SEGMENTS, [])
            if illegal := set(tables.illegal_segments(folder / "segments", segments)):
                segments = {name: line for name, line in segments.items() if name not in illegal}
                speakers = {name: speaker for name, speaker in speakers.items() if name not in illegal}
        corpus = cls(folder, wav_scp, segments, speakers)
        corpus._check()
        return corpus

    @property
    def ids(self) -> Sequence[str]:
        """The names of all utterances in the order of segments or wav.scp."""
        return self._table.names

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, utterance_id: object) -> bool:
        return utterance_id in self._table

    def __getitem__(self, utterance_id: str) -> Utterance:
        """The utterance of that id. Raises DataError where there is none."""
        if utterance_id not in self._table:
            raise DataError(f"{self.directory}: expected an utterance of the corpus, got {utterance_id!r}")
        speaker = self.utt2spk.get(utterance_id)
        if self.segments is None:
            return Utterance(utterance_id, speaker, utterance_id, self.wav_scp[utterance_id])
        line = self.segments[utterance_id]
        source = self.wav_scp[line.recording]
        return Utterance(utterance_id, speaker, line.recording, source, line.segment, line.channel)

    def __iter__(self) -> Iterator[Utterance]:
        return map(self.__getitem__, self.ids)

    @property
    def utterances(self) -> Sequence[Utterance]:
        """All utterances in the order of segments or wav.scp, each made when it is looked at."""
        return _Utterances(self, self.ids)

    def speakers(self) -> list[str]:
        """The distinct speakers in the order of the C locale."""
        return sorted(set(self.utt2spk.values()), key=str.encode)

    def spk2utt(self) -> dict[str, list[str]]:
        """{speaker: utterances}."""
        return tables.spk2utt_from_utt2spk(self.utt2spk)

    def genders(self) -> dict[str, str]:
        """{speaker: "m" or "f"} as far as spk2gender knows."""
        path = self.directory / "spk2gender"
        return tables.read_spk2gender(path) if path.exists() else {}

    def trials(self) -> list[tables.Trial]:
        """The trial list of the directory. Raises DataError where there is none."""
        return tables.read_trials(self.directory / "trials")

    def speaker_of_each(self) -> list[str]:
        """The speaker of each utterance, in the order of `ids`. Raises KeyError where speakers are not known."""
        assert isinstance(self.utt2spk, PackedTable)
        return list(self.utt2spk.gather(self.ids))

    def durations(self, skipped: Skipped | None = None) -> Mapping[str, float]:
        """{utterance: seconds}, from utt2dur, segments, reco2dur, or else the headers of the audio files.

        Args:
            skipped: gets the utterances whose headers cannot be read, which last 0 s then.
        Raises:
            DataError: a header cannot be read, and there is no `skipped`; or there is none, as of a shell pipe.
        """
        known = self._optional("utt2dur", formats.DURATIONS, array("d"))
        if isinstance(known, PackedTable) and known.names == self.ids:
            return known
        recordings = self._optional("reco2dur", formats.DURATIONS, array("d"))
        found = (known[key] if key in known else self._duration(self[key], recordings, skipped) for key in self.ids)
        return PackedTable(self.ids, array("d", found))

    def read_wave(self, utterance: Utterance, sample_rate: int = 16000, **piece: Unpack[PieceOptions]) -> np.ndarray:
        """The samples of an utterance or a piece of it, (S,) float32 at int16 scale; arguments as of `open_wave`."""
        with self.open_wave(utterance, sample_rate, **piece) as opened:
            return opened.read()

    def wave_blocks(
        self, utterance: Utterance, sample_rate: int = 16000, **piece: Unpack[PieceOptions]
    ) -> Iterator[np.ndarray]:
        """The samples of an utterance or a piece of it in blocks (S_i,) of 30 s; arguments as of `open_wave`."""
        with self.open_wave(utterance, sample_rate, **piece) as opened:
            yield from opened.blocks(BLOCK_S)

    @contextmanager
    def open_wave(
        self,
        utterance: Utterance,
        sample_rate: int = 16000,
        *,
        start_s: float = 0.0,
        duration_s: float | None = None,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
        allow_pipes: bool = False,
    ) -> Iterator[AudioPiece]:
        """An utterance or a piece of it, to be read as a whole or in blocks.

        Args:
            utterance: one of this corpus.
            sample_rate: Hz; resampled to it where the recording has another rate.
            start_s: where the piece starts, in seconds from the start of the utterance.
            duration_s: seconds; the piece is shorter where the utterance ends. None is all the rest.
            channel: as in `read_audio`; a channel named in segments takes precedence.
            max_hours: a longer recording is refused.
            allow_pipes: whether an entry of wav.scp that is a shell pipe may run.
        Raises:
            DataError: naming the utterance, and what is wrong with its audio.
        """
        whole = utterance.segment or WHOLE
        begin_s, end_s, overshoot_s = whole.start_s + start_s, whole.end_s, MAX_OVERSHOOT_S
        if duration_s is not None and begin_s + duration_s < end_s:
            end_s, overshoot_s = begin_s + duration_s, math.inf
        try:
            audio = resolve(utterance.source, self.directory, allow_pipes=allow_pipes)
            named = channel if utterance.channel is None else utterance.channel
            with AudioReader(audio, sample_rate, named, max_hours) as reader:
                yield AudioPiece.cut(reader, begin_s, end_s, overshoot_s)
        except DataError as error:
            raise DataError(f"{utterance.id}: {error}") from None

    def subset(self, ids: Iterable[str]) -> "Corpus":
        """The corpus of some utterances, in this corpus's order. Raises DataError where one is not in it."""
        kept = set(ids)
        _refuse(sorted(kept.difference(self._table)), len(kept), self.directory, "asked for are not there")
        utt2spk = {key: speaker for key, speaker in self.utt2spk.items() if key in kept}
        segments = self.segments and {key: line for key, line in self.segments.items() if key in kept}
        recordings = kept if segments is None else {line.recording for line in segments.values()}
        wav_scp = {key: entry for key, entry in self.wav_scp.items() if key in recordings}
        return Corpus(self.directory, wav_scp, segments, utt2spk)

    def write(self, directory: str | os.PathLike[str]) -> None:
        """Writes the corpus as a data directory, sorted as Kaldi wants it.

        The other tables of the directory it was read from come along, cut down to its utterances, speakers
        and recordings. A path that is relative to the old directory becomes absolute.
        """
        new = Path(directory)
        new.mkdir(parents=True, exist_ok=True)
        _write_sorted(new / "wav.scp", {key: self._moved(entry, new) for key, entry in self.wav_scp.items()})
        _write_sorted(new / "segments", self.segments)
        _write_sorted(new / "utt2spk", self.utt2spk)
        spk2utt = {speaker: sorted(ids, key=str.encode) for speaker, ids in self.spk2utt().items()}
        _write_sorted(new / "spk2utt", {speaker: " ".join(ids) for speaker, ids in spk2utt.items()})
        for name in UTTERANCE_TABLES:
            self._copy_table(name, new, self._table)
        self._copy_table("spk2gender", new, set(self.utt2spk.values()))
        self._copy_table("reco2dur", new, self.wav_scp)
        if (self.directory / "trials").exists():
            models = {*self.ids, *self.utt2spk.values()}  # a speaker may be enrolled under their own name
            known = [trial for trial in self.trials() if trial.enrol in models and trial.test in self]
            tables.write_trials(new / "trials", known)

    @property
    def _table(self) -> PackedTable[Any]:
        table = self.wav_scp if self.segments is None else self.segments
        assert isinstance(table, PackedTable)
        return table

    def _check(self) -> None:
        if not self.ids:
            raise DataError(f"{self.directory}: expected at least one utterance, got none")
        if self.segments is not None:
            lost = [key for key, line in self.segments.items() if line.recording not in self.wav_scp]
            _refuse(lost, len(self.segments), self.directory / "segments", "have no recording in wav.scp")
        if self.utt2spk:
            audio = self.directory / ("wav.scp" if self.segments is None else "segments")
            assert isinstance(self.utt2spk, PackedTable)
            lost = self._table.missing(self.utt2spk.names)
            _refuse(lost, len(self.utt2spk), self.directory / "utt2spk", f"have no audio in {audio.name}")
            lost = self.utt2spk.missing(self.ids)
            _refuse(lost, len(self.ids), audio, "have no speaker in utt2spk")

    def _optional(self, name: str, table_format: TableFormat[Value], column: Any) -> Mapping[str, Value]:
        path = self.directory / name
        return read_packed(path, table_format, column) if path.exists() else {}

    def _duration(self, utterance: Utterance, recordings: Mapping[str, float], skipped: Skipped | None = None) -> float:
        piece = utterance.segment or WHOLE
        if math.isfinite(piece.end_s):
            return piece.duration_s
        if utterance.recording in recordings:
            return recordings[utterance.recording] - piece.start_s
        try:
            return audio_info(resolve(utterance.source, self.directory)).duration_s - piece.start_s
        except DataError as error:
            if skipped is None:
                raise DataError(f"{utterance.id}: {error}") from None
            if is_pipe(utterance.source):  # nothing is wrong with it
                raise DataError(
                    f"{utterance.id}: expected the length of a shell pipe in {self.directory / 'utt2dur'}, "
                    "segments or reco2dur"
                ) from None
            skipped.add(utterance.id, error)
            return 0.0

    def _moved(self, entry: str, new: Path) -> str:
        path = split_entry(entry)[0]
        found = path if is_pipe(entry) else resolve_path(path, self.directory)
        if found == path or new.samefile(self.directory):
            return entry
        return os.path.abspath(found) + entry.removeprefix(path)

    def _copy_table(self, name: str, new: Path, keys: Iterable[str]) -> None:
        kept = set(keys)
        old = self._optional(name, formats.ANY, PackedStrings())
        table = {key: value for key, value in old.items() if key in kept}
        if name.endswith(".scp"):
            table = {key: self._moved(entry, new) for key, entry in table.items()}
        if table:
            _write_sorted(new / name, table)


class _Utterances(Sequence[Utterance]):
    """The utterances of a corpus as a sequence that makes them one at a time."""

    def __init__(self, corpus: Corpus, ids: Sequence[str]) -> None:
        self.corpus = corpus
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> "_Utterances": ...
    def __getitem__(self, index: int | slice) -> "Utterance | _Utterances":
        if isinstance(index, slice):
            return _Utterances(self.corpus, self.ids[index])
        return self.corpus[self.ids[index]]


def _read_speakers(folder: Path) -> Mapping[str, str]:
    if (folder / "utt2spk").exists():
        return read_packed(folder / "utt2spk", formats.UTT2SPK, Labels())
    if (folder / "spk2utt").exists():
        return tables.utt2spk_from_spk2utt(tables.read_spk2utt(folder / "spk2utt"))
    return {}


def _refuse(lost: Sequence[str], n_total: int, where: Path, what: str) -> None:
    if lost:
        raise DataError(f"{where}: {len(lost)} of {n_total} utterances {what}; the first is {lost[0]!r}")


def _write_sorted(path: Path, table: Mapping[str, object] | None) -> None:
    """In the order of the C locale: by the bytes of the keys. An old table that is no longer there is removed."""
    if table:
        tables.write_table(path, dict(sorted(table.items(), key=lambda item: item[0].encode())))
    else:
        path.unlink(missing_ok=True)
