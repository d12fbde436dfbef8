"""The loss of a batch: that of the head, with a penalty, and how many are guessed right."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pysid.embedding.pooling import diversity_penalty
from pysid.embedding.xvector import FrameLayerConfig, XVectorConfig
from pysid.training.embedding.classifier import SpeakerClassifier
from pysid.training.embedding.distillation import UNLABELLED, Lessons, distillation_targets
from pysid.training.embedding.losses import HeadConfig

LAYERS = (FrameLayerConfig(6, (-1, 0, 1)), FrameLayerConfig(8))
NETWORK = XVectorConfig(feature_dim=5, frame_layers=LAYERS, segment_dims=(7, 6), attention_dim=4, n_heads=3)
ATTENTIVE = XVectorConfig(**(vars(NETWORK) | {"pooling": "attention"}))
LABELS = torch.tensor([0, 2, 1, 2, 0, 1, 1, 2])


@pytest.fixture
def features():
    torch.manual_seed(0)
    return torch.randn(len(LABELS), 30, 5)


def test_the_loss_is_that_of_the_head_and_accuracy_the_share_that_is_right(features):
    classifier = SpeakerClassifier(NETWORK, HeadConfig(), 3).eval()
    with torch.no_grad():
        result = classifier(features, LABELS, 0)
        x, _ = classifier.network.classifier_input(features)
        logits = classifier.head(x, LABELS, 0)[1]
    torch.testing.assert_close(result.loss, F.cross_entropy(logits, LABELS))
    right = sum(int(row.argmax()) == int(label) for row, label in zip(logits, LABELS, strict=True))
    assert float(result.accuracy) == right / len(LABELS) and float(result.penalty) == 0


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_heads_of_attention_that_agree_cost_something(features, weight):
    torch.manual_seed(1)
    classifier = SpeakerClassifier(ATTENTIVE, HeadConfig(), 3, diversity_weight=weight).eval()
    with torch.no_grad():
        result = classifier(features, LABELS, 0)
        x, attention = classifier.network.classifier_input(features)
        alone = classifier.head(x, LABELS, 0)[0]
    torch.testing.assert_close(result.penalty, weight * diversity_penalty(attention))
    torch.testing.assert_close(result.loss, alone + result.penalty)
    assert (float(result.penalty) > 0) == (weight > 0)


@pytest.mark.parametrize("loss", ["softmax", "aam-softmax"])
def test_every_weight_learns(features, loss):
    classifier = SpeakerClassifier(ATTENTIVE, HeadConfig(loss), 3, diversity_weight=1.0)
    classifier(features, LABELS, 0).loss.backward()
    still = [name for name, p in classifier.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert still == []


def test_the_step_is_told_to_the_head(features):
    """The margin of SphereFace grows with it, and so does the loss."""
    classifier = SpeakerClassifier(NETWORK, HeadConfig("a-softmax", margin=4), 3).eval()
    with torch.no_grad():
        early, late = (float(classifier(features, LABELS, step).loss) for step in (0, 1_000_000))
    assert late > early


def test_labels_of_a_batch_loss_count_within_the_batch(features):
    torch.manual_seed(2)
    classifier = SpeakerClassifier(NETWORK, HeadConfig("ge2e"), 1000).eval()
    with torch.no_grad():
        near, far = (classifier(features, labels, 0) for labels in (LABELS, 300 * LABELS + 7))
    torch.testing.assert_close(near, far)
    assert sum(p.numel() for p in classifier.head.parameters()) == 2  # whatever number of speakers


def test_a_distillation_guesses_no_speaker(features):
    rng = np.random.default_rng(0)
    lessons = Lessons([distillation_targets(rng.normal(size=(8, 4)))], [1.0], np.full(8, UNLABELLED), [])
    torch.manual_seed(3)
    classifier = SpeakerClassifier(NETWORK, HeadConfig("distillation"), 0, lessons=lessons).eval()
    with torch.no_grad():
        result = classifier(features, torch.arange(8), 0)
        x, _ = classifier.network.classifier_input(features)
        mapped = classifier.head.maps[0](x)
        cosine = F.cosine_similarity(mapped, torch.as_tensor(lessons.targets[0], dtype=mapped.dtype)).mean()
    torch.testing.assert_close(result.accuracy, cosine)


def test_what_cannot_be_trained():
    with pytest.raises(ValueError, match="training needs at least two speakers, got 1"):
        SpeakerClassifier(NETWORK, HeadConfig(), 1)
    with pytest.raises(ValueError, match="a distillation needs the lessons of its teachers"):
        SpeakerClassifier(NETWORK, HeadConfig("distillation"), 3)
