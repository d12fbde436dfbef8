import numpy as np
import pytest

from pysid.errors import DataError
from pysid.training.embedding.chunks import PORT_CHUNKS, ChunkConfig, ChunkPlan, fill, select_utterances


def plan(**options) -> ChunkPlan:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), [1, 2, 4, 8, 16])
    rng.shuffle(labels)
    n_frames = rng.integers(100, 900, size=len(labels))
    return ChunkPlan(n_frames, labels, ChunkConfig(**{"batch_size": 8, "chunks_per_epoch": 400, **options}), seed=7)


@pytest.mark.parametrize("sampling", ["speaker", "utterance"])
def test_chunks_lie_within_their_utterances(sampling: str) -> None:
    p = plan(sampling=sampling)
    chunks = p.epoch(0)
    assert len(chunks) == p.n_batches == 50 and chunks.utterance.shape == (50, 8)
    assert chunks.length.min() >= 200 and chunks.length.max() <= 400 and len(set(chunks.length)) > 20
    ends = chunks.start + np.minimum(chunks.length[:, None], p.n_frames[chunks.utterance])
    assert (chunks.start >= 0).all() and (ends <= p.n_frames[chunks.utterance]).all()


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    first, again, next_epoch = plan().epoch(3), plan().epoch(3), plan().epoch(4)
    assert (first.utterance == again.utterance).all() and (first.start == again.start).all()
    assert (first.utterance != next_epoch.utterance).any()


def test_speakers_are_balanced_however_many_utterances_they_have() -> None:
    p = plan(sampling="speaker")
    counts = np.bincount(p.labels[p.epoch(0).utterance].ravel())
    assert counts.max() - counts.min() <= 1


def test_a_speakers_long_utterances_are_preferred_to_repeating_a_short_one() -> None:
    config = ChunkConfig(min_frames=300, max_frames=300, batch_size=2, chunks_per_epoch=100)
    chunks = ChunkPlan(np.array([299, 300, 500, 10, 20]), np.array([0, 0, 0, 1, 1]), config).epoch(0)
    assert set(chunks.utterance.ravel()) == {1, 2, 3, 4}  # class 1 has none that is long enough


def test_every_utterance_once_a_round() -> None:
    p = plan(sampling="utterance", chunks_per_epoch=31 * 8)
    assert (np.bincount(p.epoch(0).utterance.ravel()) == 8).all()


def test_sequential_chunks_cover_every_utterance() -> None:
    p = plan(position="sequential", min_frames=100, max_frames=100, batch_size=2)
    chunks = p.epoch(1)
    pairs = set(zip(chunks.utterance.ravel().tolist(), chunks.start.ravel().tolist(), strict=True))
    expected = {(i, 100 * k) for i, n in enumerate(p.n_frames) for k in range(n // 100)}
    assert len(pairs) == chunks.utterance.size and pairs <= expected and len(expected - pairs) < 2


def test_frames_decide_the_number_of_chunks_unless_told() -> None:
    p = ChunkPlan(np.full(64, 600), np.arange(64) % 4, PORT_CHUNKS)
    assert p.n_batches == 64 * 600 // 400 // 64


def test_selection_follows_both_filters() -> None:
    n_frames = np.array([500, 500, 100, 500, 500, 500])
    speakers = ["b", "b", "a", "a", "c", "c"]
    indices, labels, kept = select_utterances(n_frames, speakers, ChunkConfig(min_utterances=2))
    assert indices.tolist() == [0, 1, 4, 5] and labels.tolist() == [0, 0, 1, 1] and kept == ["b", "c"]
    told = r"0 of 3 speakers have 3 or more utterances of at least 400 frames \(chunks.min_utterances, chunks.min_utt"
    with pytest.raises(DataError, match=told):
        select_utterances(n_frames, speakers, ChunkConfig(min_utterances=3))


def test_fill_repeats() -> None:
    assert fill(np.array([[1], [2]]), 5)[:, 0].tolist() == [1, 2, 1, 2, 1]
    assert fill(np.arange(4), 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_frames": 0}, "1 <= min_frames"),
        ({"min_frames": 401}, "1 <= min_frames <= max_frames"),
        ({"position": "sequential"}, "min_frames must equal max_frames"),
        ({"batch_size": 1}, "batch norm needs two"),
        ({"min_utterances": -1}, "must not be negative"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ChunkConfig(**options)


def test_wrong_arrays() -> None:
    with pytest.raises(ValueError, match="one length"):
        ChunkPlan(np.array([5]), np.array([0, 1]), ChunkConfig())
    with pytest.raises(ValueError, match="every class needs an utterance"):
        ChunkPlan(np.array([5, 5]), np.array([0, 2]), ChunkConfig())
