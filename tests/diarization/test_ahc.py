import heapq
import math
from pathlib import Path

import numpy as np
import pytest

from pysid.diarization.ahc import Ahc, AhcConfig, agglomerative_clustering
from pysid.diarization.steps import SpeakerCount, Windows
from pysid.io.ark.archive import read_matrices

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi" / "clustering"
ANY_COUNT = SpeakerCount()
LARGEST = float(np.finfo(np.float32).max)


class KaldiClusterer:
    """Kaldi's AgglomerativeClusterer, member for member and loop for loop."""

    def __init__(self, costs, threshold, min_clusters, first_pass_max, max_fraction):
        self.costs = costs
        self.threshold = np.float32(threshold)
        self.min_clusters = min_clusters
        self.first_pass_max = first_pass_max
        self.num_points = self.count = len(costs)
        self.max_size = math.ceil(np.float32(self.num_points) * np.float32(max_fraction))
        self.second_count = 0
        self.second_clusters, self.second_active, self.second_map, self.second_queue = {}, set(), {}, []

    def cluster(self):
        if self.num_points > self.first_pass_max:
            self.two_pass()
        else:
            self.initialize(0, self.num_points)
            self.compute(self.min_clusters)
        labels = np.zeros(self.num_points, dtype=int)
        for label, cluster in enumerate(sorted(self.active), start=1):
            labels[self.clusters[cluster]] = label
        return labels

    def two_pass(self):
        num_points = np.float32(self.num_points)
        num_subsets = math.ceil(num_points / np.float32(self.first_pass_max))
        subset_size = math.ceil(num_points / np.float32(num_subsets))
        for first in range(0, self.num_points, subset_size):
            self.initialize(first, min(first + subset_size, self.num_points))
            self.compute(self.min_clusters * 10)
            self.add_to_second_pass()
        self.clusters, self.active = self.second_clusters, self.second_active
        self.map, self.queue, self.count = self.second_map, self.second_queue, self.second_count
        self.compute(self.min_clusters)

    def initialize(self, first, last):
        self.clusters, self.active, self.map, self.queue = {}, set(), {}, []
        for i in range(first, last):
            self.clusters[i + 1] = [i]
            self.active.add(i + 1)
            for j in range(i + 1, last):
                self.map[i + 1, j + 1] = self.costs[i, j]
                self.push(self.queue, self.costs[i, j], (i + 1, j + 1))

    def push(self, queue, cost, key):
        if cost <= self.threshold:
            heapq.heappush(queue, (cost, key))

    def compute(self, min_clusters):
        while len(self.active) > min_clusters and self.queue:
            _, (i, j) = heapq.heappop(self.queue)
            is_left = i in self.active and j in self.active
            if is_left and len(self.clusters[i]) + len(self.clusters[j]) <= self.max_size:
                self.merge(i, j)

    def merge(self, i, j):
        self.count += 1
        self.clusters[self.count] = self.clusters[i] + self.clusters[j]
        self.active -= {i, j}
        for other in sorted(self.active):
            cost = self.map[min(other, i), max(other, i)] + self.map[min(other, j), max(other, j)]
            self.map[other, self.count] = cost
            norm = np.float32(len(self.clusters[self.count]) * len(self.clusters[other]))
            self.push(self.queue, cost / norm, (other, self.count))
        self.active.add(self.count)

    def add_to_second_pass(self):
        count = self.second_count
        ordered = sorted(self.active)
        for place, one in enumerate(ordered):
            count += 1
            points = self.second_clusters[count] = self.clusters[one]
            for other in sorted(self.second_active):
                cost = np.float32(0)
                for p in points:
                    for q in self.second_clusters[other]:
                        cost += self.costs[p, q]
                self.second_map[other, count] = cost
                norm = np.float32(len(points) * len(self.second_clusters[other]))
                self.push(self.second_queue, cost / norm, (other, count))
            for number, other in enumerate(ordered[:place], start=self.second_count + 1):
                cost = self.second_map[number, count] = self.map[other, one]
                norm = np.float32(len(points) * len(self.clusters[other]))
                self.push(self.second_queue, cost / norm, (number, count))
        self.second_active |= set(range(self.second_count + 1, count + 1))
        self.second_count = count


def kaldi_labels(costs, *, threshold=0.0, n_clusters=None, max_fraction=1.0, first_pass_max=32767):
    """What the program agglomerative-cluster does with its options."""
    if n_clusters is None:
        return KaldiClusterer(costs, threshold, 1, first_pass_max, 1.0).cluster()
    fits = 1.0 / n_clusters <= float(np.float32(max_fraction)) <= 1.0
    return KaldiClusterer(costs, LARGEST, n_clusters, first_pass_max, max_fraction if fits else 1.0).cluster()


