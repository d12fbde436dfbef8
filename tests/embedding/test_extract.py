"""Chunk rules against an x-vector network of Kaldi's, and laws of batching."""

from collections.abc import Callable
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch

from pysid.embedding.extract import ExtractConfig, chunk_bounds, extract, pad_short
from pysid.embedding.fused.forms import fused_form
from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.errors import DataError
from pysid.nnet3.graph import load_nnet3
from pysid.nnet3.to_xvector import load_xvector

KALDI = Path(__file__).parents[1] / "golden" / "kaldi"

CASES = {
    "xvectors": ExtractConfig(),
    "xvectors_chunk_150": ExtractConfig(chunk_size=150),
    "xvectors_no_pad": ExtractConfig(chunk_size=200, min_chunk_size=100, pad_input=False),
}


@pytest.fixture(scope="module")
def features() -> dict[str, np.ndarray]:
    return dict(kaldiio.load_ark(str(KALDI / "feats" / "nnet_input.ark")))


@pytest.mark.parametrize("load", [load_xvector, load_nnet3], ids=["xvector", "graph"])
@pytest.mark.parametrize("case", CASES)
def test_matches_kaldi(case: str, load: Callable, features: dict[str, np.ndarray]) -> None:
    model = load(KALDI / "nnet3" / "small.raw", KALDI / "nnet3" / "extract.config").eval()
    skipped: dict[str, str] = {}
    ours = dict(extract(model, features.items(), CASES[case], on_skip=skipped.__setitem__))
    kaldi = dict(kaldiio.load_ark(str(KALDI / "nnet3" / f"{case}.ark")))
    assert list(ours) == [key for key in features if key in kaldi] and set(skipped) == set(features) - set(kaldi)
    for key, vector in kaldi.items():
        # Clips of one frame, repeated 25 times: their deviations are nothing but rounding, of each BLAS's own kind.
        bound = 2e-4 if len(features[key]) == 1 else 1e-4
        assert np.linalg.norm(ours[key] - vector) <= bound * np.linalg.norm(vector), key


@pytest.fixture(scope="module")
def small() -> XVector:
    torch.manual_seed(0)
    return XVector(XVectorConfig(feature_dim=4, segment_dims=(6, 5))).eval()


def utterances(*lengths: int) -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [(f"utt{i}", rng.normal(size=(n, 4)).astype(np.float32)) for i, n in enumerate(lengths)]


def test_batches_and_order_do_not_change_embeddings(small: XVector) -> None:
    data = utterances(30, 400, 20, 31, 250, 1, 90)
    config = ExtractConfig(chunk_size=100)
    alone = {k: v for item in data for k, v in extract(small, [item], config)}
    for batch_frames, window in ((50, 3), (1000, 256), (300, 2)):
        together = dict(extract(small, data[::-1], config, batch_frames=batch_frames, window=window))
        assert list(together) == [key for key, _ in data[::-1]]
        for key, vector in alone.items():
            assert np.linalg.norm(together[key] - vector) <= 1e-5 * np.linalg.norm(vector)


def test_average_is_weighted_by_frames(small: XVector) -> None:
    ((_, x),) = utterances(130)
    ((_, whole),) = extract(small, [("a", x)], ExtractConfig(chunk_size=100))
    ((_, first),) = extract(small, [("a", x[:100])])
    ((_, second),) = extract(small, [("a", x[100:])])
    np.testing.assert_allclose(whole, (100 * first + 30 * second) / 130, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("n", "config", "expected"),
    [
        (0, ExtractConfig(), []),
        (10, ExtractConfig(), [(0, 10)]),
        (10, ExtractConfig(pad_input=False), []),
        (99, ExtractConfig(chunk_size=-1), [(0, 99)]),
        (201, ExtractConfig(chunk_size=100), [(0, 100), (100, 200), (200, 201)]),
        (201, ExtractConfig(chunk_size=100, pad_input=False), [(0, 100), (100, 200)]),
        (40, ExtractConfig(chunk_size=10, pad_input=False), []),
    ],
)
def test_chunk_bounds(n: int, config: ExtractConfig, expected: list[tuple[int, int]]) -> None:
    assert chunk_bounds(n, config) == expected


def test_padding_repeats_the_edges() -> None:
    x = np.arange(10.0).reshape(5, 2)
    padded = pad_short(x, 10)
    assert (padded[:2] == x[0]).all() and (padded[2:7] == x).all() and (padded[7:] == x[4]).all()
    assert pad_short(x, 3) is not None and (pad_short(x, 3) == x).all()


def test_utterances_without_an_embedding(small: XVector) -> None:
    data = utterances(50, 0, 10)
    data.append(("nan", np.full((50, 4), np.nan, np.float32)))
    skipped: dict[str, str] = {}
    config = ExtractConfig(pad_input=False)
    assert [k for k, _ in extract(small, data, config, on_skip=skipped.__setitem__)] == ["utt0"]
    assert skipped == {
        "utt1": "no frames (no speech found?)",
        "utt2": "10 frames, fewer than the minimum of 25 (min_chunk_size)",
        "nan": "features hold a NaN or an infinity",
    }
    with pytest.raises(DataError, match="utt1: no frames"):
        list(extract(small, data, config))


def test_half_precision_is_asked_for(small: XVector) -> None:
    data = utterances(200, 31)
    single, half = (dict(extract(small, data, ExtractConfig(precision=p))) for p in ("float32", "bfloat16"))
    for key, vector in single.items():
        difference = np.linalg.norm(half[key] - vector) / np.linalg.norm(vector)
        assert 1e-5 < difference < 2e-2, key


def test_a_network_without_a_fused_form() -> None:
    """Padded batches, as on a GPU, in both precisions."""
    torch.manual_seed(0)
    layers = (FrameLayerConfig(8, (-1, 0, 1), padding=1), FrameLayerConfig(8))
    network = XVector(XVectorConfig(feature_dim=4, frame_layers=layers, segment_dims=(6, 5))).eval()
    assert fused_form(network) is None
    data = utterances(30, 400, 20, 31, 250, 90)
    alone = {k: v for item in data for k, v in extract(network, [item])}
    for batch_frames in (500, 3000):
        for key, vector in extract(network, data, batch_frames=batch_frames):
            assert np.linalg.norm(vector - alone[key]) <= 1e-5 * np.linalg.norm(vector)
    for key, vector in extract(network, data, ExtractConfig(precision="bfloat16")):
        assert 0 < np.linalg.norm(vector - alone[key]) <= 2e-2 * np.linalg.norm(vector)


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match="float32 or bfloat16, got 'half'"):
        ExtractConfig(precision="half")  # type: ignore[arg-type]
    for options in ({"chunk_size": 0}, {"chunk_size": -2}, {"min_chunk_size": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            ExtractConfig(**options)
