"""The mean of networks, and statistics of batch norms that fit it."""

import pytest
import torch

from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.training.embedding.averaging import average_weights, recompute_norms

CONFIG = XVectorConfig(
    feature_dim=4, frame_layers=(FrameLayerConfig(6, (-1, 0, 1)), FrameLayerConfig(8)), segment_dims=(5, 5)
)


def test_a_mean_weight_by_weight():
    states = [XVector(CONFIG).state_dict() for _ in range(3)]
    states[2]["frame_layers.0.norm.num_batches_tracked"] = torch.tensor(7)
    mean = average_weights(states)
    for name, tensor in mean.items():
        assert tensor.dtype == states[0][name].dtype
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, sum(state[name] for state in states) / 3)
    assert mean["frame_layers.0.norm.num_batches_tracked"] == 7
    with pytest.raises(ValueError, match="at least one state"):
        average_weights([])


def test_norms_get_the_statistics_of_the_batches():
    network = XVector(CONFIG).eval()
    batches = [5 + 3 * torch.randn(4, 20, 4) for _ in range(3)]
    recompute_norms(network, batches)
    layer = network.frame_layers[0]
    x = [torch.relu(layer.splice_affine(batch)).reshape(-1, 6) for batch in batches]
    torch.testing.assert_close(layer.norm.running_mean, torch.stack([y.mean(0) for y in x]).mean(0))
    torch.testing.assert_close(layer.norm.running_var, torch.stack([y.var(0) for y in x]).mean(0))
    assert not network.training and layer.norm.momentum == 0.1
    segment = network.segment_layers[1].norm
    assert segment.running_mean.abs().sum() > 0 and segment.num_batches_tracked == 3
