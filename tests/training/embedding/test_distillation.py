"""Learning from teachers: what the targets are, the laws of the losses, and a student that finds its teacher."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pysid.training.embedding.distillation import (
    UNLABELLED,
    DistillationConfig,
    DistillationHead,
    Lessons,
    distillation_targets,
    relational_loss,
    speaker_classes,
)
from pysid.training.embedding.heads import make_head
from pysid.training.embedding.losses import HeadConfig

N, D, E = 40, 6, 10


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def lessons(rng, *widths, speakers=None):
    targets = [distillation_targets(rng.normal(size=(N, width))) for width in widths]
    classes = np.full(N, UNLABELLED) if speakers is None else speakers
    return Lessons(targets, [1.0] * len(widths), classes, sorted({f"s{c}" for c in classes if c >= 0}))


def test_targets_are_centred_and_of_length_one(rng):
    embeddings = rng.normal(3.0, size=(500, D)) * [9, 3, 1, 1, 1, 1]
    plain = distillation_targets(embeddings, 0.0)
    centred = embeddings - embeddings.mean(0)
    np.testing.assert_allclose(plain, centred / np.linalg.norm(centred, axis=1, keepdims=True), atol=1e-6)
    moved = distillation_targets(5 * embeddings + 7, 0.0)
    np.testing.assert_allclose(moved, plain, atol=1e-5)


def test_whitening_evens_the_directions_out(rng):
    embeddings = rng.normal(size=(4000, D)) * [9, 3, 1, 1, 1, 1]
    spread = {p: distillation_targets(embeddings, p).var(0) for p in (0.0, 0.5, 1.0)}
    assert spread[1.0].max() / spread[1.0].min() < 1.1
    ratios = {p: x.max() / x.min() for p, x in spread.items()}
    assert ratios[0.0] > 2 * ratios[0.5] > 4 * ratios[1.0] / 2
    flat = np.c_[embeddings, np.zeros(4000)]  # a direction without variance stays empty
    assert np.isfinite(distillation_targets(flat, 1.0)).all() and not distillation_targets(flat, 1.0)[:, -1].any()


def test_speakers_with_one_utterance_have_no_class():
    classes, names = speaker_classes(["b", "a", "c", "b", "a", "a"])
    assert names == ["a", "b"] and classes.tolist() == [1, 0, UNLABELLED, 1, 0, 0]


def test_the_relational_loss_is_zero_for_the_teacher_itself_and_else_above(rng):
    own, others, wrong = (F.normalize(torch.from_numpy(rng.normal(size=(n, D)))) for n in (4, 20, 4))
    assert float(relational_loss(own, own, others, 16.0)) == pytest.approx(0, abs=1e-12)
    assert float(relational_loss(wrong, own, others, 16.0)) > 0.1
    p, q = (16 * own @ others.T).softmax(1), (16 * wrong @ others.T).softmax(1)
    by_hand = (p * (p.log() - q.log())).sum(1).mean()
    assert float(relational_loss(wrong, own, others, 16.0)) == pytest.approx(float(by_hand))


def test_the_loss_is_its_parts(rng):
    taught, x, rows = lessons(rng, D), torch.randn(5, E), torch.tensor([0, 3, 3, 9, 39])
    config = DistillationConfig(cosine_weight=2.0, relational_weight=0.5, relational_size=0, relational_scale=8.0)
    head = DistillationHead(E, taught, config)
    loss, agreement = head(x, rows)
    own = torch.from_numpy(taught.targets[0])[rows]
    mapped = F.normalize(x @ head.maps[0].weight.T)
    cosine = (mapped * own).sum(1).mean()
    expected = 2 * (1 - cosine) + 0.5 * relational_loss(mapped, own, own, 8.0)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert float(agreement) == pytest.approx(float(cosine), rel=1e-5)


def test_teachers_share_by_weight(rng):
    taught, x, rows = lessons(rng, D, D + 2), torch.randn(5, E), torch.arange(5)
    both = DistillationHead(E, Lessons(taught.targets, [3.0, 1.0], taught.speakers, []))
    alone = []
    for i, target in enumerate(taught.targets):
        head = DistillationHead(E, Lessons([target], [1.0], taught.speakers, []))
        head.maps[0].load_state_dict(both.maps[i].state_dict())
        alone.append(float(head(x, rows, 7)[0]))
    assert float(both(x, rows, 7)[0]) == pytest.approx((3 * alone[0] + alone[1]) / 4, rel=1e-5)


def test_whom_a_step_compares_with_is_known_from_its_number(rng):
    head, x, rows = (
        DistillationHead(E, lessons(rng, D), DistillationConfig(relational_size=5)),
        torch.randn(5, E),
        torch.arange(5),
    )
    torch.manual_seed(1)
    first, other = float(head(x, rows, 3)[0]), float(head(x, rows, 4)[0])
    torch.manual_seed(2)
    assert float(head(x, rows, 3)[0]) == first != other


def test_the_margin_counts_labelled_chunks_only(rng):
    speakers = np.where(np.arange(N) % 2, np.arange(N) % 4 // 2, UNLABELLED)
    taught = lessons(rng, D, speakers=speakers)
    config = HeadConfig("distillation", 0.2, distillation=DistillationConfig(margin_weight=0.3))
    head, x = make_head(config, E, 2, taught), torch.randn(6, E, requires_grad=True)
    rows = torch.tensor([0, 1, 2, 3, 5, 4])
    without = DistillationHead(E, taught)
    without.maps.load_state_dict(head.maps.state_dict())
    known = speakers[rows] != UNLABELLED
    margin = head.margin(x[torch.from_numpy(known)], torch.from_numpy(speakers[rows][known]))[0]
    expected = without(x, rows)[0] + 0.3 * margin * known.mean()
    assert float(head(x, rows)[0]) == pytest.approx(float(expected), rel=1e-5)
    loss = head(x, torch.tensor([0, 2, 4, 6, 8, 10]))[0]  # nobody is known
    loss.backward()
    assert float(loss) == pytest.approx(float(without(x, torch.tensor([0, 2, 4, 6, 8, 10]))[0]), rel=1e-5)
    assert not head.margin.weight.grad.any()


def test_lessons_are_no_part_of_the_state(rng):
    head = make_head(
        HeadConfig("distillation", distillation=DistillationConfig(margin_weight=0.1)), E, 3, lessons(rng, D, D)
    )
    assert set(head.state_dict()) == {"maps.0.weight", "maps.1.weight", "margin.weight"}


def test_a_student_finds_its_teacher(rng):
    """A linear student of a linear teacher: the cosine goes to one, on what it has never heard, too."""
    heard = rng.normal(size=(2 * N, E)).astype(np.float32)
    teacher = rng.normal(size=(E, D))
    targets = distillation_targets(heard @ teacher)
    head = DistillationHead(E, Lessons([targets[:N]], [1.0], np.full(N, UNLABELLED), []))
    student = torch.nn.Linear(E, E)
    optimizer = torch.optim.Adam([*student.parameters(), *head.parameters()], 0.02)
    start = float(head(student(torch.from_numpy(heard[:N])), torch.arange(N))[1])
    for step in range(300):
        optimizer.zero_grad()
        head(student(torch.from_numpy(heard[:N])), torch.arange(N), step)[0].backward()
        optimizer.step()
    with torch.no_grad():
        found = F.normalize(head.maps[0](student(torch.from_numpy(heard[N:])))).numpy()
    assert abs(start) < 0.5 and (found * targets[N:]).sum(1).mean() > 0.97


def test_maps_by_least_squares_are_those_of_a_linear_teacher(rng):
    heard = rng.normal(size=(300, E)).astype(np.float32)
    target = F.normalize(torch.from_numpy(heard @ rng.normal(size=(E, D)))).float().numpy()
    head = DistillationHead(E, Lessons([target], [1.0], np.full(300, UNLABELLED), []))
    rows = torch.from_numpy(rng.permutation(300))
    before = float(head(torch.from_numpy(heard)[rows], rows)[1])
    head.fit_maps(torch.from_numpy(heard)[rows], rows)
    assert before < 0.7 and float(head(torch.from_numpy(heard)[rows], rows)[1]) > 0.98


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cosine_weight": -1.0}, "weights of a distillation must not be negative"),
        ({"cosine_weight": 0.0, "relational_weight": 0.0}, "one above 0"),
        ({"relational_scale": 0.0}, "relational_scale must be positive"),
        ({"relational_size": -1}, "relational_size not negative"),
    ],
)
def test_settings_that_mean_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        DistillationConfig(**options)


def test_lessons_that_do_not_fit(rng):
    with pytest.raises(ValueError, match="one teacher or more, all for the same utterances"):
        Lessons([np.zeros((3, D))], [1.0], np.zeros(4), [])
    with pytest.raises(ValueError, match="a weight for each of 1 teachers, got 2"):
        Lessons([np.zeros((3, D))], [1.0, 1.0], np.zeros(3), [])
    with pytest.raises(ValueError, match="needs the lessons of its teachers"):
        make_head(HeadConfig("distillation"), E, 2)