def random_costs(seed):
    """(N, N) float32, not symmetric, of four kinds: plain, of speakers, with many ties, nearly equal."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 45))
    kind = seed % 4
    if kind == 0:
        costs = rng.normal(size=(n, n))
    elif kind == 1:
        x = rng.normal(size=(3, 4))[rng.integers(0, 3, n)] * 2 + rng.normal(size=(n, 4))
        costs = -x @ x.T + rng.normal(size=(n, n)) * 1e-3
    elif kind == 2:
        costs = rng.integers(-2, 3, size=(n, n))
    else:
        costs = 1 / 3 + rng.integers(0, 3, size=(n, n)) * 2.0**-24
    return costs.astype(np.float32)


GOLDEN_OPTIONS = {
    "labels_threshold_-60": {"threshold": 60},
    "labels_threshold_-30": {"threshold": 30},
    "labels_threshold_-15": {"threshold": 15},
    "labels_threshold_0": {"threshold": -0.0},
    "labels_threshold_5": {"threshold": -5},
    "labels_num_spk": {},
    "labels_num_spk_frac": {"max_fraction": 0.4},
    "labels_two_pass": {"threshold": 30, "first_pass_max": 6},
}


@pytest.mark.parametrize("file", GOLDEN_OPTIONS)
def test_labels_are_kaldis(file):
    segments = {row[0]: row[1:] for row in map(str.split, (GOLDEN / "spk2utt").read_text().splitlines())}
    n_speakers = dict(row.split() for row in (GOLDEN / "reco2num_spk").read_text().splitlines())
    lines = []
    for recording, scores in read_matrices(f"ark:{GOLDEN / 'scores_te1.ark'}"):
        given = {"n_clusters": int(n_speakers[recording])} if "num_spk" in file else {}
        labels = agglomerative_clustering(-scores, **GOLDEN_OPTIONS[file], **given)
        lines += [f"{segment} {label} " for segment, label in zip(segments[recording], labels, strict=True)]
    assert lines == (GOLDEN / file).read_text().splitlines()


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("first_pass_max", [32767, 13, 1])
def test_labels_are_those_of_kaldis_queue(seed, first_pass_max):
    costs = random_costs(seed)
    options = [{"threshold": t} for t in (*np.quantile(costs, [0.05, 0.3, 0.6]), 0.0, 1e30)]
    options += [{"n_clusters": n} for n in (1, 2, 4)]
    options += [{"n_clusters": n, "max_fraction": f} for n, f in ((2, 0.5), (3, 0.4), (4, 0.3), (4, 0.1), (5, 1.5))]
    for kwargs in options:
        expected = kaldi_labels(costs, first_pass_max=first_pass_max, **kwargs)
        ours = agglomerative_clustering(costs, first_pass_max=first_pass_max, **kwargs)
        np.testing.assert_array_equal(ours, expected, err_msg=str(kwargs))


@pytest.mark.parametrize("kind", ["plain", "ties", "rounding"])
@pytest.mark.parametrize(
    "options",
    [
        {"n_clusters": 2},
        {"n_clusters": 3, "max_fraction": 0.4},
        {"n_clusters": 6, "first_pass_max": 100},
        {"threshold": -0.05, "first_pass_max": 100},
    ],
)
def test_large_clusters_too(kind, options):
    """Of so many points that slots are given up again and again, and that sums of float32 are far from exact."""
    rng = np.random.default_rng(0)
    costs = rng.integers(-3, 4, size=(200, 200)) if kind == "ties" else rng.normal(size=(200, 200))
    costs = (1 / 3 + 1e-6 * costs if kind == "rounding" else costs).astype(np.float32)
    np.testing.assert_array_equal(agglomerative_clustering(costs, **options), kaldi_labels(costs, **options))


def test_a_given_number_replaces_the_threshold_in_both_passes():
    costs = np.random.default_rng(0).gamma(1.0, size=(90, 90)).astype(np.float32)
    expected = kaldi_labels(costs, n_clusters=2, first_pass_max=45)
    ours = agglomerative_clustering(costs, threshold=-1e9, n_clusters=2, first_pass_max=45)
    np.testing.assert_array_equal(ours, expected)


def test_the_limit_of_a_share_is_taken_in_float32():
    """0.7 of 10 is 7 there, where 10 times the float32 nearest to 0.7 lies below, and 0.3 of 10 is 3, not 4."""
    costs = np.add.outer(np.arange(10.0), np.arange(10.0)).astype(np.float32)
    for fraction in (0.3, 0.7):
        labels = agglomerative_clustering(costs, n_clusters=4, max_fraction=fraction)
        np.testing.assert_array_equal(labels, kaldi_labels(costs, n_clusters=4, max_fraction=fraction))
        assert np.bincount(labels).max() == round(10 * fraction)


def test_a_share_that_is_too_small_in_float32_is_ignored():
    """The float32 nearest to 0.04 lies below 1 / 25."""
    costs = -np.random.default_rng(0).gamma(1.0, size=50).astype(np.float32) + np.zeros((50, 50), dtype=np.float32)
    labels = agglomerative_clustering(costs, n_clusters=25, max_fraction=0.04)
    np.testing.assert_array_equal(labels, kaldi_labels(costs, n_clusters=25, max_fraction=0.04))
    assert np.bincount(labels).max() > 2


def test_number_above_that_of_points_leaves_each_alone():
    assert agglomerative_clustering(np.zeros((3, 3)), n_clusters=5).tolist() == [1, 2, 3]
    assert agglomerative_clustering(np.zeros((3, 3)), n_clusters=5, first_pass_max=2).tolist() == [1, 2, 3]


def test_costs_are_kept_unless_they_may_be_overwritten():
    costs = random_costs(0)
    before = costs.copy()
    for first_pass_max in (100, 5):
        agglomerative_clustering(costs, first_pass_max=first_pass_max)
        np.testing.assert_array_equal(costs, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first_pass_max": 0}, "first_pass_max must be positive, got 0"),
        ({"n_clusters": 0}, "expected 1 <= minimum <= maximum speakers, got 0 and 0"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        agglomerative_clustering(np.zeros((2, 2)), **options)


# ---- as a step of diarization


def cosine(embeddings):
    return (embeddings @ embeddings.T).astype(np.float32)


@pytest.fixture
def four_speakers():
    """(40, 4) embeddings; pairs of speakers are alike, so that 4, then 2, then 1 are left. The last speaks first."""
    rng = np.random.default_rng(0)
    directions = np.array([[1, 0.6, 0, 0], [0.6, 1, 0, 0], [0, 0, 1, 0.6], [0, 0, 0.6, 1]])
    speaker = np.array([3, *rng.integers(0, 4, 39)])
    return directions[speaker] + 0.01 * rng.normal(size=(40, 4)), speaker


def windows_for(embeddings):
    start_s = 0.75 * np.arange(len(embeddings))
    return Windows(start_s, start_s + 1.5, np.zeros(len(embeddings), dtype=int))


def cluster(embeddings, count=ANY_COUNT, **settings):
    return Ahc(AhcConfig(**settings), cosine)(embeddings, windows_for(embeddings), count)


def same_partition(a, b):
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize(("threshold", "n"), [(1.3, 4), (0.6, 2), (-0.5, 1)])
def test_windows_are_joined_while_their_score_is_at_least_the_threshold(four_speakers, threshold, n):
    embeddings, speaker = four_speakers
    clustering = cluster(embeddings, threshold=threshold)
    assert clustering.n_speakers == n
    assert same_partition(clustering.labels, speaker // (4 // n))
    assert clustering.labels[0] == 0  # counted as they speak


@pytest.mark.parametrize(
    ("count", "threshold", "n"),
    [
        (SpeakerCount.exactly(4), -99.0, 4),
        (SpeakerCount.exactly(2), 99.0, 2),
        (SpeakerCount(maximum=3), 1.3, 3),
        (SpeakerCount(maximum=6), 1.3, 4),
        (SpeakerCount(minimum=3), -99.0, 3),
        (SpeakerCount(minimum=2, maximum=5), -99.0, 2),
        (SpeakerCount(minimum=2, maximum=5), 99.0, 5),
        (SpeakerCount(minimum=50), 0.0, 40),
    ],
)
@pytest.mark.parametrize("first_pass_max", [100, 23])
def test_the_count_is_kept(four_speakers, count, threshold, n, first_pass_max):
    embeddings, _ = four_speakers
    assert cluster(embeddings, count, threshold=threshold, first_pass_max=first_pass_max).n_speakers == n


def test_a_bound_cuts_the_same_tree_as_the_given_number(four_speakers):
    embeddings, _ = four_speakers
    for n in range(1, 41):
        given = cluster(embeddings, SpeakerCount.exactly(n)).labels
        np.testing.assert_array_equal(cluster(embeddings, SpeakerCount(maximum=n), threshold=99.0).labels, given)
        np.testing.assert_array_equal(cluster(embeddings, SpeakerCount(minimum=n), threshold=-99.0).labels, given)


def test_a_share_limits_the_given_number_only(four_speakers):
    embeddings, _ = four_speakers
    limited = cluster(embeddings, SpeakerCount.exactly(2), max_speaker_fraction=0.5)
    assert np.bincount(limited.labels).tolist() == [20, 20] or limited.n_speakers > 2
    assert np.bincount(limited.labels).max() <= 20
    assert cluster(embeddings, threshold=-99.0, max_speaker_fraction=0.5).n_speakers == 1


@pytest.mark.parametrize("count", [SpeakerCount(), SpeakerCount.exactly(1), SpeakerCount.exactly(3)])
def test_one_window_is_one_speaker(count):
    assert cluster(np.ones((1, 4)), count).labels.tolist() == [0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": float("nan")}, "threshold must be finite, got nan"),
        ({"max_speaker_fraction": 0.0}, r"max_speaker_fraction must lie within \(0, 1\], got 0.0"),
        ({"first_pass_max": 0}, "first_pass_max must be positive, got 0"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        AhcConfig(**settings)
