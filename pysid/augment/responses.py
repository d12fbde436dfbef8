"""Collections of room responses, each with the probability that it is drawn.

Kaldi draws a room by the sum of its responses' probabilities, and then one of the room's responses by theirs. That
equals drawing a response by its own probability, so rooms do not appear here. Source:
kaldi/egs/wsj/s5/steps/data/reverberate_data_dir.py, MakeRoomDict, PickItemWithProbability, and what
ParseRirList does with the probabilities, SmoothProbabilityDistribution.
"""

import os
import shlex
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from pysid.augment.banks import FileBank, MemoryBank, WaveBank
from pysid.errors import DataError
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.text import read_lines, shorten

Probabilities = Sequence[float | None]


class ResponseSet:
    """Sets of room responses, such as those of small and of medium rooms.

    Args:
        banks: the responses of each set, at int16 scale, all at one rate.
        weights: how likely each set is; None shares what is left of 1 equally among the sets without one.
        probabilities: of the responses in each set, or None for those without one, which share what is left of 1.
        smoothing: how far given probabilities are moved towards the share of those without one.
    Raises:
        ValueError: sets of different rates, or not as many numbers as sets or responses.
        DataError: a probability below 0, or nothing that could be drawn.
    """

    def __init__(
        self,
        banks: Sequence[WaveBank],
        weights: Probabilities | None = None,
        probabilities: Sequence[Probabilities] | None = None,
        smoothing: float = 0.0,
    ) -> None:
        rates = {bank.sample_rate for bank in banks}
        if len(rates) != 1:
            raise ValueError(f"expected sets of responses of one rate, got {sorted(rates)}")
        self.banks = list(banks)
        self.sample_rate = rates.pop()
        shares = complete_probabilities(weights or [None] * len(banks))
        lists = probabilities or [[None] * len(bank) for bank in banks]
        if [len(banks), *map(len, banks)] != [len(shares), *map(len, lists)]:
            raise ValueError("expected a weight for each set and a probability for each response of each set")
        self.probability: list[float] = []  # of each response of each set
        self._places: list[tuple[int, int]] = []
        for number, (bank, share, given) in enumerate(zip(banks, shares, lists, strict=True)):
            self._places += [(number, i) for i, _ in zip(range(len(bank)), given, strict=True)]
            self.probability += [p * share for p in complete_probabilities(given, smoothing)]
        self._edges = list(accumulate(self.probability))

    def __len__(self) -> int:
        return len(self._places)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A response (R,) float32 at int16 scale.

        Raises:
            DataError: the file of the response cannot be read, or it has only zeros.
        """
        number = bisect_left(self._edges, rng.uniform(0, self._edges[-1]))
        bank, index = self.banks[self._places[number][0]], self._places[number][1]
        response = bank.read(index)
        if not response.any():
            raise DataError(f"{bank.names[index]}: expected a room response, got only zeros")
        return response

    @classmethod
    def from_lists(
        cls,
        paths: Sequence[str | os.PathLike[str]],
        sample_rate: int,
        weights: Probabilities | None = None,
        smoothing: float = 0.0,
    ) -> "ResponseSet":
        """Sets from Kaldi's `rir_list` files; responses are read when they are drawn.

        Args:
            paths: one file per set; see `read_rir_list`.
            sample_rate: Hz; responses of another rate are resampled.
            weights, smoothing: as of the class; voxceleb/v2 has (0.5, 0.5) and 0.
        """
        entries = [read_rir_list(path) for path in paths]
        banks = [FileBank({name: place for name, (place, _) in entry.items()}, sample_rate) for entry in entries]
        return cls(banks, weights, [[p for _, p in entry.values()] for entry in entries], smoothing)

    @classmethod
    def of_waves(cls, waves: Sequence[np.ndarray], sample_rate: int) -> "ResponseSet":
        """One set of responses (R,) in memory, each as likely as any other."""
        return cls([MemoryBank(waves, sample_rate)])


def complete_probabilities(given: Probabilities, smoothing: float = 0.0) -> list[float]:
    """Probabilities that add up to 1, where some were not given.

    >>> complete_probabilities([0.5, None, None])
    [0.5, 0.25, 0.25]
    """
    known = [p for p in given if p is not None]
    if any(p < 0 for p in known):
        raise DataError(f"expected probabilities of at least 0, got {min(known)}")
    n_unknown = len(given) - len(known)
    share = max(1 - sum(known), 0.0) / n_unknown if n_unknown else 0.0
    smooth = [share if p is None else (1 - smoothing) * p + smoothing * share for p in given]
    total = sum(smooth)
    if not total > 0:
        raise DataError("expected probabilities that are not all 0")
    return [p / total for p in smooth]


def read_rir_list(path: str | os.PathLike[str]) -> dict[str, tuple[str, float | None]]:
    """{name: (path, probability, None if not given)} of the responses in a list.

    A line is such as `--rir-id 00001 --room-id 001 [--probability 0.1] room/00001.wav`. A relative path is looked
    for beside the list, then in the working folder.

    Raises:
        DataError: the file is missing or empty, a line has another form, a response comes twice, or there is a shell
            pipe instead of a path; with file and line.
    """
    return {name: (response.path, response.probability) for name, response in _read_list(path).items()}


def read_rooms(path: str | os.PathLike[str]) -> dict[str, dict[str, str]]:
    """{room: {name: path}} of the responses in a list as `read_rir_list` reads it; one without a room has its own.

    Raises:
        DataError: as `read_rir_list`.
    """
    rooms: dict[str, dict[str, str]] = {}
    for name, response in _read_list(path).items():
        rooms.setdefault(response.room or name, {})[name] = response.path
    return rooms


class _Listed(NamedTuple):
    """What a line says about a response."""

    path: str
    room: str | None
    probability: float | None


def _read_list(path: str | os.PathLike[str]) -> dict[str, _Listed]:
    responses: dict[str, _Listed] = {}
    for number, line in read_lines(path):
        try:
            name, listed = _parse_line(line.decode())
            if name in responses:
                raise ValueError(f"expected each response once, got {name!r} again")
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from None
        responses[name] = listed._replace(path=resolve_path(listed.path, os.path.dirname(path)))
    if not responses:
        raise DataError(f"{path}: expected room responses, got an empty list")
    return responses


def _parse_line(line: str) -> tuple[str, _Listed]:
    """The name of the response in a line, and the rest; raises ValueError."""
    *words, location = shlex.split(line) or [""]
    options = dict(zip(words[::2], words[1::2], strict=False))
    named = all(name.startswith("--") for name in options) and "--rir-id" in options
    if len(words) % 2 or not named or location.startswith("--"):
        raise ValueError(f"expected '--rir-id ID --room-id ID [--probability P] PATH', got {shorten(line)}")
    if is_pipe(location):
        raise ValueError(f"expected the path of a response, got the shell pipe {location!r}")
    probability = options.get("--probability")
    return options["--rir-id"], _Listed(
        location, options.get("--room-id"), None if probability is None else float(probability)
    )
