"""Speech and overlap by local segmentation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pysid.activity import ActivityConfig, ActivityDetector, ActivityNetwork
from pysid.activity.files import write_detector
from pysid.activity.segmented import JointActivity, SegmentedActivity, find_detector
from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.segmentation.files import write_segmenter
from pysid.segmentation.network import MelNet, MelNetConfig, MelSegmentation

FEATURES = FbankConfig(n_mels=8, use_energy=True, snip_edges=False)
SMALL = MelNetConfig(feature_dim=9, channels=(4, 4, 4), hidden=4, n_heads=1, window_s=2.0)


class Said(MelSegmentation):
    """Says of each frame what column 1 of the features holds: the number of a class."""

    def __call__(self, windows):
        classes = windows[:, ::2, 1].long()
        return torch.nn.functional.one_hot(classes, len(self.powerset)).float().clamp(min=1e-9).log()


@pytest.mark.parametrize("n", [0, 1, 37, 200, 201, 999, 5000])
def test_each_frame_gets_what_was_said_of_it(n):
    classes = np.repeat(np.random.default_rng(n).integers(0, 7, n // 2 + 1), 2)[:n]
    features = torch.zeros(n, 9)
    features[:, 1] = torch.from_numpy(classes)
    activity = SegmentedActivity(Said(MelNet(SMALL), FEATURES))(features)
    np.testing.assert_allclose(activity.speech, classes != 0, atol=1e-6)
    np.testing.assert_allclose(activity.overlap, classes > 3, atol=1e-6)


def test_a_window_that_is_the_recording_is_as_the_network_says():
    torch.manual_seed(0)
    segmenter, features = MelSegmentation(MelNet(SMALL), FEATURES), torch.randn(150, 9)
    activity = SegmentedActivity(segmenter)(features)
    said = segmenter(features[None])[0].exp().numpy().repeat(2, axis=0)
    np.testing.assert_allclose(activity.speech, 1 - said[:, 0], atol=1e-5)
    np.testing.assert_allclose(activity.overlap, said[:, 4:].sum(1), atol=1e-5)


def test_what_a_model_directory_has(tmp_path):
    assert find_detector(tmp_path) is None
    config = ActivityConfig(feature_dim=9)
    write_detector(tmp_path, ActivityDetector(ActivityNetwork(config), FEATURES))
    assert isinstance(find_detector(tmp_path), ActivityDetector)
    write_segmenter(tmp_path, MelNet(SMALL), FEATURES)
    joint = find_detector(tmp_path)
    assert isinstance(joint, JointActivity)
    features = torch.randn(150, 9)
    a, b, both = joint.detector(features), joint.segmentation(features), joint(features)
    np.testing.assert_allclose(both.speech, 0.2 * a.speech + 0.8 * b.speech, atol=1e-6)
    np.testing.assert_array_equal(both.sound, a.speech)
    np.testing.assert_array_equal(both.voice, b.speech)
    np.testing.assert_array_equal(both.overlap, b.overlap)
    (tmp_path / "activity.json").unlink()
    assert isinstance(find_detector(tmp_path), SegmentedActivity)


def test_two_kinds_of_features_are_refused(tmp_path):
    write_detector(tmp_path, ActivityDetector(ActivityNetwork(ActivityConfig(feature_dim=9)), FEATURES))
    write_segmenter(tmp_path, MelNet(SMALL), replace(FEATURES, low_hz=50.0))
    with pytest.raises(DataError, match="same features"):
        find_detector(tmp_path)
