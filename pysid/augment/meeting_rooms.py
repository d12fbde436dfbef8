"""Simulated rooms with several speakers and one microphone: people around a table, the microphone on it or elsewhere.

`pysid.augment.rooms` has a separate microphone for each speaker; in a conversation the same one hears all of them.
The first reflections are those of the image-source method. Once it would need too many, noise with an exponential
decay takes over, as late reverberation is diffuse: Lehmann and Johansson, "Diffuse reverberation model for
efficient image-source simulation of room impulse responses", IEEE TASLP 18, 2010.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pysid.augment.rooms import pyroomacoustics

SOUND_M_S = 343.0
LEAD = 8  # samples before the direct sound
FRACTIONAL_DELAY = 40  # samples by which pyroomacoustics delays everything
JOINT_S = 0.1  # over which noise takes over from the reflections
WALL_GAP_M = 0.15


@dataclass(frozen=True, kw_only=True)
class MeetingRoomConfig:
    """Options of `simulate_meeting_rooms`.

    Attributes:
        n_rooms: how many, each with `n_microphones`.
        n_places: of speakers, around a table of random size.
        sides_m, large_sides_m: shortest and longest wall; one room in four may be large.
        heights_m: lowest and highest ceiling.
        rt60_s: shortest and longest reverberation time, drawn uniformly on a logarithmic scale.
        n_microphones: the first two stand on the table, the others anywhere.
        max_order: the most reflections of a path that are computed.
        duration_s: of the responses.
        sample_rate: Hz.
        seed: the same one gives the same rooms; room i does not depend on how many there are.
    """

    n_rooms: int = 300
    n_places: int = 5
    sides_m: tuple[float, float] = (2.5, 7.0)
    large_sides_m: tuple[float, float] = (2.5, 20.0)
    heights_m: tuple[float, float] = (2.3, 3.6)
    rt60_s: tuple[float, float] = (0.15, 1.8)
    n_microphones: int = 3
    max_order: int = 18
    duration_s: float = 1.2
    sample_rate: int = 16000
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_rooms, self.n_places, self.n_microphones, self.max_order, self.sample_rate) < 1:
            raise ValueError("n_rooms, n_places, n_microphones, max_order and sample_rate must be at least 1")
        for name in ("sides_m", "large_sides_m", "heights_m", "rt60_s"):
            low, high = getattr(self, name)
            if not 0 < low <= high < math.inf:
                raise ValueError(f"{name} must be a positive lowest and highest number, got {low} and {high}")
        if min(self.sides_m[0], self.large_sides_m[0], self.heights_m[0]) < 2:
            raise ValueError("rooms must measure at least 2 m in every direction")
        if not JOINT_S < self.duration_s < math.inf:
            raise ValueError(f"duration_s must exceed {JOINT_S}, got {self.duration_s}")


def simulate_meeting_rooms(config: MeetingRoomConfig) -> Iterator[np.ndarray]:
    """The responses of each microphone of each room: (n_places, R) float32, of unit energy on average.

    The direct sound of every place comes at the same sample, so that it is known when things are said; the differences
    in level between places are the room's.

    Raises:
        MissingExtra: pyroomacoustics is not installed.
    """
    for number in range(config.n_rooms):
        yield from _room(config, np.random.default_rng([config.seed, number]))


def _room(c: MeetingRoomConfig, rng: np.random.Generator) -> Iterator[np.ndarray]:
    acoustics = pyroomacoustics()
    sides, rt60_s, absorption, order = _draw_walls(c, acoustics, rng)
    shoebox = acoustics.ShoeBox(
        sides, fs=c.sample_rate, materials=acoustics.Material(absorption), max_order=min(order, c.max_order)
    )
    table = sides[:2] * rng.uniform(0.35, 0.65, 2)
    radius = min(rng.uniform(0.6, 1.8), sides[:2].min() / 2 - 0.3)
    places = _heads_around(table, radius, c.n_places, sides, rng)
    microphones = _microphones(table, radius, c.n_microphones, sides, rng)
    for place in places:
        shoebox.add_source(place)
    shoebox.add_microphone_array(microphones.T)
    shoebox.compute_rir()
    # After this time images are missing: those with more reflections than were computed.
    complete_s = math.inf if order <= c.max_order else 0.7 * c.max_order * sides.min() / SOUND_M_S
    for microphone, heard in zip(microphones, shoebox.rir, strict=True):
        delays = np.linalg.norm(places - microphone, axis=1) / SOUND_M_S * c.sample_rate
        responses = np.stack(
            [
                _with_tail(response[max(0, int(delay) + FRACTIONAL_DELAY - LEAD) :], rt60_s, complete_s, c, rng)
                for response, delay in zip(heard, delays, strict=True)
            ]
        )
        yield responses / np.sqrt(np.square(responses).sum(1).mean(), dtype=np.float32)


def _draw_walls(c: MeetingRoomConfig, acoustics: Any, rng: np.random.Generator) -> tuple[np.ndarray, float, float, int]:
    """Sides in m, reverberation time, absorption of the walls, and the reflections that such a time takes."""
    while True:
        low, high = c.large_sides_m if rng.random() < 0.25 else c.sides_m
        sides = np.array([rng.uniform(low, high), rng.uniform(low, high), rng.uniform(*c.heights_m)])
        rt60_s = float(np.exp(rng.uniform(*np.log(c.rt60_s))))
        try:  # Sabine's formula has no solution for a large room that is very dry
            absorption, order = acoustics.inverse_sabine(rt60_s, sides)
        except ValueError:
            continue
        return sides, rt60_s, float(absorption), int(order)


def _heads_around(table: np.ndarray, radius: float, n: int, sides: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) heads of people around a table, sitting or standing."""
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.uniform(0.5, 1.6, n))
    distances = radius * rng.uniform(0.8, 1.3, (n, 1))
    flat = table + distances * np.stack([np.cos(angles), np.sin(angles)], 1)
    points = np.concatenate([flat, rng.uniform(1.0, 1.7, (n, 1))], 1)
    return np.clip(points, WALL_GAP_M, sides - WALL_GAP_M)


