"""Speed from wav files to embeddings: `python -m benchmarks.embedding [--model M] [--only WORD ...] [--json PATH]`.

A model that ships with pysid, as a whole and step by step, compared with Resemblyzer, a speaker encoder of another form
and training (pip install resemblyzer). The files are some of examples/dev, with synthetic speech.
"""

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import pysid
from benchmarks.measure.speed import Job, parser, run
from pysid.embedding.extract import extract
from pysid.io.audio.files import read_audio, write_audio
from pysid.model.directory import DEFAULT_MODEL
from pysid.model.speaker_model import SpeakerModel

EXAMPLES = Path(__file__).parents[1] / "examples" / "dev" / "audio"
SAMPLE_RATE = 16000
EVERY = 6  # every so many files one is taken


def write_files(folder: Path) -> float:
    """Writes the recordings as 16-bit wav files; returns how many seconds they are."""
    n_samples = 0
    for path in sorted(EXAMPLES.glob("*.ogg"))[::EVERY]:
        wave, _ = read_audio(path, sample_rate=SAMPLE_RATE)
        write_audio(folder / f"{path.stem}.wav", wave, SAMPLE_RATE)
        n_samples += len(wave)
    return n_samples / SAMPLE_RATE


def whole(model: str, folder: Path, precision: Any) -> Callable[[], Any]:
    opened, paths = open_model(model, precision), sorted(folder.iterdir())
    return lambda: [opened.embed(path) for path in paths]


def reading(folder: Path) -> Callable[[], Any]:
    paths = sorted(folder.iterdir())
    return lambda: [read_audio(path, sample_rate=SAMPLE_RATE) for path in paths]


def features(model: str, folder: Path) -> Callable[[], Any]:
    opened, waves = open_model(model), read_all(folder)
    return lambda: [opened.features([wave]) for wave in waves]


def network(model: str, folder: Path, precision: Any) -> Callable[[], Any]:
    opened = open_model(model, precision)
    inputs = [(str(i), opened.features([wave])[0]) for i, wave in enumerate(read_all(folder))]
    return lambda: list(extract(opened.network, inputs, opened.config.extract))


def resemblyzer(folder: Path) -> Callable[[], Any]:
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder, paths = VoiceEncoder("cpu", verbose=False), sorted(folder.iterdir())
    return lambda: [encoder.embed_utterance(preprocess_wav(path)) for path in paths]


def open_model(name: str, precision: Any = "float32") -> SpeakerModel:
    model = pysid.load(name)
    model.config = replace(model.config, extract=replace(model.config.extract, precision=precision))
    return model


def read_all(folder: Path) -> list[np.ndarray]:
    return [read_audio(path, sample_rate=SAMPLE_RATE)[0] for path in sorted(folder.iterdir())]


def jobs(model: str, folder: Path, audio_s: float) -> list[Job]:
    opened = open_model(model)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        for wave in read_all(folder):
            opened.network(torch.from_numpy(opened.features([wave])[0])[None])
    work = float(counter.get_total_flops())
    made = [
        Job("wav files to embeddings", "pysid", audio_s, whole, (model, folder, "float32"), work),
        Job("wav files to embeddings", "pysid, bfloat16", audio_s, whole, (model, folder, "bfloat16"), work),
        Job("wav files to embeddings", "Resemblyzer", audio_s, resemblyzer, (folder,)),
        Job("of that: reading", "pysid", audio_s, reading, (folder,)),
        Job("of that: features of voiced frames", "pysid", audio_s, features, (model, folder)),
        Job("of that: network", "pysid", audio_s, network, (model, folder, "float32"), work),
        Job("of that: network", "pysid, bfloat16", audio_s, network, (model, folder, "bfloat16"), work),
    ]
    return [job for job in made if job.by != "Resemblyzer" or importlib.util.find_spec("resemblyzer")]


def main() -> None:
    options = parser("benchmarks.embedding", __doc__, rounds=8)
    options.add_argument("--model", default=DEFAULT_MODEL, help="default: %(default)s")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        audio_s = write_files(Path(name))
        run(arguments, jobs(arguments.model, Path(name), audio_s))


if __name__ == "__main__":
    main()
