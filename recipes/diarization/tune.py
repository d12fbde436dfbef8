"""Chooses the settings of diarization for a model: those of least error on conversations that are there for tuning.

    python tune.py EXP plain-a overlap-a scene-a --model MODEL --out MODEL

EXP/data has the conversations, as run.sh makes them. First come those settings that tell what is speech, by the speech
that they miss and invent; then, with these, those of clustering, re-segmentation and overlap, one group after the
other, by the error of the turns: its geometric mean over the sets, so that they count equally, however long or hard
they are.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from analyse import analyse_all
from experiment import Fold, Task, start_worker, work

from pysid.config import to_plain
from pysid.diarization.config import DiarizationConfig
from pysid.diarization.files import save_config, with_settings
from pysid.diarization.pipeline import BLOCK_S, Diarizer
from pysid.diarization.speech import SpeechConfig, speech_mask, speech_segments
from pysid.frontend.streaming import analyse_blocks
from pysid.io.audio.files import iter_blocks
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.metrics.diarization import DerCounts
from pysid.progress import say, track
from pysid.training.activity.crops import count_speakers

SPEECH = {
    "window_s": (0.1, 0.2, 0.4),
    "onset": (0.4, 0.5, 0.6, 0.7),
    "offset": (0.2, 0.3, 0.4, 0.5),
    "pad_s": (0.0, 0.05, 0.1),
    "min_silence_s": (0.3, 0.5, 0.7),
}
GROUPS: tuple[Mapping[str, tuple[Any, ...]], ...] = (
    {
        "clustering.fa": (0.2, 0.3, 0.5),
        "clustering.fb": (2.0, 4.0, 8.0, 12.0),
        "clustering.start.threshold": (-1.0, 0.5, 1.5),
        "affinity.target_energy": (0.3, 1.0),
    },
    {"clustering.loop_probability": (0.3, 0.6, 0.9)},
    {"resegmentation": (None, {"kind": "viterbi"})},
    {
        "overlap": (
            None,
            *({"kind": "network", "onset": onset, "offset": onset - 0.1} for onset in (0.4, 0.5, 0.6, 0.7, 0.8)),
        )
    },
)
"""What is tried, every combination within a group; the best of each group stays for the next."""


def tune_speech(diarizer: Diarizer, folders: Sequence[Path], limit: int | None) -> tuple[SpeechConfig, float]:
    """The settings with the least missed and false speech, and how much that is of the true speech."""
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


def tune(
    pool: ProcessPoolExecutor, folds: Sequence[Fold], base: dict[str, Any], limit: int | None
) -> tuple[dict[str, Any], float]:
    """The changes to settings `base` of least error, and that error."""
    chosen, least = dict(base), np.inf
    for group in GROUPS:
        variants = tuple({**chosen, **dict(zip(group, values, strict=True))} for values in product(*group.values()))
        errors = np.exp(np.mean([np.log(_errors(pool, fold, variants, limit)) for fold in folds], axis=0))
        best = int(errors.argmin())
        chosen, least = variants[best], float(errors[best])
        for variant, error in sorted(zip(variants, errors, strict=True), key=lambda pair: pair[1])[:5]:
            say(f"DER {100 * error:.2f}%: {', '.join(f'{key} {variant[key]}' for key in group)}")
    return chosen, least


def _errors(
    pool: ProcessPoolExecutor, fold: Fold, variants: tuple[dict[str, Any], ...], limit: int | None
) -> list[float]:
    """The error of each variant on a fold."""
    tasks = [Task(fold, name, variants, "found") for name in fold.names(limit)]
    results = track(pool.map(work, tasks), f"{fold.data.name}, {len(variants)} settings", len(tasks))
    return [sum((x.counts for x in of_variant), DerCounts()).der for of_variant in zip(*results, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exp", type=Path)
    parser.add_argument("sets", nargs="+", help="folders in EXP/data")
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True, help="model directory to write the settings into")
    parser.add_argument("--limit", type=int, help="conversations of each set (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    vad = {"vad": {"kind": "network"}}
    diarizer = Diarizer.load(args.model, settings=vad)
    speech, error = tune_speech(diarizer, [args.exp / "data" / name for name in args.sets], args.limit)
    say(f"missed and false speech {100 * error:.2f}%: {speech}")
    settings = {**vad, "speech": to_plain(speech)}
    folds = [Fold(args.exp / "data" / name, args.exp / "analyses" / f"{name}-network") for name in args.sets]
    for fold in folds:
        analyse_all(fold.data, fold.analyses, args.model, settings, False, args.jobs, args.limit)
    base = settings | {"clustering": {"kind": "vbx"}, "affinity.kind": "plda"}
    with ProcessPoolExecutor(args.jobs, initializer=start_worker, initargs=(args.model,)) as pool:
        chosen, error = tune(pool, folds, base, args.limit)
    say(f"DER {100 * error:.2f}%")
    args.out.mkdir(parents=True, exist_ok=True)
    save_config(args.out, with_settings(DiarizationConfig(), chosen))


if __name__ == "__main__":
    main()