def _microphones(table: np.ndarray, radius: float, n: int, sides: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 3): two on the table, near its middle and anywhere on it; the others anywhere in the room."""
    on_table = np.concatenate([table + rng.uniform(-0.7, 0.7, (n, 2)) * radius, rng.uniform(0.7, 1.1, (n, 1))], 1)
    anywhere = rng.uniform(WALL_GAP_M, sides - WALL_GAP_M, (n, 3))
    points = np.where(np.arange(n)[:, None] < 2, on_table, anywhere)
    return np.clip(points, WALL_GAP_M, sides - WALL_GAP_M)


def _with_tail(
    response: np.ndarray, rt60_s: float, complete_s: float, c: MeetingRoomConfig, rng: np.random.Generator
) -> np.ndarray:
    """(R,) float32: a response, continued by noise of its level and decay from where it is no longer complete."""
    size = round(c.duration_s * c.sample_rate)
    whole = np.zeros(size, np.float32)
    whole[: len(response)] = response[:size]
    stop = round(min(complete_s, len(response) / c.sample_rate) * c.sample_rate)
    if complete_s == math.inf or stop >= size:
        return whole
    start = max(0, stop - round(JOINT_S * c.sample_rate))
    decay = 10 ** (-3 * np.arange(size) / c.sample_rate / rt60_s)
    level = np.sqrt(np.square(whole[start:stop]).mean() / np.square(decay[start:stop]).mean())
    share = np.clip((np.arange(size) - start) / max(stop - start, 1), 0, 1)  # of the noise
    tail = rng.standard_normal(size) * level * decay
    return np.asarray(np.sqrt(1 - share) * whole + np.sqrt(share) * tail, np.float32)
