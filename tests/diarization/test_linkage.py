"""Average linkage with clusters that are known to be apart."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from pysid.diarization.linkage import Linkage, LinkageConfig, link
from pysid.diarization.steps import ANY_NUMBER, SpeakerCount, Windows
from pysid.errors import DataError


def voices(labels: list[int], seed: int = 0, spread: float = 0.25) -> np.ndarray:
    """(N, 16) directions around that of each label."""
    rng = np.random.default_rng(seed)
    x = np.eye(16)[labels] + spread * rng.normal(size=(len(labels), 16)) / 4
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def cosine(x: np.ndarray) -> np.ndarray:
    return x @ x.T


def windows(n: int, apart: list[int] | None = None, speech_s: list[float] | None = None) -> Windows:
    start_s = np.arange(n, dtype=float)
    own = None if apart is None else np.array(apart)
    return Windows(start_s, start_s + 10, np.zeros(n, int), own, None if speech_s is None else np.array(speech_s))


def test_merges_are_those_of_scipy() -> None:
    x = np.random.default_rng(1).normal(size=(60, 5))
    scores = -np.linalg.norm(x[:, None] - x, axis=2)
    _, heights = link(scores)
    distances = -scores[np.triu_indices(60, 1)]
    np.testing.assert_allclose(np.sort(-heights), np.sort(linkage(distances, "average")[:, 2]))


def test_those_of_one_window_stay_apart() -> None:
    """However alike they are."""
    x = voices([0, 0, 0, 0])
    merges, _ = link(cosine(x), np.array([0, 0, 1, 1]))
    assert len(merges) == 2  # two pairs are left, which hold two of one window
    config = LinkageConfig(threshold=0.5, min_speaker_s=0.0, apart_share=0.0)
    cluster = Linkage(config, cosine)
    clustering = cluster(x, windows(4, [0, 0, 1, 1]), ANY_NUMBER)
    assert clustering.labels[0] != clustering.labels[1]
    assert clustering.labels[2] != clustering.labels[3]


def test_one_slip_of_the_segmentation_does_not_make_a_speaker() -> None:
    x = voices([0] * 10 + [1] * 10)
    own = windows(20, [*range(10), 9, *range(10, 19)])  # one window of both clusters
    strict, tolerant = (LinkageConfig(threshold=-1.0, min_speaker_s=0.0, apart_share=share) for share in (0.0, 0.2))
    assert Linkage(strict, cosine)(x, own, ANY_NUMBER).n_speakers == 2
    assert Linkage(tolerant, cosine)(x, own, ANY_NUMBER).n_speakers == 1


def test_a_little_speech_makes_no_speaker() -> None:
    x = voices([0, 0, 1, 1, 2])
    own = windows(5, speech_s=[3.0, 3.0, 3.0, 3.0, 1.0])
    found = Linkage(LinkageConfig(min_speaker_s=2.0, min_share=1.0), cosine)(x, own, ANY_NUMBER)
    assert found.n_speakers == 2
    assert Linkage(LinkageConfig(min_speaker_s=0.5, min_share=1.0), cosine)(x, own, ANY_NUMBER).n_speakers == 3


def test_in_a_short_recording_a_little_speech_makes_a_speaker() -> None:
    x = voices([0, 0, 1, 1, 2])
    own = windows(5, speech_s=[3.0, 3.0, 3.0, 3.0, 1.0])
    assert Linkage(LinkageConfig(min_speaker_s=2.0, min_share=0.05), cosine)(x, own, ANY_NUMBER).n_speakers == 3
    assert Linkage(LinkageConfig(min_speaker_s=2.0, min_share=0.1), cosine)(x, own, ANY_NUMBER).n_speakers == 2


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_given_number(n: int) -> None:
    x = voices([0, 0, 1, 1, 2, 2, 3, 3])
    speech_s = [3.0] * 8
    found = Linkage(LinkageConfig(min_speaker_s=2.0, min_share=1.0), cosine)(
        x, windows(8, speech_s=speech_s), SpeakerCount.exactly(n)
    )
    assert found.n_speakers == n


def test_bounds() -> None:
    x = voices([0, 0, 1, 1, 2, 2, 3, 3])
    cluster = Linkage(LinkageConfig(min_speaker_s=0.0), cosine)
    assert cluster(x, windows(8), SpeakerCount(maximum=3)).n_speakers == 3
    assert cluster(x, windows(8), SpeakerCount(minimum=5)).n_speakers == 5
    assert cluster(x, windows(8), SpeakerCount(2, 6)).n_speakers == 4


def test_given_number_is_one_of_those_with_enough_speech() -> None:
    """A stray second of speech is not the third speaker while a real one can be told apart."""
    x = voices([0, 0, 0, 1, 1, 1, 2])
    own = windows(7, speech_s=[3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 0.5])
    config = LinkageConfig(min_speaker_s=2.0, min_share=1.0)
    found = Linkage(config, cosine)(x, own, SpeakerCount.exactly(2))
    assert found.labels[:6].tolist() == [0, 0, 0, 1, 1, 1]


def test_scores_must_be_finite() -> None:
    with pytest.raises(DataError, match="finite"):
        Linkage(LinkageConfig(), lambda x: np.full((2, 2), np.nan))(np.ones((2, 3)), windows(2), ANY_NUMBER)


@pytest.mark.parametrize(
    "wrong", [{"threshold": np.inf}, {"min_speaker_s": -1.0}, {"apart_share": 2.0}, {"min_share": -0.1}]
)
def test_settings_are_checked(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LinkageConfig(**wrong)
