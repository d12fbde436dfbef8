"""A corpus on disk: a Kaldi data directory (https://kaldi-asr.org/doc/data_prep.html).

Made for a million utterances: what is kept is dictionaries of strings, an `Utterance` is made when it is looked at,
and no audio file is touched before its samples are wanted.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar, overload

import numpy as np

from pysid.errors import DataError
from pysid.io.ark import split_entry
from pysid.io.audio import audio_info, read_audio
from pysid.io.tables import (
    SegmentLine,
    Trial,
    read_durations,
    read_segments,
    read_spk2gender,
    read_spk2utt,
    read_table,
    read_trials,
    read_utt2spk,
    read_wav_scp,
    spk2utt_from_utt2spk,
    utt2spk_from_spk2utt,
    write_segments,
    write_spk2utt,
    write_table,
    write_trials,
)
from pysid.io.wav_scp import is_pipe, resolve, resolve_path
from pysid.segments import Segment

T = TypeVar("T")

PER_UTTERANCE = ("utt2dur", "utt2num_frames", "utt2lang", "utt2uniq", "text", "feats.scp", "vad.scp")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance: a recording or a piece of one.

    `source` is the entry of wav.scp as it stands there, a path or a shell pipe; `Corpus.read_wave` knows what a
    relative path is relative to. `segment` is in seconds, None for the whole recording; its end may be infinite.
    """

    id: str
    speaker: str | None
    recording: str
    source: str
    segment: Segment | None = None
    channel: int | None = None


