import numpy as np
import pytest
import torch

from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.windows import embed_windows
from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig

SMALL = XVectorConfig(
    feature_dim=5,
    frame_layers=(FrameLayerConfig(8, (-2, -1, 0, 1, 2)), FrameLayerConfig(8, (-3, 0, 3)), FrameLayerConfig(12)),
    segment_dims=(6, 6),
)


def network_of(config: XVectorConfig) -> XVector:
    torch.manual_seed(0)
    return XVector(config).eval()


def one_by_one(network: XVector, features: np.ndarray, bounds: list[tuple[int, int]], config: ExtractConfig):
    return np.stack([dict(extract(network, [("x", features[a:b])], config))["x"] for a, b in bounds])


BOUNDS = {
    "overlapping": [(t, t + 150) for t in range(0, 3000, 75)],
    "touching": [(t, t + 50) for t in range(10, 500, 50)],
    "of several lengths": [(0, 150), (75, 225), (150, 270), (300, 450), (375, 525)],
    "far apart": [(0, 40), (1000, 1040), (2000, 2040)],
    "backwards": [(300, 400), (100, 200), (150, 250)],
    "too short for the network": [(0, 40), (20, 60), (40, 45), (60, 61)],
    "longer than a chunk": [(0, 450), (100, 550), (0, 900)],
}


@pytest.mark.parametrize("pooling", ["statistics", "attention"])
@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
def test_equals_each_window_alone(bounds: list[tuple[int, int]], pooling: str) -> None:
    network = network_of(
        XVectorConfig(**{**vars(SMALL), "pooling": pooling, "n_heads": 2, "attention_dim": 4})  # type: ignore[arg-type]
    )
    features = np.random.default_rng(0).standard_normal((3200, 5)).astype(np.float32)
    config = ExtractConfig(chunk_size=400, min_chunk_size=25)
    got = np.stack(list(embed_windows(network, lambda a, b: torch.from_numpy(features[a:b]), bounds, config)))
    np.testing.assert_allclose(got, one_by_one(network, features, bounds, config), rtol=1e-5, atol=1e-5)


def test_half_precision() -> None:
    network = network_of(SMALL)
    features = np.random.default_rng(0).standard_normal((600, 5)).astype(np.float32)
    bounds = [(t, t + 150) for t in range(0, 450, 75)]
    single, half = (
        np.stack(list(embed_windows(network, lambda a, b: torch.from_numpy(features[a:b]), bounds, ExtractConfig(**p))))
        for p in ({}, {"precision": "bfloat16"})
    )
    difference = np.linalg.norm(half - single, axis=1) / np.linalg.norm(single, axis=1)
    assert (difference > 1e-5).all() and (difference < 2e-2).all()


def test_a_network_that_pads_is_not_shared() -> None:
    network = network_of(SMALL.as_published_port())
    features = np.random.default_rng(0).standard_normal((600, 5)).astype(np.float32)
    bounds = [(t, t + 150) for t in range(0, 450, 75)]
    config = ExtractConfig()
    got = np.stack(list(embed_windows(network, lambda a, b: torch.from_numpy(features[a:b]), bounds, config)))
    np.testing.assert_allclose(got, one_by_one(network, features, bounds, config), rtol=1e-5, atol=1e-5)


def test_reads_each_frame_about_once() -> None:
    seen: list[tuple[int, int]] = []

    def read(first: int, end: int) -> torch.Tensor:
        seen.append((first, end))
        return torch.zeros(end - first, 5)

    bounds = [(t, t + 150) for t in range(0, 7500, 75)]
    assert len(list(embed_windows(network_of(SMALL), read, bounds, run_frames=1000))) == 100
    assert sum(b - a for a, b in seen) < 1.2 * 7650
    assert max(b - a for a, b in seen) <= 1000


def test_no_window_no_embedding() -> None:
    assert list(embed_windows(network_of(SMALL), lambda a, b: torch.zeros(b - a, 5), [])) == []
