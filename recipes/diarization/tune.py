"""Chooses the settings of diarization for a model: those with the least error on conversations for tuning.

    python tune.py EXP plain-a overlap-a phone-a scene-a $PYSID_DATA/ami_mini --model MODEL --out MODEL

Sets are data directories with ref.rttm and all.uem, those without a slash in EXP/data, as run.sh makes them. For each
kind of windows (--windows) the groups of settings are tried one after the other, every combination within a group; the
best of each group stays for the next. What counts is the error of the turns: its geometric mean over the sets, so that
they count equally, however long or hard they are. For uniform windows the settings that tell what is speech come first,
by the speech that they miss and falsely find. The kind of windows with the least error is written into OUT.

All errors are kept in EXP/tuning/MODEL, by the weights of the model, and not computed again: a run that was stopped
goes on, and one with more values to try computes only those. trials.tsv there lists all that was tried.
"""

import argparse
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from analyse import load, save

from pysid.activity.detector import ActivityDetector
from pysid.activity.segmented import SpeechDetector
from pysid.config import from_plain, to_plain
from pysid.diarization.config import DiarizationConfig
from pysid.diarization.files import LOCAL, save_config, with_settings
from pysid.diarization.pipeline import BLOCK_S, Diarizer
from pysid.diarization.speech import SpeechConfig, speech_mask, speech_segments
from pysid.frontend.streaming import analyse_blocks
from pysid.io.audio.files import iter_blocks
from pysid.io.files import atomic_text
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.io.turns.uem import read_uem
from pysid.metrics.diarization import DerCounts, diarization_error
from pysid.model.directory import find_model
from pysid.progress import say, track
from pysid.training.activity.crops import count_speakers

Settings = dict[str, Any]
Group = Mapping[str, tuple[Any, ...]]

