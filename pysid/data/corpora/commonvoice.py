"""Mozilla Common Voice: one language folder of a release, as Kaldi data directories.

A folder holds `clips/` and tab-separated lists, `validated.tsv` among them, with the columns client_id, path, gender
and others (https://commonvoice.mozilla.org/datasets).
"""

import hashlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.data.corpora.trials import make_trials
from pysid.errors import DataError, PysidWarning
from pysid.io.tables import spk2utt_from_utt2spk, write_spk2utt, write_table, write_trials
from pysid.io.text import read_lines, shorten

GENDERS = {"male": "m", "male_masculine": "m", "female": "f", "female_feminine": "f"}


@dataclass(frozen=True)
class CommonVoiceConfig:
    """How a language is split.

    Attributes:
        tsv: the list to take clips from, without its ending.
        n_dev_speakers: speakers set apart for development, drawn among those with `min_dev_clips` clips or more; 0
            for none, else at least two, so that there are different-speaker trials.
        max_clips: clips kept of one speaker, so that a few keen contributors do not fill the corpus; 0 for all.
        n_nontarget: different-speaker trials in the development list; all same-speaker pairs are in it.
        seed: of the choices.
    """

    tsv: str = "validated"
    n_dev_speakers: int = 40
    min_dev_clips: int = 5
    max_clips: int = 20
    n_nontarget: int = 10000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_dev_speakers != 0 and (self.n_dev_speakers < 2 or self.max_clips == 1):
            raise ValueError("development needs two speakers or more, of two clips or more each")
        if self.min_dev_clips < 2 or self.max_clips < 0 or self.n_nontarget < 1:
            raise ValueError("max_clips must not be negative, min_dev_clips at least 2, n_nontarget at least 1")


@dataclass(frozen=True)
class Clip:
    """A line of a list: the contributor (a short hash of the release's id), the file's name, "m", "f" or None."""

    speaker: str
    path: str
    gender: str | None


def read_clips(folder: Path, tsv: str = "validated") -> list[Clip]:
    """The clips of a list that are in `clips/`, in the order of the list.

    Raises:
        DataError: no such list or folder, a column is missing, a line is cut off, or a path leaves the folder of clips.
    Warns:
        PysidWarning: clips of the list that are not in the folder.
    """
    path, directory = folder / f"{tsv}.tsv", folder / "clips"
    if not path.is_file() or not directory.is_dir():
        absent = directory if path.is_file() else path
        raise DataError(f"{absent}: not found; expected a language folder of a Common Voice release")
    clips = list(_parse(path))
    present = set(os.listdir(directory))
    missing = [clip.path for clip in clips if clip.path not in present]
    if missing:
        message = f"{directory}: {len(missing)} of {len(clips)} clips are not there; the first is {missing[0]}"
        warnings.warn(message, PysidWarning, stacklevel=2)
    return [clip for clip in clips if clip.path in present]


def _parse(path: Path) -> Iterator[Clip]:
    columns: list[str] = []
    for place, fields in _rows(path):
        if not columns:
            columns = fields
            if not {"client_id", "path"} <= set(columns):
                raise DataError(f"{place}: expected the columns client_id and path, got {shorten(' '.join(fields))}")
            continue
        row = dict(zip(columns, fields, strict=False))
        name, client = row.get("path"), row.get("client_id")
        if not name or not client:
            raise DataError(f"{place}: expected a client_id and a path, got {client!r} and {name!r}")
        if Path(name).name != name:
            raise DataError(f"{place}: expected a file name within clips/, got {name!r}")
        # Half the hash of a hash: short, and without the release it does not lead back to the id there.
        speaker = "cv" + hashlib.sha1(client.encode()).hexdigest()[:10]
        yield Clip(speaker, name, GENDERS.get(row.get("gender", "")))


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """`file:line` and the fields of each line that is not blank; quotation marks are text in these files."""
    for number, line in read_lines(path):
        place = f"{path}:{number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{place}: expected UTF-8 text, got {shorten(line)}") from None
        if text.strip():
            yield place, text.rstrip("\r\n").split("\t")


def prepare_commonvoice(folder: Path, out: Path, config: CommonVoiceConfig | None = None) -> dict[str, tuple[int, int]]:
    """Writes `OUT/train` and, if speakers are set apart, `OUT/dev` with a trial list.

    Args:
        folder: of one language, with `clips` and a list such as `validated.tsv`.
        out: where to.
        config: the list, and how many speakers are set apart.
    Returns:
        {"train": (speakers, clips), "dev": ...}.
    Raises:
        DataError: the list is malformed or has no clips, or too few speakers have enough of them.
    """
    config = config or CommonVoiceConfig()
    rng = np.random.default_rng(config.seed)
    by_speaker: dict[str, list[Clip]] = {}
    for clip in read_clips(folder, config.tsv):
        by_speaker.setdefault(clip.speaker, []).append(clip)
    if not by_speaker:
        raise DataError(f"{folder / config.tsv}.tsv: expected clips, got none")
    candidates = [s for s, clips in by_speaker.items() if len(clips) >= config.min_dev_clips]
    if len(candidates) < config.n_dev_speakers:
        raise DataError(
            f"{folder}: {len(candidates)} of {len(by_speaker)} speakers have {config.min_dev_clips} clips or more, "
            f"fewer than the {config.n_dev_speakers} wanted for development"
        )
    dev = set(rng.permutation(np.array(candidates, dtype=object))[: config.n_dev_speakers])
    counts = {}
    for name, speakers in (("train", by_speaker.keys() - dev), ("dev", dev)):
        if not speakers:
            continue
        chosen = {s: _limit(by_speaker[s], config.max_clips, rng) for s in sorted(speakers)}
        utt2spk = _write(out / name, folder, chosen)
        counts[name] = (len(chosen), len(utt2spk))
        if name == "dev":
            trials = make_trials(spk2utt_from_utt2spk(utt2spk), config.n_nontarget, config.seed)
            write_trials(out / name / "trials", trials)
    return counts


def _limit(clips: list[Clip], most: int, rng: np.random.Generator) -> list[Clip]:
    if most == 0 or len(clips) <= most:
        return clips
    return [clips[i] for i in sorted(rng.permutation(len(clips))[:most])]


def _write(directory: Path, folder: Path, chosen: dict[str, list[Clip]]) -> dict[str, str]:
    clips = {f"{s}-{Path(c.path).stem}": c for s, own in chosen.items() for c in own}
    utterances = sorted(clips, key=str.encode)
    utt2spk = {u: clips[u].speaker for u in utterances}
    write_table(directory / "wav.scp", {u: (folder / "clips" / clips[u].path).resolve() for u in utterances})
    write_table(directory / "utt2spk", utt2spk)
    write_spk2utt(directory / "spk2utt", spk2utt_from_utt2spk(utt2spk))
    genders = {s: next((c.gender for c in own if c.gender), None) for s, own in chosen.items()}
    write_table(directory / "spk2gender", {s: g for s, g in genders.items() if g})
    return utt2spk
