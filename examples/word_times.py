"""When the synthesizers say each word: known, and not recognised.

flite prints its sounds with their ends (-psdur); those of each word are found by aligning them with what flite says of
the word alone. espeak-ng's library tells of the words and pauses as it makes them.
"""

import ctypes
import ctypes.util
import subprocess
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

PAUSE = "pau"
WORD, PHONEME = 1, 7  # kinds of events of espeak-ng
SYNCHRONOUS, PHONEME_EVENTS, UTF8, BY_CHARACTER, RATE = 2, 1, 1, 1, 1


class TimedWord(NamedTuple):
    """A word with its punctuation, and seconds from the start of what is synthesized."""

    text: str
    start_s: float
    end_s: float


def word_times(command: Sequence[str], text: str) -> list[TimedWord]:
    """The words of a text as the program that a `command` of `synthesis.speak` names says them."""
    return _flite(command, text) if command[0] == "flite" else _espeak(command, text)


def _flite(command: Sequence[str], text: str) -> list[TimedWord]:
    words = text.split()
    printed = _printed([*command, "-psdur"], text)
    sounds = [(name, float(end)) for name, _, end in (item.rpartition(":") for item in printed)]
    starts = [0.0, *(end for _, end in sounds)]
    spoken = [(name, start, end) for (name, end), start in zip(sounds, starts, strict=False) if name != PAUSE]
    alone = [_sounds_alone(tuple(command), word) for word in words]
    expected = [(name, i) for i, names in enumerate(alone) for name in names]
    owners = _aligned([name for name, _, _ in spoken], expected)
    timed = []
    for i, word in enumerate(words):
        own = [(start, end) for (_, start, end), owner in zip(spoken, owners, strict=True) if owner == i]
        timed.append(TimedWord(word, own[0][0], own[-1][1]))
    return timed


@cache
def _sounds_alone(command: tuple[str, ...], word: str) -> list[str]:
    return [name for name in _printed([*command, "-ps"], word) if name != PAUSE]


def _printed(command: Sequence[str], text: str) -> list[str]:
    done = subprocess.run([*command, "-o", "none", "-t", text], check=True, timeout=60, capture_output=True, text=True)
    return done.stdout.split()


def _aligned(spoken: Sequence[str], expected: Sequence[tuple[str, int]]) -> list[int]:
    """The word of each sound that is spoken: that of its partner in the alignment with the fewest changes."""
    cost = [[float(i + j) for j in range(len(expected) + 1)] for i in range(len(spoken) + 1)]
    for i, sound in enumerate(spoken, start=1):
        for j, (name, _) in enumerate(expected, start=1):
            cost[i][j] = min(cost[i - 1][j - 1] + 1.5 * (sound != name), cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    owners = []
    i, j = len(spoken), len(expected)
    while i:
        if j and cost[i][j] == cost[i - 1][j - 1] + 1.5 * (spoken[i - 1] != expected[j - 1][0]):
            i, j = i - 1, j - 1
            owners.append(expected[j][1])
        elif j and cost[i][j] == cost[i][j - 1] + 1:
            j -= 1
        else:
            i -= 1
            owners.append(expected[max(0, j - 1)][1])
    return owners[::-1]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


def _espeak(command: Sequence[str], text: str) -> list[TimedWord]:
    library = _library()
    events: list[tuple[int, int, float, bytes]] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
    def note(wave: object, n_samples: int, found: "ctypes.Array[_Event]") -> int:
        i = 0
        while found[i].type:
            events.append((found[i].type, found[i].text_position, found[i].audio_position / 1000, found[i].name))
            i += 1
        return 0

    library.espeak_SetVoiceByName(command[command.index("-v") + 1].encode())
    library.espeak_SetParameter(RATE, int(command[command.index("-s") + 1]) if "-s" in command else 175, 0)
    library.espeak_SetSynthCallback(note)
    encoded = text.encode() + b"\0"
    library.espeak_Synth(encoded, len(encoded), 0, BY_CHARACTER, 0, UTF8, None, None)
    return _from_events(text, events)


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1")
    library.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
        *(ctypes.c_void_p, ctypes.c_void_p),
    ]
    library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)
    return library


def _from_events(text: str, events: Sequence[tuple[int, int, float, bytes]]) -> list[TimedWord]:
    """A word lasts until the next one, or the pause or the end before that."""
    places, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        places.append((at, word))
        at += len(word)
    starts: list[float | None] = [None] * len(places)
    for kind, position, time_s, _ in events:
        if kind == WORD:
            i = max(i for i, (at, _) in enumerate(places) if at < max(position, 1))
            starts[i] = time_s if starts[i] is None else starts[i]
    last = max(time_s for _, _, time_s, _ in events)
    known = _filled(starts, [len(word) for _, word in places], last)
    pauses = [time_s for kind, _, time_s, name in events if kind == PHONEME and name.startswith(b"_")]
    return [
        TimedWord(word, start, min([next_start, *(pause for pause in pauses if pause > start)]))
        for (_, word), (start, next_start) in zip(places, pairwise([*known, last]), strict=True)
    ]


def _filled(starts: Sequence[float | None], lengths: Sequence[int], end_s: float) -> list[float]:
    """Words that espeak-ng says as one with the word before share its time by their letters."""
    result: list[float] = []
    for i, start in enumerate(starts):
        if start is not None:
            result.append(start)
        else:
            until = next((x for x in starts[i:] if x is not None), end_s)
            rest = lengths[i - 1 : next((k for k in range(i, len(starts)) if starts[k] is not None), len(starts))]
            result.append(result[-1] + (until - result[-1]) * rest[0] / sum(rest))
    return result
