"""Batches of windows."""

import numpy as np
import pytest
import torch

from pysid.segmentation import FrameGrid
from pysid.training.segmentation.batches import BatchConfig, Sources, WindowBatches
from pysid.training.segmentation.mixing import MixConfig, Mixer
from pysid.training.segmentation.targets import one_hot, true_classes
from pysid.training.segmentation.teacher import Teacher

from .conftest import FEATURES, POWERSET, RATE, STEP_S, Nobody


class Conversation:
    """A source of windows that are all the same."""

    def __init__(self, active):
        self.active = active

    def window(self, rng):
        return np.arange(2 * RATE, dtype=np.float32) % 100, self.active


def teacher():
    return Teacher(Nobody(), FrameGrid(STEP_S, 0.0, 2.0), POWERSET, RATE)


@pytest.fixture
def mixer(voices):
    return Mixer(MixConfig(), voices, [], None, None, 2.0, seed=0)


def batches(sources, seed=0, **options):
    return WindowBatches(BatchConfig(batch_size=4, n_batches=3, **options), sources, POWERSET, FEATURES, seed)


def test_windows_and_targets(mixer):
    made = batches(Sources(mixer))
    waves, targets = made.epoch(0)[0]
    assert waves.shape == (4, 2 * RATE) and waves.dtype == torch.int16
    assert targets.shape == (4, 100, 7) and set(targets.sum(-1).unique().tolist()) <= {0.0, 1.0}
    features, same = made.to_features(waves, targets)
    assert features.shape == (4, 200, 9) and same is targets


def test_a_batch_depends_on_seed_epoch_and_number_alone(mixer):
    first = batches(Sources(mixer)).epoch(1)[0]
    torch.testing.assert_close(first, batches(Sources(mixer)).epoch(1)[0])
    for other in (
        batches(Sources(mixer)).epoch(2)[0],
        batches(Sources(mixer)).epoch(1)[1],
        batches(Sources(mixer), seed=1).epoch(1)[0],
    ):
        assert not torch.equal(first[0], other[0])


def test_processes_share_a_batch(mixer):
    whole = batches(Sources(mixer)).epoch(0)[1]
    parts = [batches(Sources(mixer)).epoch(0, process, 3)[1] for process in range(3)]
    for i in range(2):
        torch.testing.assert_close(torch.cat([part[i] for part in parts]), whole[i])


def test_a_teacher_speaks_beside_the_truth_or_alone():
    active = np.zeros((100, 4), bool)
    active[20:80, 0] = active[50:, 1] = active[60:, 2] = active[95:, 3] = True
    truth = one_hot(*true_classes(active, POWERSET), 7)
    conversation = Conversation(active)
    for share, weight, expected in (
        (0.0, 0.5, truth),
        (1.0, 0.25, 0.75 * truth + 0.25 * np.array([0.88] + [0.02] * 6) * truth.any(1, keepdims=True)),
    ):
        sources = Sources(labelled=conversation, teacher=teacher())
        made = batches(sources, teacher_share=share, teacher_weight=weight)
        np.testing.assert_allclose(made.windows(0, 0, [0])[1][0], expected, atol=1e-6)
    alone = batches(Sources(unlabelled=Conversation(None), teacher=teacher()))
    np.testing.assert_allclose(alone.windows(0, 0, [0])[1][0], [[0.88] + [0.02] * 6] * 100, atol=1e-6)


def test_the_teacher_hears_the_windows_that_it_is_asked_about():
    class Parrot(Nobody):
        def __call__(self, windows):
            said = torch.zeros(len(windows), windows.shape[1] // 200, 7)
            said[..., 1] = windows.mean(1, keepdim=True)  # of these alone
            return said.log_softmax(-1)

    class Numbered(Conversation):
        def window(self, rng):
            return np.full(2 * RATE, rng.integers(1, 9), np.float32), self.active

    active = np.ones((100, 1), bool)
    parrot = Teacher(Parrot(), FrameGrid(STEP_S, 0.0, 2.0), POWERSET, RATE)
    sources = Sources(labelled=Numbered(active), unlabelled=Numbered(None), teacher=parrot)
    made = batches(sources, labelled=0.5, unlabelled=0.5, teacher_share=0.5, teacher_weight=1.0)
    waves, targets = made.windows(0, 0, range(32))
    heard = targets[:, 50, 1]
    said = np.exp(waves[:, 0]) / (np.exp(waves[:, 0].astype(float)) + 6)
    truth = (targets.max(-1) == 1).all(1)
    assert 2 < truth.sum() < 16
    np.testing.assert_allclose(heard[~truth], said[~truth], atol=1e-4)
    for row in range(32):
        np.testing.assert_allclose(made.windows(0, 0, [row])[1][0], targets[row], atol=1e-6)


def test_sources_are_drawn_by_their_shares(mixer):
    marked = Conversation(np.ones((100, 1), bool))
    made = batches(Sources(mixer, marked), mixed=1.0, labelled=3.0)
    share = np.mean([np.array_equal(wave[:100], np.arange(100)) for wave in made.windows(0, 0, range(200))[0]])
    assert 0.65 < share < 0.85


def test_what_makes_no_batches(mixer):
    with pytest.raises(ValueError, match="expected a source of windows, got none"):
        batches(Sources())
    with pytest.raises(ValueError, match="need a teacher"):
        batches(Sources(mixer, unlabelled=Conversation(None)))
    for options in ({"batch_size": 0}, {"mixed": -1.0}, {"teacher_share": 2.0}):
        with pytest.raises(ValueError, match="must"):
            BatchConfig(**options)
