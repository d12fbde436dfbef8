"""Trial lists drawn from a corpus."""

from collections import Counter

import pytest

from pysid.data.corpora.trials import make_trials
from pysid.errors import DataError

SPK2UTT = {f"s{s}": [f"s{s}-{u}" for u in range(n)] for s, n in enumerate((4, 3, 1, 6))}
N_TARGET = 6 + 3 + 15
N_NONTARGET = (14 * 14 - 16 - 9 - 1 - 36) // 2


@pytest.mark.parametrize("n", [1, 10, 50, N_NONTARGET, 10**6])
def test_all_target_pairs_and_so_many_nontarget_pairs(n):
    trials = make_trials(SPK2UTT, n, seed=1)
    kinds = Counter(t.is_target for t in trials)
    assert kinds == {True: N_TARGET, False: min(n, N_NONTARGET)}
    assert len({frozenset((t.enrol, t.test)) for t in trials}) == len(trials)
    for t in trials:
        assert (t.enrol.split("-")[0] == t.test.split("-")[0]) is t.is_target


def test_the_seed_decides():
    assert make_trials(SPK2UTT, 20, seed=1) == make_trials(SPK2UTT, 20, seed=1)
    assert make_trials(SPK2UTT, 20, seed=1) != make_trials(SPK2UTT, 20, seed=2)


def test_speakers_of_a_nontarget_pair_are_drawn_alike():
    """However many utterances they have: of all pairs, less than one in twenty is of the two small speakers."""
    spk2utt = {
        "big": [f"b{i}" for i in range(300)],
        "one": [f"x{i}" for i in range(15)],
        "two": [f"y{i}" for i in range(15)],
    }
    pairs = Counter(t.enrol[0] + t.test[0] for t in make_trials(spk2utt, 120) if not t.is_target)
    assert pairs.keys() == {"bx", "by", "xy"} and min(pairs.values()) > 20


def test_a_lopsided_corpus_ends():
    """Nearly all pairs are of two speakers among many, whom drawing speakers alike seldom hits."""
    spk2utt = {f"s{i}": [f"s{i}-0"] for i in range(25)}
    spk2utt |= {"x": [f"x-{i}" for i in range(25)], "y": [f"y-{i}" for i in range(25)]}
    n_pairs = (75 * 75 - 25 - 2 * 625) // 2
    trials = [t for t in make_trials(spk2utt, n_pairs - 1) if not t.is_target]
    assert len({(t.enrol, t.test) for t in trials}) == n_pairs - 1


@pytest.mark.parametrize("spk2utt", [{}, {"a": ["a1", "a2"]}, {"a": ["a1"], "b": ["b1"]}])
def test_too_few_speakers_or_utterances(spk2utt):
    with pytest.raises(DataError, match=f"trials need two speakers, .*got {len(spk2utt)} speakers"):
        make_trials(spk2utt, 5)
