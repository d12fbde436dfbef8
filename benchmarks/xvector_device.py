"""Speed of the front-end and of x-vector extraction on a GPU: `python -m benchmarks.xvector --device cuda`.

Batches of utterances of one length, from the device's memory and from the host's (pinned; batches are copied in and
embeddings out), in single and half precision, and as CUDA graphs. The limit is the device's own rate of matrix products
in that precision.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measure.machine import machine, round_rate
from benchmarks.measure.speed import PRODUCT_SIZE
from benchmarks.measure.tables import console, show, write_json
from benchmarks.networks import FRAMES_PER_S, count_operations, network
from pysid.frontend import VOXCELEB, Frontend

SECONDS = 3.0
BATCHES = (16, 128, 512)
PRECISIONS = (torch.float32, torch.bfloat16)
ROUNDS = 20


@dataclass(frozen=True)
class Line:
    """Seconds of audio per second, and the share of the device's product rate in this precision; None: not counted."""

    what: str
    precision: str
    batch: int
    speed: float
    share: float | None


def run_on_device(device: torch.device, json: Path | None) -> None:
    lines: list[Line] = []
    limits: dict[str, float] = {}
    with torch.inference_mode():
        for dtype in PRECISIONS:
            name = str(dtype).removeprefix("torch.")
            limits[name] = _product_rate(device, dtype)
            for batch in BATCHES:
                lines += _network_lines(device, dtype, batch, limits[name])
        for batch in BATCHES:
            lines += _frontend_lines(device, batch)
    show(["what", "precision", "batch", "s of audio a s", "of the limit"], [_cells(x) for x in lines], n_left=2)
    rates = ", ".join(f"{name} products {rate / 1e12:.3g} TFLOP/s" for name, rate in limits.items())
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    console().print(f"limits: {rates}\ndevice: {gpu}\nmachine:", ", ".join(f"{k} {v}" for k, v in machine().items()))
    if json:
        rows = [asdict(x) for x in lines]
        write_json(json, {"machine": machine(), "device": gpu, "limits": limits, "lines": rows})


def _network_lines(device: torch.device, dtype: torch.dtype, batch: int, limit: float) -> list[Line]:
    model = network().to(device)
    n_frames = round(SECONDS * FRAMES_PER_S)
    on_host = torch.randn(batch, n_frames, model.config.feature_dim)
    on_host = on_host.pin_memory() if device.type == "cuda" else on_host
    inputs = on_host.to(device)

    def embed(x: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            out: Tensor = model(x)
        return out

    ways: dict[str, Callable[[], object]] = {
        "x-vectors, from the device's memory": lambda: embed(inputs),
        "x-vectors, from the host's memory": lambda: embed(on_host.to(device, non_blocking=True)).cpu(),
    }
    if device.type == "cuda":
        ways["x-vectors, CUDA graph"] = _graph(lambda: embed(inputs))
    operations = batch * count_operations(model.config, n_frames)
    name = str(dtype).removeprefix("torch.")
    times = {what: _least_seconds(task, device) for what, task in ways.items()}
    return [Line(what, name, batch, batch * SECONDS / s, operations / s / limit) for what, s in times.items()]


def _frontend_lines(device: torch.device, batch: int) -> list[Line]:
    frontend = Frontend(VOXCELEB).to(device)
    wave = 1000 * torch.randn(batch, round(SECONDS * VOXCELEB.sample_rate), device=device)
    lengths = torch.full((batch,), wave.shape[1])
    ways = {
        "MFCC": lambda: frontend.features(wave, lengths),
        "MFCC, VAD, CMVN, voiced frames": lambda: frontend(wave, lengths),
    }
    times = {what: _least_seconds(task, device) for what, task in ways.items()}
    return [Line(what, "float32", batch, batch * SECONDS / s, None) for what, s in times.items()]


def _graph(task: Callable[[], Tensor]) -> Callable[[], object]:
    """The task as a CUDA graph, which is launched as one."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            task()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        task()
    return graph.replay


def _product_rate(device: torch.device, dtype: torch.dtype) -> float:
    size = 4 * PRODUCT_SIZE if device.type == "cuda" else PRODUCT_SIZE // 4
    a = torch.randn(size, size, device=device, dtype=dtype)
    return 2 * size**3 / _least_seconds(lambda: a @ a, device)


def _least_seconds(task: Callable[[], object], device: torch.device) -> float:
    """Wall-clock time until the device is done."""
    times = []
    for _ in range(ROUNDS + 1):
        _synchronize(device)
        start = time.perf_counter()
        task()
        _synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _cells(x: Line) -> list[str]:
    return [x.what, x.precision, str(x.batch), round_rate(x.speed), "" if x.share is None else f"{100 * x.share:.3g}%"]
