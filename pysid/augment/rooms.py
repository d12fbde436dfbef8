"""Simulated room responses: shoebox rooms by the image-source method.

The rooms are those of the simulated half of Kaldi's RIRS_NOISES: walls of 1 to 10 m (small), 10 to 30 m (medium) or
30 to 50 m (large), ceilings of 2 to 5 m, walls that absorb 20% to 80% of the energy, source and microphone anywhere.
Source: Ko et al., "A study on data augmentation of reverberant speech for robust speech recognition", ICASSP 2017;
Allen and Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65, 1979.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np

from pysid.augment.banks import MemoryBank
from pysid.augment.responses import ResponseSet
from pysid.errors import needs_extra

SIDES_M = {"small": (1.0, 10.0), "medium": (10.0, 30.0), "large": (30.0, 50.0)}
HEIGHTS_M = (2.0, 5.0)
WALL_GAP_M = 0.1  # of source and microphone from the walls, and
MIN_DISTANCE_M = 0.3  # from each other
DECAY = 1e-6  # of the energy, 60 dB, after which reflections are left out
MAX_ORDER = 60  # reflections of a path
PEAK = 32767.0  # of a response, in int16 steps


@dataclass(frozen=True, kw_only=True)
class RoomConfig:
    """Configuration of `simulate_rooms`.

    Attributes:
        size: "small", "medium" or "large".
        n_rooms: how many rooms.
        n_positions: places of source and microphone in each. RIRS_NOISES has 200 rooms of each size and 100 places.
        min_absorption, max_absorption: of the energy at each reflection; a room's is drawn uniformly.
        max_duration_s: longer responses are cut.
        sample_rate: Hz.
        seed: the same one gives the same rooms; room i does not depend on how many there are.
    """

    size: Literal["small", "medium", "large"] = "small"
    n_rooms: int = 20
    n_positions: int = 10
    min_absorption: float = 0.2
    max_absorption: float = 0.8
    max_duration_s: float = 1.0
    sample_rate: int = 16000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size not in SIDES_M:
            raise ValueError(f"size must be one of {', '.join(SIDES_M)}, got {self.size!r}")
        if min(self.n_rooms, self.n_positions, self.sample_rate) < 1:
            raise ValueError("n_rooms, n_positions and sample_rate must be at least 1")
        if not 0 < self.min_absorption <= self.max_absorption < 1:
            raise ValueError(
                f"expected 0 < min_absorption <= max_absorption < 1, got {self.min_absorption}, {self.max_absorption}"
            )
        if not self.max_duration_s > 0:
            raise ValueError(f"max_duration_s must be positive, got {self.max_duration_s}")


@dataclass(frozen=True)
class Room:
    """A room with places of sources and microphones: `sides_m` (3,), `sources_m` and `microphones_m` (P, 3)."""

    sides_m: np.ndarray
    absorption: float
    sources_m: np.ndarray
    microphones_m: np.ndarray

    @property
    def order(self) -> int:
        """The number of reflections after which 60 dB are lost, at most `MAX_ORDER`."""
        return min(MAX_ORDER, math.ceil(math.log(DECAY) / math.log(1 - self.absorption)))


def draw_room(config: RoomConfig, number: int) -> Room:
    """Room `number`, from 0, of a configuration."""
    rng = np.random.default_rng([config.seed, number])
    low, high = SIDES_M[config.size]
    sides = np.array([rng.uniform(low, high), rng.uniform(low, high), rng.uniform(*HEIGHTS_M)])
    absorption = rng.uniform(config.min_absorption, config.max_absorption)
    pairs = [_draw_pair(sides, rng) for _ in range(config.n_positions)]
    sources, microphones = (np.stack(points) for points in zip(*pairs, strict=True))
    return Room(sides, absorption, sources, microphones)


def simulate_rooms(config: RoomConfig) -> Iterator[tuple[str, np.ndarray]]:
    """The names and the responses (R,) of all places in all rooms, float32 at int16 scale, the peak near full scale.

    Raises:
        MissingExtra: pyroomacoustics is not installed.
    """
    acoustics = pyroomacoustics()
    for number in range(config.n_rooms):
        room = draw_room(config, number)
        for place, (source, microphone) in enumerate(zip(room.sources_m, room.microphones_m, strict=True)):
            shoebox = acoustics.ShoeBox(
                room.sides_m,
                fs=config.sample_rate,
                materials=acoustics.Material(room.absorption),
                max_order=room.order,
            )
            shoebox.add_source(source)
            shoebox.add_microphone(microphone)
            shoebox.compute_rir()
            response = shoebox.rir[0][0][: int(config.max_duration_s * config.sample_rate)]
            scaled = (response * (PEAK / np.abs(response).max())).astype(np.float32)
            yield f"{config.size}-room{number + 1:03d}-{place + 1:05d}", scaled


def simulated_responses(*configs: RoomConfig) -> ResponseSet:
    """A set of responses for each configuration, each set as likely as any other; all in memory.

    `simulated_responses(RoomConfig(size="small"), RoomConfig(size="medium"))` is what voxceleb/v2 uses.
    """
    banks = []
    for config in configs:
        names, waves = zip(*simulate_rooms(config), strict=True)
        banks.append(MemoryBank(waves, config.sample_rate, names))
    return ResponseSet(banks)


def _draw_pair(sides: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A source and a microphone that are not in the same place."""
    while True:
        source, microphone = rng.uniform(WALL_GAP_M, sides - WALL_GAP_M, size=(2, 3))
        if np.linalg.norm(source - microphone) >= MIN_DISTANCE_M:
            return source, microphone


def pyroomacoustics() -> Any:
    """The package.

    Raises:
        MissingExtra: it is not installed.
    """
    with needs_extra("simulation of rooms", "rooms"):
        return import_module("pyroomacoustics")
