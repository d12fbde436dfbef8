"""Writing dictionaries as Kaldi data directories, and reporting what did not get in."""

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pysid.errors import DataError, PysidWarning, Skipped
from pysid.io.audio.files import audio_info
from pysid.io.tables import spk2utt_from_utt2spk, write_spk2utt, write_table
from pysid.io.text import write_lines
from pysid.io.turns.rttm import write_rttm
from pysid.io.turns.uem import write_uem
from pysid.progress import track
from pysid.segments import Segment, Turn

SHOWN = 3  # items in a warning
PATIENCE = 1000  # files; looking at more of them shows its progress


@dataclass(frozen=True)
class Prepared:
    """What was written: a data directory or a file of it, and how much it holds, such as {"speakers": 40}."""

    path: Path
    counts: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path}: {', '.join(f'{count} {what}' for what, count in self.counts.items())}"


def write_data_directory(
    directory: Path,
    wav_scp: Mapping[str, str],
    utt2spk: Mapping[str, str],
    *,
    genders: Mapping[str, str] | None = None,
    durations: Mapping[str, float] | None = None,
) -> Prepared:
    """Writes recordings of one utterance each, in the order of the C locale.

    wav.scp comes last, so that a directory that has one is complete. Of speakers whose gender is not known there is
    nothing in spk2gender, and without durations neither utt2dur nor reco2dur; old ones are removed.

    Args:
        directory: made if it is not there.
        wav_scp: {utterance: path}.
        utt2spk: {utterance: speaker}, of others too.
        genders: {speaker: m or f}.
        durations: {utterance: seconds}.
    """
    order = sorted(wav_scp, key=str.encode)
    sorted_utt2spk = {key: utt2spk[key] for key in order}
    spk2utt = dict(sorted(spk2utt_from_utt2spk(sorted_utt2spk).items(), key=lambda item: item[0].encode()))
    write_table(directory / "utt2spk", sorted_utt2spk)
    write_spk2utt(directory / "spk2utt", spk2utt)
    known = genders or {}
    _write_or_remove(directory / "spk2gender", {speaker: known[speaker] for speaker in spk2utt if speaker in known})
    seconds = {key: durations[key] for key in order} if durations else {}
    _write_or_remove(directory / "utt2dur", seconds)
    _write_or_remove(directory / "reco2dur", seconds)
    write_table(directory / "wav.scp", {key: wav_scp[key] for key in order})
    return Prepared(directory, {"speakers": len(spk2utt), "utterances": len(order)})


@dataclass(frozen=True)
class Meeting:
    """A recording of several people: its file, who speaks when, and the pieces to score (None for all of it)."""

    path: str
    turns: Sequence[Turn]
    pieces: Sequence[Segment] | None = None


def write_meetings(directory: Path, meetings: Mapping[str, Meeting]) -> Prepared:
    """Writes wav.scp, ref.rttm, all.uem, reco2dur and reco2num_spk, as `pysid diarize` and `pysid eval der` read them.

    Raises:
        DataError: a file cannot be read.
    """
    ordered = dict(sorted(meetings.items(), key=lambda item: item[0].encode()))
    durations = {name: audio_info(meeting.path).duration_s for name, meeting in ordered.items()}
    pieces = {name: meeting.pieces or [Segment(0.0, durations[name])] for name, meeting in ordered.items()}
    speakers = {name: len({turn.speaker for turn in meeting.turns}) for name, meeting in ordered.items()}
    write_rttm(directory / "ref.rttm", {name: meeting.turns for name, meeting in ordered.items()})
    write_uem(directory / "all.uem", pieces)
    write_table(directory / "reco2dur", durations)
    write_table(directory / "reco2num_spk", speakers)
    write_table(directory / "wav.scp", {name: meeting.path for name, meeting in ordered.items()})
    return Prepared(directory, {"recordings": len(ordered), "minutes": round(sum(durations.values()) / 60)})


def read_durations(wav_scp: Mapping[str, str], what: str, n_jobs: int = 1) -> tuple[dict[str, float], Skipped]:
    """{recording: seconds} from the headers of the files, and the recordings that cannot be read.

    An m4a file has to be decoded for that, which takes some 0.1 s of a core.

    Args:
        wav_scp: {recording: path}.
        what: what the bar of progress calls it.
        n_jobs: threads.
    """

    def duration(path: str) -> float | DataError:
        try:
            return audio_info(path).duration_s
        except DataError as error:
            return error

    seconds, skipped = {}, Skipped()
    with ThreadPoolExecutor(n_jobs) as pool:
        found = pool.map(duration, wav_scp.values())
        shown = track(found, f"durations {what}", len(wav_scp)) if len(wav_scp) > PATIENCE else found
        for name, value in zip(wav_scp, shown, strict=True):
            if isinstance(value, DataError):
                skipped.add(name, value)
            else:
                seconds[name] = value
    return seconds, skipped


def report(path: Path, what: str, items: Sequence[str]) -> None:
    """Warns of oddities in a corpus, and lists all of them in a file, one per line.

    Where there are none, a list that an earlier run left is removed.

    Args:
        path: of the list.
        what: what they are, for the warning.
        items: one line each.
    """
    if not items:
        path.unlink(missing_ok=True)
        return
    write_lines(path, (" ".join(item.splitlines()) for item in items))
    first = ", ".join(items[:SHOWN]) + (", ..." if len(items) > SHOWN else "")
    warnings.warn(f"{len(items)} {what}: {first} (all in {path})", PysidWarning, stacklevel=2)


def _write_or_remove(path: Path, table: Mapping[str, object]) -> None:
    if table:
        write_table(path, table)
    else:
        path.unlink(missing_ok=True)
