"""Networks at work, against nnet3-xvector-compute, and parts of them against what Kaldi's source says."""

import kaldiio
import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.nnet3.graph import load_nnet3

MIN_CHUNK = 25
PARITY = {
    "xvectors": ("small", "extract.config"),
    "xvectors_tdnn7": ("small", "extract_tdnn7.config"),
    "xvectors_etdnn": ("etdnn", "extract_etdnn.config"),
    "xvectors_tdnnf": ("tdnnf", "extract.config"),
}


def pad_short(x):
    """The rule of nnet3-xvector-compute for utterances below the minimum: repeat the frames at both edges."""
    left = max(0, (MIN_CHUNK - len(x)) // 2)
    right = max(0, MIN_CHUNK - len(x) - left)
    return np.concatenate([np.repeat(x[:1], left, 0), x, np.repeat(x[-1:], right, 0)])


def tolerance(key, x, kind):
    """Relative distance from Kaldi to allow.

    Where a unit is the same in all frames, the deviation that is pooled is the root of rounding noise. With
    one frame repeated all units are, and the noise depends on how the matrix products round; text has lost
    the digits that the noise is made of.
    """
    if kind == "txt" or bool((x == x[0]).all()):
        return 1e-3
    return 2e-6 if key.startswith(("espeak", "flite")) else 1e-4


@pytest.fixture(scope="module")
def features(golden):
    archive = kaldiio.load_ark(str(golden / "feats" / "nnet_input.ark"))
    return {key: torch.from_numpy(pad_short(x.copy())) for key, x in archive}


@pytest.mark.parametrize("kind", ["raw", "txt"])
@pytest.mark.parametrize("archive", sorted(PARITY))
def test_matches_kaldi(golden, features, archive, kind):
    name, config = PARITY[archive]
    network = load_nnet3(golden / "nnet3" / f"{name}.{kind}", golden / "nnet3" / config)
    reference = dict(kaldiio.load_ark(str(golden / "nnet3" / f"{archive}.ark")))
    assert len(reference) == 28
    for key, expected in reference.items():
        x = features[key]
        got = network(x[None])[0].numpy()
        deviation = np.linalg.norm(got - expected) / np.linalg.norm(expected)
        assert deviation < tolerance(key, x, kind), key


@pytest.mark.parametrize("archive", sorted(PARITY))
def test_a_batch_equals_one_by_one(golden, features, archive):
    name, config = PARITY[archive]
    network = load_nnet3(golden / "nnet3" / f"{name}.raw", golden / "nnet3" / config)
    keys = ["espeak_dem1_1", "chirp_with_silence", "noise_white", "clipped_square", "flite_rms_2"]
    batch = torch.nn.utils.rnn.pad_sequence([features[key] for key in keys], True, padding_value=float("nan"))
    together = network(batch, torch.tensor([len(features[key]) for key in keys]))
    alone = torch.stack([network(features[key][None])[0] for key in keys])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_text_and_binary_networks_agree(golden, features):
    folder = golden / "nnet3"
    one, other = (load_nnet3(folder / f"tdnnf.{kind}", folder / "extract.config") for kind in ("raw", "txt"))
    x = features["espeak_dem1_1"][None]
    torch.testing.assert_close(one(x), other(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "fewest"), [("small", 15), ("etdnn", 23), ("tdnnf", 13)])
def test_utterances_below_the_context_are_named(golden, name, fewest):
    network = load_nnet3(golden / "nnet3" / f"{name}.raw")
    assert network.min_frames == fewest
    assert network.feature_dim == 30
    assert network.embedding_dim == 8
    x = torch.zeros(2, 40, 30)
    assert network(x, torch.tensor([40, fewest])).shape == (2, 8)
    with pytest.raises(DataError, match=f"utterance 1 of the batch: expected {fewest} frames, got {fewest - 1}"):
        network(x, torch.tensor([40, fewest - 1]))


@pytest.mark.parametrize(("shape", "n_frames"), [((40, 30), None), ((1, 40, 29), None), ((1, 40, 30), [41])])
def test_features_of_another_shape_are_refused(golden, shape, n_frames):
    network = load_nnet3(golden / "nnet3" / "small.raw")
    with pytest.raises(ValueError, match=r"features must be|n_frames must hold"):
        network(torch.zeros(shape), None if n_frames is None else torch.tensor(n_frames))


def test_log_softmax_output_is_a_distribution(golden, features):
    network = load_nnet3(golden / "nnet3" / "small.raw")
    assert float(network(features["espeak_dem1_1"][None]).exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["small", "etdnn", "tdnnf"])
def test_everything_moves_to_another_device(golden, name):
    network = load_nnet3(golden / "nnet3" / f"{name}.raw").to("meta")
    embedding = network(torch.zeros(2, 40, 30, device="meta"), torch.tensor([40, 30]))
    assert embedding.device.type == "meta"
    assert embedding.shape == (2, 8)
