"""Clusters analysed conversations in all the ways of the comparison and scores each: the figures of the README.

What can be tuned is tuned on conversations of other speakers: on the one of the two folds A and B that is not scored.
"""

import argparse
import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import torch
from analyse import load

from pysid.diarization.config import DiarizationConfig
from pysid.diarization.files import with_settings
from pysid.diarization.pipeline import Diarizer
from pysid.diarization.steps import SpeakerCount
from pysid.io.files import atomic_text
from pysid.io.tables import read_table
from pysid.io.turns.rttm import read_rttm, write_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import DerCounts, diarization_error
from pysid.metrics.speaker_count import by_true_number
from pysid.progress import track
from pysid.segments import Turn

FOLDS = ("a", "b")


@dataclass(frozen=True)
class System:
    """A way to diarize.

    Attributes:
        settings: they override those of the model.
        known, found: the values that tuning may choose from, where the number of speakers is known and where it is to
            be found; every combination is tried.
    """

    name: str
    settings: Mapping[str, Any]
    known: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    found: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def variants(self, count: str) -> tuple[dict[str, Any], ...]:
        """All settings to choose from."""
        values = self.found if count == "found" else self.known
        return tuple(
            {**self.settings, **dict(zip(values, chosen, strict=True))} for chosen in product(*values.values())
        )


ENERGIES = {"affinity.target_energy": (0.1, 0.2, 0.3, 0.5, 1.0)}
NEIGHBOURS = {"clustering.pruning.min_neighbours": (5, 10, 20, 30, 40)}
SYSTEMS = (
    System(
        "cosine, AHC",
        {"affinity.kind": "cosine", "clustering.kind": "ahc"},
        {"affinity.lda": (False, True)},
        {"affinity.lda": (False, True), "clustering.threshold": (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)},
    ),
    System(
        "PLDA, AHC",
        {"affinity.kind": "plda", "clustering.kind": "ahc"},
        ENERGIES,
        ENERGIES | {"clustering.threshold": (-6.0, -4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0)},
    ),
    System("cosine, spectral", {"affinity.kind": "cosine", "clustering.kind": "spectral"}, {}, NEIGHBOURS),
    System(
        "PLDA, spectral",
        {"affinity.kind": "plda", "affinity.target_energy": 1.0, "clustering.kind": "spectral"},
        {},
        NEIGHBOURS,
    ),
    System(
        "PLDA, VBx",
        {"affinity.kind": "plda", "affinity.target_energy": 0.3, "clustering.kind": "vbx"},
        {"clustering.fa": (0.3, 0.5), "clustering.loop_probability": (0.6, 0.9)},
        {
            "clustering.fa": (0.3, 0.5, 0.7),
            "clustering.fb": (8.0, 12.0, 16.0, 24.0),
            "clustering.start.threshold": (0.5, 1.5),
        },
    ),
)


RESEGMENTED = {"resegmentation": {"kind": "viterbi"}}
EXTRAS = (
    ("PLDA, AHC", "re-segmented", RESEGMENTED),
    ("PLDA, spectral", "re-segmented", RESEGMENTED),
    ("PLDA, VBx", "re-segmented", RESEGMENTED),
    ("PLDA, VBx", "re-segmented, second speakers", RESEGMENTED | {"overlap": {"kind": "mixture"}}),
)
"""Additions to a system's settings, without tuning."""


@dataclass(frozen=True)
class Fold:
    """Conversations: their data directory, and the folder of their analyses."""

    data: Path
    analyses: Path

    def names(self, limit: int | None = None) -> list[str]:
        return list(read_table(self.data / "wav.scp"))[:limit]


@dataclass(frozen=True)
class Task:
    """One conversation, to be diarized with several settings."""

    fold: Fold
    name: str
    variants: tuple[dict[str, Any], ...]
    count: str  # "oracle", "found" or a number


WORKER: dict[str, Any] = {}  # what this process has made: diarizers, by their settings, and references


def start_worker(model: str) -> None:
    torch.set_num_threads(1)
    WORKER["base"] = Diarizer.load(model)


def diarizer_of(settings: Mapping[str, Any]) -> Diarizer:
    """One diarizer for each set of settings, which override pysid's defaults, not those tuned for the model."""
    key = json.dumps(settings, sort_keys=True)
    if key not in WORKER:
        WORKER[key] = WORKER["base"].with_config(with_settings(DiarizationConfig(), settings))
    return WORKER[key]


def truth_of(fold: Fold) -> tuple[dict, dict]:
    key = str(fold.data)
    if key not in WORKER:
        WORKER[key] = (read_rttm(fold.data / "ref.rttm"), read_uem(fold.data / "all.uem"))
    return WORKER[key]


@dataclass(frozen=True)
class Result:
    """The result of one conversation with one variant."""

    counts: DerCounts
    turns: list[Turn]
    n_true: int  # true number of speakers
    n_found: int


def work(task: Task) -> list[Result]:
    """A result for each variant."""
    reference, uem = (tables[task.name] for tables in truth_of(task.fold))
    n_true = len({turn.speaker for turn in reference})
    count = SpeakerCount.exactly(n_true) if task.count == "oracle" else SpeakerCount()
    if task.count.isdigit():
        count = SpeakerCount.exactly(int(task.count))
    analysis = load(task.fold.analyses / f"{task.name}.npz", diarizer_of(task.variants[0]))
    results = []
    for settings in task.variants:
        found = diarizer_of(settings).assign(analysis, count)
        counts = diarization_error(reference, found.turns, uem)
        results.append(Result(counts, found.turns, n_true, len(found.speakers)))
    return results


