"""What settings of local windows and of their overlap may be."""

import pytest

from pysid.diarization.local.config import LocalOverlapConfig, LocalWindowConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift_s": 1e-9}, "shift_s must be at least 0.01 s, got 1e-09"),
        ({"chunk_s": float("inf")}, "chunk_s must be at least 0.01 s, got inf"),
        ({"min_speech_s": -1}, "min_speech_s must not be negative, got -1"),
        ({"min_clean_s": float("nan")}, "min_clean_s must not be negative, got nan"),
        ({"min_clustered_s": -0.1}, "min_clustered_s must not be negative, got -0.1"),
        ({"max_clustered": 0}, "max_clustered must be at least 1, got 0"),
    ],
)
def test_impossible_windows(changes, message):
    with pytest.raises(ValueError, match=message):
        LocalWindowConfig(**changes)


def test_impossible_overlap_is_refused_at_once():
    with pytest.raises(ValueError, match="offset"):
        LocalOverlapConfig(onset=0.4, offset=0.6)
