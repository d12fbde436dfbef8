"""Mozilla Common Voice: one language folder of a release, as Kaldi data directories.

A folder holds `clips/` and tab-separated lists, `validated.tsv` among them, with the columns client_id, path, gender
and others (https://commonvoice.mozilla.org/datasets).
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.data.trials import make_trials
from pysid.errors import DataError
from pysid.io.tables import spk2utt_from_utt2spk, write_spk2utt, write_table, write_trials

GENDERS = {"male": "m", "male_masculine": "m", "female": "f", "female_feminine": "f"}


@dataclass(frozen=True)
class CommonVoiceConfig:
    """How a language is split.

    Attributes:
        tsv: the list to take clips from, without its ending.
        n_dev_speakers: speakers set apart for development, drawn among those with `min_dev_clips` clips or more.
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
        if self.n_dev_speakers < 0 or self.min_dev_clips < 2 or self.max_clips < 0 or self.n_nontarget < 1:
            raise ValueError(
                "n_dev_speakers and max_clips must not be negative, min_dev_clips at least 2, n_nontarget at least 1"
            )


@dataclass(frozen=True)
class Clip:
    """A line of a list: the contributor (a short hash of the release's id), the file's name, "m", "f" or None."""

    speaker: str
    path: str
    gender: str | None


def read_clips(folder: Path, tsv: str = "validated") -> list[Clip]:
    """The clips of a list, in its order.

    Raises:
        DataError: no such list, a column is missing, a line is cut off, or a path leaves the folder of clips.
    """
    path = folder / f"{tsv}.tsv"
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected a language folder of a Common Voice release")
    with open(path, encoding="utf-8", newline="") as file:
        return list(_parse(file, path))


def _parse(file: Iterator[str], path: Path) -> Iterator[Clip]:
    rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {"client_id", "path"} - set(rows.fieldnames or ())
    if missing:
        raise DataError(f"{path}:1: expected the columns client_id and path, got {rows.fieldnames}")
    for row in rows:
        name, client = row["path"], row["client_id"]
        if not name or not client:
            raise DataError(f"{path}:{rows.line_num}: expected a client_id and a path, got {client!r} and {name!r}")
        if Path(name).name != name:
            raise DataError(f"{path}:{rows.line_num}: expected a file name within clips/, got {name!r}")
        # Half the hash of a hash: short, and no way back to the release's id without the release.
        speaker = "cv" + hashlib.sha1(client.encode()).hexdigest()[:10]
        yield Clip(speaker, name, GENDERS.get(row.get("gender") or ""))


def prepare_commonvoice(folder: Path, out: Path, config: CommonVoiceConfig | None = None) -> dict[str, tuple[int, int]]:
    """Writes `OUT/train` and, if speakers are set apart, `OUT/dev` with a trial list.

    Returns:
        {"train": (speakers, clips), "dev": ...}.
    Raises:
        DataError: the list is malformed, or too few speakers have enough clips.
    """
    config = config or CommonVoiceConfig()
    rng = np.random.default_rng(config.seed)
    by_speaker: dict[str, list[Clip]] = {}
    for clip in read_clips(folder, config.tsv):
        by_speaker.setdefault(clip.speaker, []).append(clip)
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
