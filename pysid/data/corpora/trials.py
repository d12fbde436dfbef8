"""Trial lists made from the speakers of a corpus."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np

from pysid.errors import DataError
from pysid.io.tables import Trial

MAX_DRAWS = 20  # for each nontarget trial wanted


def make_trials(spk2utt: Mapping[str, Sequence[str]], n_nontarget: int, seed: int = 0) -> list[Trial]:
    """All same-speaker pairs of utterances, and `n_nontarget` pairs of different speakers drawn without repeats.

    Speakers of a nontarget pair are drawn uniformly, then an utterance of each. The same seed gives the same list. It
    is shorter where there are no more pairs.

    Args:
        spk2utt: {speaker: utterances}.
        n_nontarget: how many at most.
        seed: of the drawing.
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
    n_wanted = min(n_nontarget, n_pairs)
    chosen: dict[tuple[str, str], None] = {}  # a dict, not a set: it keeps the order of drawing
    for _ in range(MAX_DRAWS * n_wanted):
        if len(chosen) == n_wanted:
            break
        i, j = sorted(rng.choice(len(speakers), 2, replace=False))
        x, y = (spk2utt[speakers[k]][rng.integers(n_utts[k])] for k in (i, j))
        chosen[x, y] = None
    else:
        # Most of what is drawn has been drawn before: the rest comes from a list of all pairs.
        rest = [pair for a, b in combinations(spk2utt.values(), 2) for pair in product(a, b) if pair not in chosen]
        chosen |= dict.fromkeys(rest[k] for k in rng.permutation(len(rest))[: n_wanted - len(chosen)])
    return target + [Trial(x, y, False) for x, y in chosen]
