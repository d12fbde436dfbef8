"""Each loss against its paper's formula, written out with loops, gradients included."""

import numpy as np
import pytest
import torch

from pysid.embedding.lstm import LstmConfig
from pysid.training.embedding.batch_losses import GeneralizedEndToEndHead, PrototypicalHead
from pysid.training.embedding.chunks import ChunkConfig, ChunkPlan
from pysid.training.embedding.classifier import SpeakerClassifier
from pysid.training.embedding.heads import make_head
from pysid.training.embedding.losses import HeadConfig

E = 5
LABELS = [9, 4, 9, 4, 4, 7, 9, 2]  # the speakers 7 and 2 have one utterance
SPEAKERS = sorted(set(LABELS))


def made(labels: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(len(labels), E, generator=generator, dtype=torch.float64), torch.tensor(labels)


def check(head: torch.nn.Module, reference) -> None:
    head = head.double()
    x, labels = made(LABELS)
    results = []
    for compute in (lambda x: head(x, labels)[0], lambda x: reference(x, head)):
        leaf = x.clone().requires_grad_()
        head.zero_grad()
        loss = compute(leaf)
        loss.backward()
        results.append([loss.detach(), leaf.grad, *(p.grad.clone() for p in head.parameters())])
    for ours, formula in zip(*results, strict=True):
        torch.testing.assert_close(ours, formula, rtol=1e-9, atol=1e-9)


def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b) / a.norm() / b.norm()


def mean(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(rows).mean(0)


def test_ge2e_is_equations_5_6_8_and_9() -> None:
    def reference(x: torch.Tensor, head: GeneralizedEndToEndHead) -> torch.Tensor:
        x = x / x.norm(dim=1, keepdim=True)
        losses = []
        for i, own in enumerate(LABELS):
            if LABELS.count(own) == 1:
                continue
            row = []
            for speaker in SPEAKERS:
                members = [x[j] for j, s in enumerate(LABELS) if s == speaker and j != i]
                row.append(head.weight * cosine(x[i], mean(members)) + head.bias)
            losses.append(torch.logsumexp(torch.stack(row), 0) - row[SPEAKERS.index(own)])
        return torch.stack(losses).mean()

    check(GeneralizedEndToEndHead(), reference)


@pytest.mark.parametrize("angular", [False, True])
def test_prototypical(angular: bool) -> None:
    def reference(x: torch.Tensor, head: PrototypicalHead) -> torch.Tensor:
        queries, prototypes = {}, []
        for speaker in SPEAKERS:
            members = [x[j] for j, s in enumerate(LABELS) if s == speaker]
            if len(members) > 1:
                queries[speaker] = members.pop()
            prototypes.append(mean(members))
        losses = []
        for speaker, query in queries.items():
            row = [
                head.weight * cosine(query, c) + head.bias if angular else -(query - c).square().sum()
                for c in prototypes
            ]
            losses.append(torch.logsumexp(torch.stack(row), 0) - row[SPEAKERS.index(speaker)])
        return torch.stack(losses).mean()

    check(PrototypicalHead(angular), reference)


def test_a_batch_of_single_utterances_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs two chunks of a speaker in it: set chunks\.per_speaker"):
        GeneralizedEndToEndHead()(torch.randn(3, E), torch.arange(3))


def test_a_network_learns_to_tell_a_batch_apart() -> None:
    torch.manual_seed(0)
    config = LstmConfig(feature_dim=4, hidden_dim=8, layers=1, partial_frames=8, step_frames=8, embedding_dim=8)
    classifier = SpeakerClassifier(config, HeadConfig("ge2e"), 10)
    voices = torch.randn(3, 1, 4)
    labels = torch.tensor([8, 8, 5, 5, 2, 2])
    x = voices[labels // 3] + 0.1 * torch.randn(6, 10, 4)
    optimizer = torch.optim.Adam(classifier.parameters(), 0.02)
    losses = []
    for step in range(30):
        result = classifier(x, labels, step)
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
        losses.append(float(result.loss))
    assert losses[-1] < 0.3 * losses[0] and float(result.accuracy) == 1.0


def test_heads_by_name() -> None:
    assert isinstance(make_head(HeadConfig("ge2e"), E, 4), GeneralizedEndToEndHead)
    for loss, angular in (("prototypical", False), ("angular-prototypical", True)):
        head = make_head(HeadConfig(loss), E, 4)
        assert isinstance(head, PrototypicalHead) and head.angular == angular


def test_chunks_of_a_speaker_come_one_after_the_other() -> None:
    labels = np.repeat(np.arange(6), 4)
    config = ChunkConfig(10, 10, per_speaker=3, batch_size=12, min_utterance_frames=0, min_utterances=0)
    epoch = ChunkPlan(np.full(24, 40), labels, config).epoch(0)
    speakers = labels[epoch.utterance].reshape(-1, 3)
    assert len(speakers) > 6 and (speakers == speakers[:, :1]).all()
    assert sorted(speakers[:6, 0]) == list(range(6))
    with pytest.raises(ValueError, match="batch_size must be a multiple of per_speaker"):
        ChunkConfig(per_speaker=3)
    with pytest.raises(ValueError, match="per_speaker needs sampling 'speaker'"):
        ChunkConfig(per_speaker=2, sampling="utterance")
