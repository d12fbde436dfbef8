"""Trial lists made from the speakers of a corpus."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from pysid.errors import DataError
from pysid.io.tables import Trial


def make_trials(spk2utt: Mapping[str, Sequence[str]], n_nontarget: int, seed: int = 0) -> list[Trial]:
    """All same-speaker pairs of utterances, and `n_nontarget` pairs of different speakers drawn without repeats.

    Speakers of a nontarget pair are drawn uniformly, then an utterance of each. The same seed gives the same list.

    Raises:
        DataError: fewer than two speakers, or no speaker with two utterances.

    >>> [t.enrol + t.test for t in make_trials({"a": ["a1", "a2"], "b": ["b1"]}, 1) if t.is_target]
    ['a1a2']
    """
    target = [Trial(x, y, True) for utts in spk2utt.values() for x, y in combinations(utts, 2)]
    speakers = list(spk2utt)
    if len(speakers) < 2 or not target:
        raise DataError(f"trials need two speakers, one of them with two utterances; got {len(speakers)} speakers")
    rng = np.random.default_rng(seed)
    n_utts = [len(spk2utt[s]) for s in speakers]
    n_pairs = (sum(n_utts) ** 2 - sum(n * n for n in n_utts)) // 2
    chosen: dict[tuple[str, str], None] = {}  # a dict, not a set: it keeps the order of drawing
    while len(chosen) < min(n_nontarget, n_pairs):
        i, j = sorted(rng.choice(len(speakers), 2, replace=False))
        x, y = (spk2utt[speakers[k]][rng.integers(n_utts[k])] for k in (i, j))
        chosen[x, y] = None
    return target + [Trial(x, y, False) for x, y in chosen]
