"""Words with the wrong speaker: `python -m benchmarks.words [--conversations N] [--json PATH]`.

It makes conversations of synthetic voices whose words, speakers and times are known, with turns that overlap and
"mm-hm"s in other people's turns. The words go to speakers by the middle of each word, by `pysid.transcript` without
smoothing, and by all that it does; by the true turns, and by those that `pysid diarize` finds; with the true times of
the words, and with times that are off, as recognisers' are.

The word diarization error is the share of words that are not given to whoever said them, under the best pairing of
speakers (L. El Shafey et al., "Joint speech recognition and speaker diarization via sequence transduction", Interspeech
2019; here the words themselves are right). Needs the programs espeak-ng and flite.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.measure.tables import show, write_json
from pysid.segments import Segment, Turn
from pysid.transcript import Transcript, Word, with_speakers
from pysid.transcript.assign import assign_speakers

sys.path.append(str(Path(__file__).parents[1] / "examples"))

N_TURNS = 24
N_SPEAKERS = (2, 3, 4)
JITTERS_S = (0.0, 0.1, 0.2)
OVERLAPPING, BACKCHANNEL = 0.25, 0.3  # of turns: begun before the last one has ended; with an aside of another speaker
ASIDES = ("Yes.", "Right.", "I see.", "Of course.", "Really?", "Exactly.")
SUBJECTS = "the teacher,my neighbour,our old captain,a young farmer,the new manager,somebody from the village,her aunt"
VERBS = "found,forgot,painted,repaired,sold,remembered,carried,borrowed,looked after,talked about"
OBJECTS = "a wooden boat,the blue bicycle,all of the letters,an early photograph,the garden gate,two silver spoons"
PLACES = "near the harbour,behind the station,on the way home,in the middle of winter,after the meeting,at the lake"
MORE = "and nobody said a word,because it was getting late,which made everybody laugh,but I am not sure of that"


class Conversation(NamedTuple):
    """Samples (S,) at 16 kHz in [-1, 1], the turns, and the words with their true speakers."""

    wave: np.ndarray
    turns: list[Turn]
    words: list[Word]


def sentence(rng: np.random.Generator) -> str:
    """A sentence that makes no sense."""
    parts = [str(rng.choice(x.split(","))) for x in (SUBJECTS, VERBS, OBJECTS, PLACES)]
    if rng.random() < 0.5:
        parts[-1] += "," if rng.random() < 0.5 else ""
        parts.append(str(rng.choice(MORE.split(","))))
    text = " ".join(parts)
    return text[0].upper() + text[1:] + "."


def simulate(rng: np.random.Generator, n_speakers: int, n_turns: int = N_TURNS, longest: int = 3) -> Conversation:
    """A conversation; a turn has up to so many sentences."""
    from make_conversation import RATE, VOICES, Line, room_noise, synthesize  # type: ignore[import-not-found]

    names = [str(name) for name in rng.permutation(sorted(VOICES))[:n_speakers]]
    placed: list[tuple[float, np.ndarray]] = []
    turns: list[Turn] = []
    words: list[Word] = []

    def put(speaker: str, start_s: float, text: str) -> float:
        speech, timed = synthesize(Line(speaker, 0.0, text))
        placed.append((start_s, speech))
        end_s = start_s + len(speech) / RATE
        turns.append(Turn(Segment(start_s, end_s), speaker))
        words.extend(Word(start_s + x.start_s, start_s + x.end_s, x.text, speaker=speaker) for x in timed)
        return end_s

    end_s, speaker = 0.5, ""
    for _ in range(n_turns):
        speaker = str(rng.choice([name for name in names if name != speaker]))
        gap_s = rng.uniform(-1.2, -0.2) if placed and rng.random() < OVERLAPPING else rng.uniform(0.0, 0.8)
        start_s = max(0.3, end_s + gap_s)
        text = " ".join(sentence(rng) for _ in range(rng.integers(1, longest + 1)))
        last_s, end_s = end_s, put(speaker, start_s, text)
        others = [name for name in names if name != speaker]
        if rng.random() < BACKCHANNEL and end_s - 1.5 > max(start_s, last_s) + 1.0:
            put(str(rng.choice(others)), rng.uniform(max(start_s, last_s) + 1.0, end_s - 1.5), str(rng.choice(ASIDES)))
    wave = room_noise(round((end_s + 1.0) * RATE))
    for at_s, speech in placed:
        first = round(at_s * RATE)
        wave[first : first + len(speech)] += speech[: len(wave) - first]
    return Conversation(wave, sorted(turns), sorted(words, key=lambda word: word.start_s))


def by_middle(words: Sequence[Word], turns: Sequence[Turn]) -> list[str | None]:
    """The speaker of the first turn that the middle of each word is in."""
    result: list[str | None] = []
    for word in words:
        middle_s = (word.start_s + word.end_s) / 2
        speaking = [turn.speaker for turn in sorted(turns) if turn.segment.start_s <= middle_s < turn.segment.end_s]
        result.append(speaking[0] if speaking else None)
    return result


def by_overlap(words: Sequence[Word], turns: Sequence[Turn]) -> list[str | None]:
    return [word.speaker for word in assign_speakers(words, turns)]


def smoothed(words: Sequence[Word], turns: Sequence[Turn]) -> list[str | None]:
    return [word.speaker for word in with_speakers(Transcript(words), turns).words]


METHODS: dict[str, Callable[[Sequence[Word], Sequence[Turn]], list[str | None]]] = {
    "middle of the word": by_middle,
    "overlap, nearest": by_overlap,
    "and sentences": smoothed,
}


def n_wrong(true: Sequence[str], found: Sequence[str | None]) -> int:
    """The number of words that are not given to whoever said them, under the best pairing of speakers."""
    rows, columns = sorted(set(true)), sorted({x for x in found if x is not None})
    counts = np.zeros((len(rows), len(columns)), int)
    for said, heard in zip(true, found, strict=True):
        if heard is not None:
            counts[rows.index(said), columns.index(heard)] += 1
    return len(true) - int(counts[linear_sum_assignment(counts, maximize=True)].sum())


def moved(words: Sequence[Word], jitter_s: float, rng: np.random.Generator) -> list[Word]:
    """Words whose borders are off by normal errors of this standard deviation, in the order of their new starts."""
    result = []
    for word in words:
        a, b = np.sort(np.maximum([word.start_s, word.end_s] + jitter_s * rng.standard_normal(2), 0.0)).tolist()
        result.append(replace(word, start_s=a, end_s=b))
    return sorted(result, key=lambda word: word.start_s) if jitter_s else list(words)


Wrong = dict[tuple[str, float, str], int]


def measure(n: int, diarize: bool = True) -> Iterator[tuple[Wrong, int]]:
    """{(turns, jitter, method): wrong words}, and the number of words, after each of n conversations."""
    import pysid

    model = pysid.load() if diarize else None
    rng, noise = np.random.default_rng(0), np.random.default_rng(1)
    wrong: Wrong = {}
    total = 0
    for i in range(n):
        said = simulate(rng, N_SPEAKERS[i % len(N_SPEAKERS)])
        total += len(said.words)
        kinds = {"true": said.turns}
        if model is not None:
            kinds["found"] = model.diarize((said.wave.astype(np.float32), 16000)).turns
        for jitter_s in JITTERS_S:
            words = moved(said.words, jitter_s, noise)
            true = [word.speaker or "" for word in words]
            plain = [replace(word, speaker=None) for word in words]
            for kind, turns in kinds.items():
                for method, assign in METHODS.items():
                    key = kind, jitter_s, method
                    wrong[key] = wrong.get(key, 0) + n_wrong(true, assign(plain, turns))
        yield wrong, total


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--conversations", type=int, default=6)
    parser.add_argument("--true-turns", action="store_true", help="leave out the turns that pysid finds")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    for done, (wrong, total) in enumerate(measure(options.conversations, not options.true_turns), start=1):
        report(done, wrong, total)
    if options.json:
        figures = [{"turns": k, "jitter_s": j, "method": m, "wrong": n} for (k, j, m), n in wrong.items()]
        write_json(options.json, {"words": total, "figures": figures})


def report(n: int, wrong: Wrong, total: int) -> None:
    rows = [
        [f"{kind} turns", f"{jitter_s:g} s", *(f"{100 * wrong[kind, jitter_s, m] / total:.2f} %" for m in METHODS)]
        for kind in dict.fromkeys(kind for kind, _, _ in wrong)
        for jitter_s in JITTERS_S
    ]
    print(f"{n} conversations, {total} words", flush=True)
    show(["turns", "error of word times", *METHODS], rows, n_left=2)


if __name__ == "__main__":
    main()
