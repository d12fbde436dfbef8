"""Measures a model and writes the figures of its card: verification by group and condition, and diarization.

    python card.py MODEL EXP [--data DIR] [--conversations DIR ...] [--write]

EXP has dev_noisy, see conditions.py; DATA has dev/ and ami_mini/. Conversations are data directories with ref.rttm, by
default those in EXP/diarization that recipes/diarization made of the half of the speakers of dev on which nothing was
tuned. The tables go to the terminal and, with --write, into MODEL/README.md, between two marks or at the end; all
figures go to EXP/card-NAME.json.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conditions import CONDITIONS
from groups import Scored, by_group, figures, table
from rich.table import Table
from stretches import Stretch, all_pairs, stretches

import pysid
from pysid.api import Model
from pysid.backend.trials import enrol, score_trials
from pysid.data.corpus import Corpus, Utterance
from pysid.diarization.pipeline import Diarizer
from pysid.diarization.steps import SpeakerCount
from pysid.errors import Skipped
from pysid.io.audio.files import read_audio
from pysid.io.files import atomic_text
from pysid.io.scp import resolve_path
from pysid.io.tables import (
    Trial,
    read_durations,
    read_spk2gender,
    read_table,
    read_trials,
    read_utt2lang,
    read_utt2spk,
    read_wav_scp,
)
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import DerCounts, diarization_error
from pysid.metrics.speaker_count import by_true_number
from pysid.model.directory import find_model
from pysid.progress import say, track
from pysid.report.tables import markdown

SETS = {
    "plain-b": "simulated, no overlap",
    "phone-b": "the same by telephone",
    "overlap-b": "simulated, overlap",
    "scene-b": "simulated, in rooms and noise",
    "single-b": "simulated, one speaker",
}
AMI = "AMI clips of 30 s"
BEGIN, END = "<!-- figures: written by recipes/default/card.py -->", "<!-- end of figures -->"
MIN_LANGUAGE_TRIALS = 100  # same-speaker ones; smaller languages are one group
DURATIONS = {"under 3 s": 3.0, "3 to 5 s": 5.0, "5 to 7 s": 7.0, "7 s or more": float("inf")}  # {group: less than}
WORDS = {"f f": "both female", "m m": "both male", "f m": "one of each"}

Vectors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Judge:
    """Scores trials as the model ships: with its own back-end and, if it has one, its calibration."""

    model: Model

    @property
    def calibrated(self) -> bool:
        return self.model.scorer().calibration_ is not None

    def score(self, trials: Sequence[Trial], enrolled: Vectors, tests: Vectors) -> list[Scored]:
        """The trials whose sides both have an embedding."""
        backend = self.model.scorer()
        values = score_trials(backend, trials, enrol(enrolled), tests)
        if backend.calibration_ is not None:
            values = backend.calibration_.transform(values)
        pairs = zip(trials, values.tolist(), strict=True)
        return [Scored(t.enrol, t.test, bool(t.is_target), x) for t, x in pairs if np.isfinite(x)]

    def rows(self, groups: Mapping[str, Iterable[Scored]], speaker: Mapping[str, str]) -> dict[str, Any]:
        return {name: figures(trials, speaker, self.calibrated) for name, trials in groups.items()}


def embed_corpus(model: Model, corpus: Corpus, skipped: Skipped) -> dict[str, np.ndarray]:
    """The embeddings of all utterances that have speech."""

    def waves(utterances: Iterable[Utterance]) -> Iterable[tuple[str, np.ndarray]]:
        for utterance in utterances:
            yield utterance.id, corpus.read_wave(utterance, model.config.sample_rate)

    return dict(
        model.embed_waves(waves(track(corpus, f"embed {corpus.directory}", len(corpus))), skipped.add, scaled=True)
    )


def clean_groups(dev: Path, scored: Sequence[Scored]) -> dict[str, dict[str, list[Scored]]]:
    """The trials of the development set by what the table is about."""
    language, duration = read_utt2lang(dev / "utt2lang"), read_durations(dev / "utt2dur")
    speaker, known = read_utt2spk(dev / "utt2spk"), read_spk2gender(dev / "spk2gender")
    gender = {name: known.get(spoken_by, "unknown") for name, spoken_by in speaker.items()}
    n_same: dict[str, int] = {}
    for x in scored:
        if x.is_target and language[x.enrol] == language[x.test]:
            n_same[language[x.enrol]] = n_same.get(language[x.enrol], 0) + 1
    large = {name for name, n in n_same.items() if n >= MIN_LANGUAGE_TRIALS}
    small = f"{len(set(language.values()) - large)} others"

    def language_of(x: Scored) -> str:
        if language[x.enrol] != language[x.test]:
            return "across languages"
        return language[x.enrol] if language[x.enrol] in large else small

    def gender_of(x: Scored) -> str:
        return WORDS.get(" ".join(sorted((gender[x.enrol], gender[x.test]))), "not known of both")

    def duration_of(x: Scored) -> str:
        shorter = min(duration[x.enrol], duration[x.test])
        return next(name for name, limit in DURATIONS.items() if shorter < limit)

    languages = sorted(large, key=lambda name: -n_same[name])
    return {
        "all": {"dev": list(scored)},
        "language": by_group(scored, language_of, [*languages, small, "across languages"]),
        "gender": by_group(scored, gender_of, [*WORDS.values()]),
        "shorter clip": by_group(scored, duration_of, [*DURATIONS]),
    }


def noisy_groups(judge: Judge, noisy: Path, clean: Vectors, noisy_vectors: Vectors) -> dict[str, list[Scored]]:
    """Clean enrolment against a test under each condition, and both sides under any."""
    trials, condition = read_trials(noisy / "trials"), read_table(noisy / "utt2cond")
    mixed = judge.score(trials, clean, noisy_vectors)
    tested = by_group(mixed, lambda x: f"clean, {condition[x.test]}", [f"clean, {name}" for name in CONDITIONS])
    return {"clean, any": mixed, **tested, "any, any": judge.score(trials, noisy_vectors, noisy_vectors)}


def meeting_groups(judge: Judge, meetings: Path, skipped: Skipped) -> tuple[dict[str, list[Scored]], dict[str, str]]:
    """Trials of stretches of meetings, within and between clips, and the speaker of each stretch."""
    found = stretches(read_rttm(meetings / "ref.rttm"))
    where = {x.name: x for x in found}
    vectors = dict(judge.model.embed_waves(_stretch_waves(judge.model, meetings, found), skipped.add, scaled=True))
    scored = judge.score(all_pairs(found), vectors, vectors)
    within = [x for x in scored if where[x.enrol].recording == where[x.test].recording]
    between = [x for x in scored if where[x.enrol].recording != where[x.test].recording]
    groups = {"meetings, all": scored, "meetings, within a clip": within, "meetings, between clips": between}
    return groups, {name: x.speaker for name, x in where.items()}


def _stretch_waves(model: Model, meetings: Path, found: Sequence[Stretch]) -> Iterable[tuple[str, np.ndarray]]:
    entries = read_wav_scp(meetings / "wav.scp")
    for x in found:
        path = resolve_path(entries[x.recording], meetings)
        start_s, end_s = x.segment.start_s, x.segment.end_s
        wave, _ = read_audio(path, sample_rate=model.config.sample_rate, channel=None, start_s=start_s, end_s=end_s)
        yield x.name, wave


def diarization(diarizer: Diarizer, data: Path, oracle_speech: bool, limit: int | None) -> dict[str, Any]:
    """Error rates with the settings that came with the model, with the number of speakers found and known."""
    reference, uem = read_rttm(data / "ref.rttm"), read_uem(data / "all.uem")
    entries = list(read_wav_scp(data / "wav.scp").items())[:limit]
    totals = {"found": DerCounts(), "known": DerCounts()}
    numbers = []
    for name, entry in entries:
        spoken = [turn.segment for turn in reference[name]] if oracle_speech else None
        analysis = diarizer.analyse(resolve_path(entry, data), speech=spoken)
        n_true = len({turn.speaker for turn in reference[name]})
        for kind, count in {"found": SpeakerCount(), "known": SpeakerCount.exactly(n_true)}.items():
            result = diarizer.assign(analysis, count)
            totals[kind] += diarization_error(reference[name], result.turns, uem[name])
            if kind == "found":
                numbers.append((n_true, len(result.speakers)))
    rates = {kind: total.rates() for kind, total in totals.items()}
    right = sum(n_true == n_found for n_true, n_found in numbers) / len(entries)
    return {
        "n_recordings": len(entries),
        **rates,
        "right_count": right,
        "counts": [asdict(row) for row in by_true_number(numbers)],
    }


def diarize_sets(model: Path, sets: Mapping[str, Path], limit: int | None, n_jobs: int) -> dict[str, dict[str, Any]]:
    """Figures of each set, with speech found and given; so many sets at a time."""
    tasks = {
        f"{name}; speech {words}": (model, place, oracle, None if name == AMI else limit)
        for name, place in sets.items()
        for words, oracle in {"found": False, "given": True}.items()
    }
    with multiprocessing.get_context("spawn").Pool(n_jobs, torch.set_num_threads, (1,)) as pool:
        found = pool.imap(_diarize_set, tasks.values())
        return dict(zip(tasks, track(found, "conversations", len(tasks)), strict=True))


def _diarize_set(task: tuple[Path, Path, bool, int | None]) -> dict[str, Any]:
    model, *rest = task
    return diarization(Diarizer.load(model), *rest)


def diarization_table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """A line a set, with speech found or given: DER with the number of speakers found and known, and its parts."""
    result = Table(
        "recordings", "n", "DER %", "missed", "false alarm", "confusion", "DER %, number known", "right number %"
    )
    for name, x in rows.items():
        rates = [f"{100 * x['found'][rate]:.2f}" for rate in ("DER", "missed", "false alarm", "confusion")]
        known = f"{100 * x['known']['DER']:.2f}"
        result.add_row(name, str(x["n_recordings"]), *rates, known, f"{100 * x['right_count']:.0f}")
    return result


def count_table(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """The number of speakers that was found, by the true one: a line a set and number."""
    result = Table("recordings", "speakers", "n", "found on average", "right number %")
    for name, x in rows.items():
        for count in x["counts"]:
            mean, right = f"{count['mean_found']:.2f}", f"{100 * count['right']:.0f}"
            result.add_row(name, str(count["n_true"]), str(count["n_recordings"]), mean, right)
    return result


def measure(
    model: Model, data: Path, noisy: Path, sets: Mapping[str, Path], limit: int | None, n_jobs: int
) -> dict[str, Any]:
    """All figures, as they go into the file."""
    judge, skipped = Judge(model), Skipped()
    dev = Corpus.read(data / "dev")
    begun = time.process_time()
    clean = embed_corpus(model, dev, skipped)
    seconds = sum(read_durations(data / "dev" / "utt2dur").values())
    cost = (time.process_time() - begun) / seconds
    trials = read_trials(data / "dev" / "trials")
    groups = clean_groups(data / "dev", judge.score(trials, clean, clean))
    noisy_vectors = embed_corpus(model, Corpus.read(noisy), skipped)
    conditions = noisy_groups(judge, noisy, clean, noisy_vectors)
    result: dict[str, Any] = {
        "model": model.path.name,
        "n_parameters": sum(x.numel() for x in model.network.parameters()),
        "cpu_ms_per_s": 1000 * cost,
        "verification": {name: judge.rows(parts, dev.utt2spk) for name, parts in groups.items()},
    }
    result["verification"]["condition"] = judge.rows(conditions, dev.utt2spk)
    meetings = data / "ami_mini"
    if meetings.is_dir():
        parts, speaker = meeting_groups(judge, meetings, skipped)
        result["verification"]["meetings"] = judge.rows(parts, speaker)
        sets = {AMI: meetings, **sets}
    result["diarization"] = diarize_sets(model.path, sets, limit, n_jobs)
    if len(skipped):
        say(skipped.summary(len(clean) + len(noisy_vectors)))
    return {**result, "skipped": skipped.reasons}


def card(result: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    overall, *others = result["verification"].items()
    parts = [
        "Verification: trials of single recordings, of the same speaker and of others, with the back-end and the "
        "calibration that ship. Misses and false alarms are at the Bayes threshold of a prior, costs being equal. "
        "There is no figure for fewer than 100 trials of a kind or 5 speakers.",
        markdown(table(overall[1])),
    ]
    for name, rows in others:
        parts += [f"By {name}:", markdown(table(rows))]
    parts += [
        "Diarization: with the settings that ship, without a collar, overlapping speech scored. The number of speakers "
        "is found, but in the one column.",
        markdown(diarization_table(result["diarization"])),
        "The number of speakers, where it was not given, by the true one:",
        markdown(count_table(result["diarization"])),
    ]
    millions = result["n_parameters"] / 1e6
    parts.append(
        f"{millions:.1f} million parameters; {result['cpu_ms_per_s']:.1f} ms on one core for each second of audio, "
        "decoding included."
    )
    return "\n\n".join(parts)


def write_card(readme: Path, text: str) -> None:
    """Puts the text between the marks of a model's README.md, or at its end."""
    old = readme.read_text(encoding="utf-8") if readme.exists() else ""
    before, mark, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    start = before if mark else f"{old.rstrip()}\n\n"
    with atomic_text(readme) as file:
        file.write(f"{start.lstrip()}{BEGIN}\n{text}\n{END}{after or chr(10)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model directory, or the name of one that ships with pysid")
    parser.add_argument("exp", type=Path, help="folder of the experiment, with dev_noisy")
    parser.add_argument("--data", type=Path, default=os.environ.get("PYSID_DATA"), help="default: $PYSID_DATA")
    parser.add_argument("--conversations", type=Path, nargs="*", help="data directories with ref.rttm and all.uem")
    parser.add_argument("--limit", type=int, default=50, help="conversations of each directory (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="sets of conversations at a time (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the tables into MODEL/README.md")
    args = parser.parse_args()
    if args.data is None:
        parser.error("give --data, or set PYSID_DATA to a folder that has dev/")
    if args.write and not find_model(args.model).is_dir():
        parser.error("--write needs a model directory")
    sets = {path.name: path for path in args.conversations or ()}
    if args.conversations is None:
        simulated = args.exp / "diarization" / "data"
        sets = {words: simulated / name for name, words in SETS.items() if (simulated / name).is_dir()}
    torch.set_num_threads(1)
    model = pysid.load(args.model)
    result = measure(model, args.data, args.exp / "dev_noisy", sets, args.limit, args.jobs)
    with atomic_text(args.exp / f"card-{model.path.name}.json") as file:
        json.dump(result, file, indent=1)
    print(card(result))
    if args.write:
        write_card(model.path / "README.md", card(result))


if __name__ == "__main__":
    main()