@dataclass(frozen=True)
class Corpus:
    """The tables of a data directory.

    Attributes:
        directory: where it was read from; relative paths in it are looked for there first.
        wav_scp: {recording: path or pipe}.
        segments: {utterance: SegmentLine}; None where each recording is one utterance.
        utt2spk: {utterance: speaker}; empty where speakers are not known.
    """

    directory: Path
    wav_scp: Mapping[str, str]
    segments: Mapping[str, SegmentLine] | None = None
    utt2spk: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, directory: str | os.PathLike[str]) -> Self:
        """Reads wav.scp and, where they exist, segments and utt2spk (or spk2utt).

        Raises:
            DataError: wav.scp is missing or empty, a line is malformed, an utterance has no recording, or
                the utterances with a speaker are not those with audio.
        """
        folder = Path(directory)
        if not folder.is_dir():
            raise DataError(f"{directory}: expected a Kaldi data directory, got no such folder")
        wav_scp = read_wav_scp(folder / "wav.scp")
        segments = read_segments(folder / "segments") if (folder / "segments").exists() else None
        corpus = cls(folder, wav_scp, segments, _read_speakers(folder))
        corpus._check()
        return corpus

    def __len__(self) -> int:
        return len(self._ids)

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
        return map(self.__getitem__, self._ids)

    @property
    def utterances(self) -> Sequence[Utterance]:
        """All utterances in the order of segments or wav.scp, each made when it is looked at."""
        return _Utterances(self, self._ids)

    def speakers(self) -> list[str]:
        """The distinct speakers in the order of the C locale."""
        return sorted(set(self.utt2spk.values()), key=str.encode)

    def speaker_to_index(self) -> dict[str, int]:
        """{speaker: class number}, numbered in the order of `speakers`: the same on every machine."""
        return {speaker: index for index, speaker in enumerate(self.speakers())}

    def spk2utt(self) -> dict[str, list[str]]:
        """{speaker: utterances}."""
        return spk2utt_from_utt2spk(self.utt2spk)

    def genders(self) -> dict[str, str]:
        """{speaker: "m" or "f"} of spk2gender, empty without one."""
        return self._optional("spk2gender", read_spk2gender)

    def trials(self) -> list[Trial]:
        """The trial list of the directory. Raises DataError where there is none."""
        return read_trials(self.directory / "trials")

    def durations(self) -> dict[str, float]:
        """{utterance: seconds}, from utt2dur, or segments and reco2dur, or else the header of every audio file."""
        known = self._optional("utt2dur", read_durations)
        if all(utterance in known for utterance in self._ids):
            return {utterance: known[utterance] for utterance in self._ids}
        recordings = self._optional("reco2dur", read_durations)
        return {utterance.id: self._duration(utterance, recordings) for utterance in self}

    def read_wave(
        self,
        utterance: Utterance,
        sample_rate: int = 16000,
        *,
        channel: int | None = 0,
        allow_pipes: bool = False,
    ) -> np.ndarray:
        """The samples of an utterance, (S,) float32 at int16 scale, resampled to `sample_rate` Hz where needed.

        Args:
            utterance: one of this corpus.
            sample_rate: Hz.
            channel: as in `read_audio`; a channel in segments goes before it.
            allow_pipes: whether an entry of wav.scp that is a shell pipe may run.
        Raises:
            DataError: naming the utterance and what is wrong with its audio.
        """
        piece = utterance.segment or Segment(0.0, float("inf"))
        try:
            source = resolve(utterance.source, self.directory, allow_pipes=allow_pipes)
            wave, _ = read_audio(
                source,
                sample_rate=sample_rate,
                channel=channel if utterance.channel is None else utterance.channel,
                start_s=piece.start_s,
                end_s=piece.end_s,
            )
        except DataError as error:
            raise DataError(f"{utterance.id}: {error}") from None
        return wave

    def subset(self, ids: Iterable[str]) -> "Corpus":
        """The corpus of some utterances, in this corpus's order. Raises DataError where one is not in it."""
        kept = set(ids)
        unknown = sorted(kept.difference(self._table))
        if unknown:
            raise DataError(
                f"{self.directory}: {len(unknown)} of {len(kept)} utterances are not in the corpus;"
                f" the first is {unknown[0]!r}"
            )
        utt2spk = {key: speaker for key, speaker in self.utt2spk.items() if key in kept}
        if self.segments is None:
            return Corpus(
                self.directory, {key: self.wav_scp[key] for key in self._ids if key in kept}, None, utt2spk
            )
        segments = {key: line for key, line in self.segments.items() if key in kept}
        recordings = {line.recording for line in segments.values()}
        wav_scp = {key: entry for key, entry in self.wav_scp.items() if key in recordings}
        return Corpus(self.directory, wav_scp, segments, utt2spk)

    def write(self, directory: str | os.PathLike[str]) -> None:
        """Writes the corpus as a data directory, sorted as Kaldi wants it.

        The other tables of the directory it was read from come along, cut down to its utterances, speakers and
        recordings. A path relative to the old directory becomes absolute; other entries stay as they are.
        """
        new = Path(directory)
        new.mkdir(parents=True, exist_ok=True)
        write_table(
            new / "wav.scp", _sorted({key: self._moved(entry) for key, entry in self.wav_scp.items()})
        )
        if self.segments is not None:
            write_segments(new / "segments", _sorted(self.segments))
        if self.utt2spk:
            utt2spk = _sorted(self.utt2spk)
            write_table(new / "utt2spk", utt2spk)
            write_spk2utt(new / "spk2utt", _sorted(spk2utt_from_utt2spk(utt2spk)))
        for name in PER_UTTERANCE:
            self._copy_table(name, new, self._table)
        self._copy_table("spk2gender", new, set(self.utt2spk.values()))
        self._copy_table("reco2dur", new, self.wav_scp)
        if (self.directory / "trials").exists():
            known = [trial for trial in self.trials() if trial.enrol in self and trial.test in self]
            write_trials(new / "trials", known)

    @property
    def _table(self) -> Mapping[str, object]:
        return self.wav_scp if self.segments is None else self.segments

    @cached_property
    def _ids(self) -> list[str]:
        return list(self._table)

    def _check(self) -> None:
        if not self._ids:
            raise DataError(f"{self.directory}: expected at least one utterance, got none")
        if self.segments is not None:
            lost = [key for key, line in self.segments.items() if line.recording not in self.wav_scp]
            self._refuse(lost, len(self.segments), "segments", "have no recording in wav.scp")
        if self.utt2spk:
            audio = "wav.scp" if self.segments is None else "segments"
            lost = [key for key in self.utt2spk if key not in self._table]
            self._refuse(lost, len(self.utt2spk), "utt2spk", f"have no audio in {audio}")
            lost = [key for key in self._ids if key not in self.utt2spk]
            self._refuse(lost, len(self._ids), audio, "have no speaker in utt2spk")

    def _refuse(self, lost: list[str], n_total: int, table: str, what: str) -> None:
        if lost:
            raise DataError(
                f"{self.directory}: {len(lost)} of {n_total} utterances in {table} {what}; the first is {lost[0]!r}"
            )

    def _optional(self, name: str, read: Callable[[Path], dict[str, T]]) -> dict[str, T]:
        path = self.directory / name
        return read(path) if path.exists() else {}

    def _duration(self, utterance: Utterance, recordings: Mapping[str, float]) -> float:
        end_s = utterance.segment.end_s if utterance.segment else float("inf")
        start_s = utterance.segment.start_s if utterance.segment else 0.0
        if end_s == float("inf"):
            if utterance.recording not in recordings:
                return audio_info(resolve(utterance.source, self.directory)).duration_s - start_s
            end_s = recordings[utterance.recording]
        return end_s - start_s

    def _moved(self, entry: str) -> str:
        path = entry if is_pipe(entry) else split_entry(entry)[0]
        found = path if is_pipe(entry) else resolve_path(path, self.directory)
        return entry if found == path else os.path.abspath(found) + entry.removeprefix(path)

    def _copy_table(self, name: str, new: Path, keys: Iterable[str]) -> None:
        if not (self.directory / name).exists():
            return
        kept = set(keys)
        table = {key: value for key, value in read_table(self.directory / name).items() if key in kept}
        if name.endswith(".scp"):
            table = {key: self._moved(entry) for key, entry in table.items()}
        write_table(new / name, _sorted(table))


class _Utterances(Sequence[Utterance]):
    """The utterances of a corpus as a sequence that makes them one at a time."""

    def __init__(self, corpus: Corpus, ids: list[str]) -> None:
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


def _read_speakers(folder: Path) -> dict[str, str]:
    if (folder / "utt2spk").exists():
        return read_utt2spk(folder / "utt2spk")
    if (folder / "spk2utt").exists():
        return utt2spk_from_spk2utt(read_spk2utt(folder / "spk2utt"))
    return {}


def _sorted(table: Mapping[str, T]) -> dict[str, T]:
    """The table in the order of the C locale: by the bytes of its keys."""
    return dict(sorted(table.items(), key=lambda item: item[0].encode()))
