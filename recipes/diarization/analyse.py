"""Speech, windows and embeddings of every recording of a data directory, one file each; all systems start from them."""

import argparse
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pysid.config import assignment
from pysid.diarization.config import DiarizationConfig
from pysid.diarization.files import with_settings
from pysid.diarization.local.analysis import LocalAnalysis
from pysid.diarization.local.embeddings import LocalSpeakers
from pysid.diarization.pipeline import Analysis, Diarizer
from pysid.diarization.steps import Windows
from pysid.frontend.streaming import RecordingFeatures
from pysid.io.files import atomic_path
from pysid.io.scp import resolve_path
from pysid.io.tables import read_wav_scp
from pysid.io.turns.rttm import read_rttm
from pysid.progress import track
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segmentation.protocol import FrameGrid
from pysid.segments import Segment


@dataclass(frozen=True)
class Job:
    """What a worker needs for one recording."""

    audio: str
    out: Path
    speech: list[Segment] | None


def save(path: Path, analysis: Analysis) -> None:
    """Writes an analysis; features before CMVN in half precision, which is enough for re-segmentation."""
    optional = {} if analysis.frames is None else {"frames": analysis.frames}
    if analysis.unbridged is not None:
        optional["unbridged"] = times(analysis.unbridged)
    if analysis.overlap is not None:
        optional["overlap"] = analysis.overlap
    if analysis.heard is not None:
        optional |= _speech_arrays(analysis.heard)
    if analysis.local is not None:
        optional |= _speech_arrays(analysis.local.speech) | _speaker_arrays(analysis.local.speakers)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            speech=times(analysis.speech),
            windows=np.stack([analysis.windows.start_s, analysis.windows.end_s, analysis.windows.speech]),
            embeddings=analysis.embeddings,
            features=analysis.features.features.half().numpy() if analysis.local is None else np.zeros((0, 1), np.half),
            n_samples=analysis.features.n_samples,
            **optional,
        )


def _speech_arrays(speech: LocalSpeech) -> dict[str, np.ndarray]:
    """What is heard in windows."""
    grid = speech.grid
    return {
        "grid": np.array([grid.window_s, grid.step_s, grid.first_s]),
        "starts": speech.starts,
        "active": speech.active,
        "duration_s": np.array(speech.duration_s),
    }


def _read_speech(arrays: Mapping[str, np.ndarray]) -> LocalSpeech:
    """The opposite of `_speech_arrays`."""
    window_s, step_s, first_s = arrays["grid"].tolist()
    grid = FrameGrid(window_s=window_s, step_s=step_s, first_s=first_s)
    return LocalSpeech(grid, arrays["starts"], arrays["active"], float(arrays["duration_s"]))


def _speaker_arrays(speakers: LocalSpeakers) -> dict[str, np.ndarray]:
    """Whom the embeddings are of, which are stored like those of other windows."""
    return {"speakers": np.stack([speakers.window, speakers.slot, speakers.speech_s, speakers.clean_s])}


def _read_speakers(arrays: Mapping[str, np.ndarray]) -> LocalSpeakers:
    """The opposite of `_speaker_arrays`."""
    window, slot, speech_s, clean_s = arrays["speakers"]
    return LocalSpeakers(window.astype(np.int64), slot.astype(np.int64), speech_s, clean_s, arrays["embeddings"])


def times(parts: list[Segment]) -> np.ndarray:
    """(N, 2) starts and ends in seconds."""
    return np.array([(part.start_s, part.end_s) for part in parts]).reshape(-1, 2)


def segments(pairs: np.ndarray) -> list[Segment]:
    """The opposite of `times`."""
    return [Segment(start_s, end_s) for start_s, end_s in pairs.tolist()]


def load(path: Path, diarizer: Diarizer) -> Analysis:
    """Reads what `save` wrote."""
    with np.load(path) as arrays:
        start_s, end_s, speech = arrays["windows"]
        features = torch.from_numpy(arrays["features"]).float()
        voiced = torch.ones(len(features), dtype=torch.bool)
        heard = _read_speech(arrays) if "active" in arrays else None
        local = LocalAnalysis(heard, _read_speakers(arrays)) if heard is not None and "speakers" in arrays else None
        return Analysis(
            segments(arrays["speech"]),
            Windows(start_s, end_s, speech.astype(np.int64)),
            arrays["embeddings"],
            RecordingFeatures(features, voiced, int(arrays["n_samples"]), diarizer.frontend.config),
            frames=arrays.get("frames"),
            unbridged=segments(arrays["unbridged"]) if "unbridged" in arrays else None,
            overlap=arrays.get("overlap"),
            heard=heard if local is None else None,
            local=local,
        )


WORKER: dict[str, Diarizer] = {}  # of this process


def start_worker(model: str, settings: dict) -> None:
    torch.set_num_threads(1)
    base = Diarizer.load(model)  # whose tuned settings are not what is compared
    WORKER["diarizer"] = base.with_config(with_settings(DiarizationConfig(), settings))
    # The progress shown is that of recordings, not of blocks within each.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def work(job: Job) -> None:
    save(job.out, WORKER["diarizer"].analyse(job.audio, speech=job.speech))


def analyse_all(
    data: Path, out: Path, model: str, settings: dict, oracle_speech: bool, n_jobs: int, limit: int | None = None
) -> None:
    """Analyses what is not analysed yet; the first `limit` recordings, None for all."""
    reference = read_rttm(data / "ref.rttm") if oracle_speech else None
    out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for name, entry in list(read_wav_scp(data / "wav.scp").items())[:limit]:
        speech = None if reference is None else [turn.segment for turn in reference[name]]
        if not (out / f"{name}.npz").exists():
            jobs.append(Job(resolve_path(entry, data), out / f"{name}.npz", speech))
    with ProcessPoolExecutor(n_jobs, initializer=start_worker, initargs=(model, settings)) as pool:
        for _ in track(pool.map(work, jobs), f"analysing {data}", len(jobs)):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data directory")
    parser.add_argument("out", type=Path, help="folder for RECORDING.npz")
    parser.add_argument("--model", required=True)
    parser.add_argument("--oracle-speech", action="store_true", help="speech from DATA/ref.rttm")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the diarization")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    settings = dict(map(assignment, args.set))
    analyse_all(args.data, args.out, args.model, settings, args.oracle_speech, args.jobs)


if __name__ == "__main__":
    main()