SPEECH = {
    "window_s": (0.1, 0.2, 0.4),
    "onset": (0.4, 0.5, 0.6, 0.7, 0.75, 0.8),
    "offset": (0.4, 0.5, 0.6, 0.7),
    "pad_s": (0.0, 0.05, 0.1),
    "min_silence_s": (0.3, 0.5, 0.7),
}
BASE: dict[str, Settings] = {
    "uniform": {
        "vad.kind": "network",
        "clustering.kind": "vbx",
        "clustering.short_start.threshold": 5.0,
        "affinity.kind": "plda",
        "overlap": None,
    },
    "local": {},
}
GROUPS: dict[str, tuple[Group, ...]] = {
    "uniform": (
        {
            "clustering.fa": (0.2, 0.3, 0.5, 1.0),
            "clustering.fb": (4.0, 8.0, 12.0, 16.0),
            "clustering.start.threshold": (0.5, 1.5, 2.5),
            "affinity.target_energy": (0.3, 1.0),
            "clustering.join": (False, True),
        },
        {"clustering.full_cost_windows": (0, 200, 400), "clustering.short_windows": (0, 60, 120)},
        {"clustering.loop_probability": (0.3, 0.6, 0.9), "clustering.centred": (False, True)},
        {"resegmentation": (None, {"kind": "viterbi"}, {"kind": "viterbi", "reach_s": 0.75})},
    ),
    "local": (
        {
            "windows.shift_s": (1.0, 2.5, 5.0),
            "clustering.threshold": (0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
            "clustering.apart_share": (0.0, 0.25, 0.5, 1.0),
        },
        {"clustering.min_speaker_s": (1.0, 2.0, 3.0, 5.0), "clustering.min_share": (0.01, 0.02, 0.04)},
        {"windows.min_clustered_s": (0.5, 1.0, 1.5)},
        {"turns.bridge_s": (0.0, 0.3), "turns.min_turn_s": (0.1, 0.2, 0.3)},
    ),
}
"""What is tried for each kind of windows."""

ONSETS = (0.5, 0.6, 0.7, 0.8, 0.9)  # of the probability of overlap, tried at last for uniform windows

LEAST_ERROR = 0.005  # smaller errors count as this: no set may have unbounded weight
AFTER_ANALYSIS = {"windows.min_clustered_s", "windows.max_clustered"}  # the other settings of windows come before it
BEFORE_CLUSTERING = ("windows", "vad", "speech", "joined")


@dataclass(frozen=True)
class Task:
    """One conversation, to be diarized with several settings that have its analysis in common."""

    kind: str
    data: Path
    name: str
    analysis: Path
    variants: tuple[Settings, ...]


@dataclass(frozen=True)
class Found:
    """The result of one conversation with one variant."""

    counts: DerCounts
    right: bool  # the number of speakers is


WORKER: dict[str, Any] = {}  # what this process has made


def start_worker(model: str) -> None:
    torch.set_num_threads(1)
    WORKER["model"] = model


def once(key: str, make: Any) -> Any:
    if key not in WORKER:
        WORKER[key] = make()
    return WORKER[key]


def config_of(kind: str, settings: Settings) -> DiarizationConfig:
    """Settings override pysid's defaults, not those tuned for the model."""
    return with_settings(LOCAL if kind == "local" else DiarizationConfig(), settings)


def diarizer_of(kind: str, settings: Settings) -> Diarizer:
    named = {k: v for k, v in settings.items() if k == "windows.segmentation"}
    base = once(f"{kind} {named}", lambda: Diarizer.load(WORKER["model"], settings={"windows.kind": kind, **named}))
    key = f"{kind} {json.dumps(settings, sort_keys=True)}"
    return once(key, lambda: base.with_config(config_of(kind, settings)))


def overlap_settings(detector: SpeechDetector | None, onset: float = 0.5) -> Settings:
    """Those by which second speakers are found with what a model has for it; none where it has nothing.

    Args:
        detector: the model's; local windows need none.
    """
    if detector is None:
        return {}
    kind = "network" if isinstance(detector, ActivityDetector) else "local"
    return {"overlap": {"kind": kind, "onset": onset, "offset": round(onset - 0.1, 3)}}


def work(task: Task) -> list[Found]:
    """The result of each variant; analyses the conversation if that was not done before."""
    reference = once(f"rttm {task.data}", lambda: read_rttm(task.data / "ref.rttm"))[task.name]
    uem = once(f"uem {task.data}", lambda: read_uem(task.data / "all.uem"))[task.name]
    entries = once(f"scp {task.data}", lambda: read_wav_scp(task.data / "wav.scp"))
    path, first = task.analysis / f"{task.name}.npz", diarizer_of(task.kind, task.variants[0])
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # One analysis serves all variants, so it listens for overlap, which some of them use.
        hears = diarizer_of(task.kind, task.variants[0] | overlap_settings(first.detector))
        save(path, hears.analyse(resolve_path(entries[task.name], task.data)))
    analysis, n_true = load(path, first), len({turn.speaker for turn in reference})
    results = []
    for settings in task.variants:
        found = diarizer_of(task.kind, settings).assign(analysis)
        counts = diarization_error(reference, found.turns, uem)
        results.append(Found(counts, len(found.speakers) == n_true))
    return results


def digest(*what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def model_digest(directory: Path) -> str:
    """A digest of the files of a model, without its settings."""
    total = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        if path.is_file() and path.name not in ("diarization.json", "README.md"):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


class Tuning:
    """Tries settings on sets of conversations.

    Args:
        folder: for analyses and results.
        sets: data directories.
        limit: conversations of each; None for all.
    """

    def __init__(self, pool: ProcessPoolExecutor, folder: Path, sets: Sequence[Path], limit: int | None) -> None:
        self.pool = pool
        self.folder = folder
        self.sets = sets
        self.limit = limit
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "results.json"
        self._known: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}

    def remembered(self, key: str, make: Any) -> Any:
        """A plain value that is computed once and kept."""
        if key not in self._known:
            self._keep({key: make()})
        return self._known[key]

    def _keep(self, results: dict[str, Any]) -> None:
        self._known |= results
        with atomic_text(self._path) as file:
            json.dump(self._known, file, indent=1)

    def best(self, kind: str, settings: Settings, groups: Sequence[Group]) -> tuple[Settings, float]:
        """The changes to `settings` with the least error, and that error."""
        chosen, least = dict(settings), np.inf
        for group in groups or ({},):
            variants = [{**chosen, **dict(zip(group, values, strict=True))} for values in product(*group.values())]
            errors = self.errors(kind, variants)
            best = int(errors.argmin())
            for i in np.argsort(errors)[:5]:
                say(f"DER {100 * errors[i]:.2f}%: {', '.join(f'{key} {variants[i][key]}' for key in group)}")
            chosen, least = variants[best], float(errors[best])
        return chosen, least

    def errors(self, kind: str, variants: Sequence[Settings]) -> np.ndarray:
        """(V,) the geometric mean of the error over the sets, of each variant."""
        logs = np.zeros(len(variants))
        for data in self.sets:
            results = self._errors_on(kind, data, variants)
            logs += np.log([max(x["der"], LEAST_ERROR) for x in results])
        self._list_trials()
        return np.exp(logs / len(self.sets))

    def _errors_on(self, kind: str, data: Path, variants: Sequence[Settings]) -> list[dict[str, Any]]:
        def key(settings: Settings) -> str:
            return digest(kind, data.name, self.limit, settings)

        by_analysis: dict[str, list[Settings]] = {}
        for settings in variants:
            if key(settings) not in self._known:
                before = {
                    name: value
                    for name, value in settings.items()
                    if name.partition(".")[0] in BEFORE_CLUSTERING and name not in AFTER_ANALYSIS
                }
                by_analysis.setdefault(digest(kind, before), []).append(settings)
        names = list(read_wav_scp(data / "wav.scp"))[: self.limit]
        for analysis, some in by_analysis.items():
            folder = self.folder / "analyses" / f"{data.name}-{analysis}"
            tasks = [Task(kind, data, name, folder, tuple(some)) for name in names]
            found = list(track(self.pool.map(work, tasks), f"{data.name}, {len(some)} settings", len(tasks)))
            results = {}
            for settings, of_variant in zip(some, zip(*found, strict=True), strict=True):
                total = sum((x.counts for x in of_variant), DerCounts())
                right = sum(x.right for x in of_variant) / len(of_variant)
                about = {"windows": kind, "set": data.name, "limit": self.limit, "settings": settings}
                results[key(settings)] = {"der": total.der, **total.rates(), "right_count": right, **about}
            self._keep(results)
        return [self._known[key(settings)] for settings in variants]

    def _list_trials(self) -> None:
        """All that was tried, with the least error first."""
        trials = [x for x in self._known.values() if isinstance(x, dict) and "der" in x]
        columns = ("set", "limit", "windows", "der", "missed", "false alarm", "confusion", "right_count", "settings")
        with atomic_text(self.folder / "trials.tsv") as file:
            print(*columns, sep="\t", file=file)
            for trial in sorted(trials, key=lambda x: (x["set"], x["der"])):
                cells = (trial[name] for name in columns)
                print(*(f"{x:.4f}" if isinstance(x, float) else json.dumps(x) for x in cells), sep="\t", file=file)


def tune_speech(diarizer: Diarizer, folders: Sequence[Path], limit: int | None) -> tuple[SpeechConfig, float]:
    """The settings with the least missed and false speech, and its share of the true speech."""
    heard = {folder: list(_heard(diarizer, folder, limit)) for folder in folders}
    best, least = SpeechConfig(), np.inf
    for values in product(*SPEECH.values()):
        chosen = dict(zip(SPEECH, values, strict=True))
        if chosen["offset"] > chosen["onset"]:
            continue
        config = SpeechConfig(**chosen)
        error = float(np.mean([_speech_error(recordings, config) for recordings in heard.values()]))
        if error < least:
            best, least = config, error
    return best, least


Heard = tuple[np.ndarray, np.ndarray, float, float]  # probability (T,) and truth (T,) of speech, frame shift, duration


def _heard(diarizer: Diarizer, folder: Path, limit: int | None) -> Iterable[Heard]:
    reference, entries = read_rttm(folder / "ref.rttm"), dict(list(read_wav_scp(folder / "wav.scp").items())[:limit])
    assert diarizer.detector is not None
    for name, entry in track(entries.items(), f"speech {folder}", len(entries)):
        blocks = iter_blocks(resolve_path(entry, folder), BLOCK_S, sample_rate=diarizer.model.config.sample_rate)
        x = analyse_blocks(diarizer.frontend, blocks)
        truth = count_speakers(reference[name], len(x), x.shift_s) > 0
        yield diarizer.detector(x.features).speech, truth, x.shift_s, x.duration_s


def _speech_error(recordings: Iterable[Heard], config: SpeechConfig) -> float:
    n_wrong = n_speech = 0
    for probability, truth, shift_s, duration_s in recordings:
        found = speech_mask(speech_segments(probability, shift_s, config, duration_s), len(truth), shift_s)
        n_wrong += int((found != truth).sum())
        n_speech += int(truth.sum())
    return n_wrong / max(n_speech, 1)


def speech_settings(tuning: Tuning, model: str) -> Settings:
    """The settings that tell what is speech, tuned."""

    def make() -> Settings:
        diarizer = Diarizer.load(model, settings={"windows.kind": "uniform", "vad": {"kind": "network"}})
        config, error = tune_speech(diarizer, tuning.sets, tuning.limit)
        say(f"missed and false speech {100 * error:.2f}%: {config}")
        return to_plain(config)

    grid = {name: list(values) for name, values in SPEECH.items()}
    plain = tuning.remembered(digest("speech", [x.name for x in tuning.sets], tuning.limit, grid), make)
    return {"speech": to_plain(from_plain(SpeechConfig, plain, "speech"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exp", type=Path)
    parser.add_argument("sets", nargs="+", help="folders in EXP/data, or paths")
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True, help="model directory to write the settings into")
    parser.add_argument("--windows", nargs="+", choices=list(GROUPS), default=list(GROUPS), help="(default: both)")
    parser.add_argument("--segmentation", help='of local windows, such as "pyannote"; default: the model\'s')
    parser.add_argument("--limit", type=int, help="conversations of each set (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    start_worker(args.model)  # this process opens the model too
    sets = [Path(name) if "/" in name else args.exp / "data" / name for name in args.sets]
    folder = args.exp / "tuning" / model_digest(find_model(args.model))
    results = []
    with ProcessPoolExecutor(args.jobs, initializer=start_worker, initargs=(args.model,)) as pool:
        tuning = Tuning(pool, folder, sets, args.limit)
        for kind in args.windows:
            base = dict(BASE[kind])
            if kind == "uniform":
                base |= speech_settings(tuning, args.model)
            elif args.segmentation:
                base["windows.segmentation"] = args.segmentation
            groups = GROUPS[kind]
            if kind == "uniform":
                detector = diarizer_of(kind, base).detector
                overlaps = [overlap_settings(detector, onset).get("overlap") for onset in ONSETS] if detector else []
                groups = (*groups, {"overlap": (None, *overlaps)})
            chosen, error = tuning.best(kind, base, groups)
            say(f"{kind} windows: DER {100 * error:.2f}%")
            results.append((error, kind, chosen))
    _, kind, chosen = min(results, key=lambda x: x[0])
    args.out.mkdir(parents=True, exist_ok=True)
    save_config(args.out, config_of(kind, chosen))


if __name__ == "__main__":
    main()