def write_results(path: Path, results: Mapping[str, Result]) -> None:
    """PATH.rttm with the turns of each conversation, and PATH.tsv with its error rates, in percent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rttm(Path(f"{path}.rttm"), {name: result.turns for name, result in results.items()})
    with atomic_text(Path(f"{path}.tsv")) as file:
        print("conversation", *DerCounts().rates(), sep="\t", file=file)
        for name, result in results.items():
            print(name, *(f"{100 * rate:.2f}" for rate in result.counts.rates().values()), sep="\t", file=file)


class Experiment:
    """Runs systems over folds of conversations; results so far are kept in a JSON file, and not computed again."""

    def __init__(self, pool: ProcessPoolExecutor, folds: Mapping[str, Fold], results: Path, n_tuning: int) -> None:
        self.pool = pool
        self.folds = folds
        self.path = results
        self.n_tuning = n_tuning
        self.results: dict[str, Any] = json.loads(results.read_text()) if results.exists() else {}

    def score(self, system: System, count: str, keep: Path) -> None:
        """The error of a system over both folds, each with the settings that were best on the other.

        Args:
            count: the number of speakers: "oracle", "found", or a number for all conversations.
            keep: folder for the turns, as RTTM, and the error of each conversation.
        """
        key = f"{system.name} | {count}"
        if key in self.results:
            return
        settings = [self.tune(system, count, other) for other in reversed(list(self.folds.values()))]
        self._score(key, settings, count, keep)

    def score_with(self, name: str, key: str, changes: Mapping[str, Any], count: str, keep: Path) -> None:
        """The error of the system that was scored as `key`, with settings changed, under another name."""
        if f"{name} | {count}" not in self.results:
            settings = [{**old, **changes} for old in self.results[key]["settings"]]
            self._score(f"{name} | {count}", settings, count, keep)

    def score_like(self, other: Mapping[str, Any], keep: Path) -> None:
        """The errors of all scored in `other`, results of another kind of the same folds, with their settings."""
        for key, result in other.items():
            if key not in self.results:
                self._score(key, result["settings"], key.split(" | ")[1], keep)

    def _score(self, key: str, settings: list[dict[str, Any]], count: str, keep: Path) -> None:
        results = []
        for (name, fold), chosen in zip(self.folds.items(), settings, strict=True):
            found = self._run(fold, (chosen,), count, None, f"{key}, {name}")
            by_conversation = {conversation: result[0] for conversation, result in found.items()}
            write_results(keep / name / key.replace(" | ", "-").replace(", ", "-"), by_conversation)
            results += by_conversation.values()
        total = sum((result.counts for result in results), DerCounts())
        self.results[key] = {
            **total.rates(),
            "right_count": sum(result.n_found == result.n_true for result in results) / len(results),
            "mean_extra": sum(result.n_found - result.n_true for result in results) / len(results),
            "counts": [asdict(row) for row in by_true_number((x.n_true, x.n_found) for x in results)],
            "settings": settings,
        }
        with atomic_text(self.path) as file:
            json.dump(self.results, file, indent=1)
        print(f"{key}: DER {100 * total.der:.2f}%", flush=True)

    def tune(self, system: System, count: str, fold: Fold) -> dict[str, Any]:
        """The settings with the least error on a fold."""
        variants = system.variants(count)
        if len(variants) == 1:
            return variants[0]
        found = self._run(fold, variants, count, self.n_tuning, f"{system.name} | {count}, tuning")
        by_variant = zip(*found.values(), strict=True)
        errors = [sum((x.counts for x in results), DerCounts()).der for results in by_variant]
        return variants[min(range(len(errors)), key=errors.__getitem__)]

    def _run(self, fold: Fold, variants: tuple, count: str, limit: int | None, what: str) -> dict[str, list[Result]]:
        """{conversation: a result for each variant}."""
        tasks = [Task(fold, name, variants, count) for name in fold.names(limit)]
        results = track(self.pool.map(work, tasks), what, len(tasks))
        return {task.name: result for task, result in zip(tasks, results, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp", type=Path, help="folder of the experiment")
    parser.add_argument("kind", help="the folders KIND-a and KIND-b in EXP/analyses")
    parser.add_argument("--data", help="and in EXP/data, where these have another name")
    parser.add_argument("--like", help="tune nothing: take the settings in EXP/LIKE.json")
    parser.add_argument("--model", required=True)
    parser.add_argument("--systems", nargs="+", help="only these", default=[system.name for system in SYSTEMS])
    parser.add_argument("--tuning", type=int, default=60, help="conversations of the other fold to tune on")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    folds = {
        n: Fold(args.exp / "data" / f"{args.data or args.kind}-{n}", args.exp / "analyses" / f"{args.kind}-{n}")
        for n in FOLDS
    }
    hypotheses = args.exp / "rttm" / args.kind
    with ProcessPoolExecutor(args.jobs, initializer=start_worker, initargs=(args.model,)) as pool:
        experiment = Experiment(pool, folds, args.exp / f"{args.kind}.json", args.tuning)
        if args.like:
            experiment.score_like(json.loads((args.exp / f"{args.like}.json").read_text()), hypotheses)
            return
        systems = [system for system in SYSTEMS if system.name in args.systems]
        for system in systems:
            experiment.score(system, "oracle", hypotheses)
            experiment.score(system, "found", hypotheses)
        for system in systems:
            if "AHC" in system.name:  # as in the published port
                experiment.score(system, "4", hypotheses)
        for system_name, words, changes in EXTRAS if len(systems) == len(SYSTEMS) else ():
            for count in ("oracle", "found"):
                key = f"{system_name} | {count}"
                experiment.score_with(f"{system_name}, {words}", key, changes, count, hypotheses)


if __name__ == "__main__":
    main()
