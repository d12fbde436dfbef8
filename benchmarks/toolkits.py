"""Networks of other toolkits, how far from theirs and how fast: `python -m benchmarks.toolkits`.

Parity: for each case of `toolkit_golden`, the largest deviation of the features, and that of the embedding in units of
its largest number or of 1. Speed: each network as published, with made-up weights, embeds one utterance at a time from
its features, in the form that pysid runs; CPU time of one thread, the least of several rounds. "Of large products" is
the share of the rate at which PyTorch multiplies two square matrices in the same run.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure.machine import machine
from benchmarks.measure.speed import PRODUCT_SIZE, best_of
from benchmarks.measure.tables import console, show, write_json
from benchmarks.toolkit_golden import FOLDER, N_BANDS, N_FRAMES, N_NUMBERS, Case, waveform, write_model
from pysid.embedding.campplus import CamPlusPlusConfig
from pysid.embedding.ecapa import EcapaConfig
from pysid.embedding.eres2net import ERes2NetConfig
from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.lstm import LstmConfig
from pysid.embedding.networks import TrainableConfig, make_network
from pysid.embedding.resnet import wespeaker_resnet
from pysid.embedding.time_delay import TimeDelayConfig
from pysid.embedding.titanet import TitaNetConfig
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel

FRAMES_PER_S = 100
NETWORKS: dict[str, TrainableConfig] = {
    "CAM++, 192": CamPlusPlusConfig(embedding_dim=192),
    "ECAPA-TDNN, 512 channels": EcapaConfig(),
    "ECAPA-TDNN, 1024 channels": EcapaConfig(channels=1024),
    "ERes2Net": ERes2NetConfig(),
    "ResNet34": wespeaker_resnet(34),
    "TitaNet, large": TitaNetConfig(),
    "x-vector of WeSpeaker": TimeDelayConfig(),
    "GE2E's LSTM": LstmConfig(),
}
FEATURES_BOUND, EMBEDDING_BOUND = 1e-3, 1e-4


def deviation(name: str) -> dict[str, Any]:
    """How far the features and the embedding of a case, and the latter's length, are from the toolkit's."""
    case = Case.read(name)
    with tempfile.TemporaryDirectory() as folder:
        model = SpeakerModel.load(write_model(name, Path(folder)))
    config = model.config.network
    first = int(getattr(config, "skip_energy", False))
    bands = model.features([waveform()])[0][:N_FRAMES, first : first + N_BANDS]
    bands = bands * 1e4 if name == "resemblyzer" else bands  # powers, which are small
    shift = 2 * np.log(32768) if getattr(config, "wave_scale", "int16") == "unit" else 0.0
    embedding = model.embed(Int16Scale(waveform()))
    largest = max(1.0, np.abs(case.embedding).max())
    return {
        "case": name,
        "made_by": case.made_by,
        "features": float(np.abs(bands - shift - case.features).max()) if case.features else None,
        "embedding": float(np.abs(embedding[:N_NUMBERS] - case.embedding).max() / largest),
        "length": float(np.linalg.norm(embedding) / case.embedding_norm - 1),
    }


def utterance(config: TrainableConfig, seconds: float) -> tuple[Callable[[], Any], int, float]:
    """A function that embeds one utterance; the numbers in the network; the operations of its products, 0: unknown."""
    torch.manual_seed(0)
    network = make_network(config).eval()
    n_frames = round(seconds * FRAMES_PER_S)
    features = np.random.default_rng(0).standard_normal((n_frames, config.feature_dim), np.float32)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.from_numpy(features)[None])
    whole = ExtractConfig(chunk_size=-1, min_chunk_size=1)
    n_parameters = sum(x.numel() for x in network.parameters())
    counted = 0 if isinstance(config, LstmConfig) else counter.get_total_flops()  # which knows no LSTM
    return lambda: list(extract(network, [("", features)], whole)), n_parameters, counted


def speeds(seconds: float, rounds: int, only: str) -> list[dict[str, Any]]:
    """CPU milliseconds of a second of audio of each network."""
    torch.set_num_threads(1)
    made = {name: utterance(config, seconds) for name, config in NETWORKS.items() if only in name}
    a, b = torch.randn(2, PRODUCT_SIZE, PRODUCT_SIZE).unbind()
    product_s, *spent = best_of([lambda: a @ b, *(task for task, _, _ in made.values())], rounds)
    rate = 2 * PRODUCT_SIZE**3 / product_s
    return [
        {
            "network": name,
            "seconds": seconds,
            "parameters": n,
            "ms_per_s": 1000 * s / seconds,
            "share": operations / rate / s if operations else None,
        }
        for (name, (_, n, operations)), s in zip(made.items(), spent, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.toolkits", description="Networks of other toolkits.")
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 10.0], help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--only", default="", metavar="WORD", help="networks whose names have it")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    about = machine()
    parity = [deviation(path.stem) for path in sorted(FOLDER.glob("*.json"))]
    rows = [
        [x["case"], x["made_by"], "-" if x["features"] is None else f"{x['features']:.1e}", f"{x['embedding']:.1e}"]
        for x in parity
    ]
    bounds = ["bound", "", f"{FEATURES_BOUND:.0e}", f"{EMBEDDING_BOUND:.0e}"]
    show(["case", "made by", "features", "embedding"], [*rows, bounds], n_left=2)
    found = [x for seconds in arguments.seconds for x in speeds(seconds, arguments.rounds, arguments.only)]
    table = []
    for name in dict.fromkeys(x["network"] for x in found):
        own = [x for x in found if x["network"] == name]
        cells = [c for x in own for c in (f"{x['ms_per_s']:.1f}", f"{x['share']:.0%}" if x["share"] else "-")]
        table.append([name, f"{own[0]['parameters'] / 1e6:.2f} M", *cells])
    heads = [c for s in arguments.seconds for c in (f"ms / s, {s:g} s", "of large products")]
    show(["network", "parameters", *heads], table)
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "parity": parity, "speed": found})
    deviates = [x for x in parity if (x["features"] or 0) > FEATURES_BOUND or x["embedding"] > EMBEDDING_BOUND]
    raise SystemExit(bool(deviates))


if __name__ == "__main__":
    main()
