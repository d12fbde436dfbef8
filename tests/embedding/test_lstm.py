import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.lstm import PARTIALS_AT_ONCE, Lstm, LstmConfig, partial_starts
from pysid.embedding.networks import TrainableConfig, make_network, n_parameters
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import FrontendConfig, StftMelConfig
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel

SMALL = LstmConfig(feature_dim=6, hidden_dim=8, layers=2, partial_frames=16, step_frames=8, embedding_dim=5)


def made(config: LstmConfig = SMALL) -> Lstm:
    torch.manual_seed(0)
    return Lstm(config).eval()


def test_parameters_are_those_of_resemblyzer() -> None:
    """Three layers of 256 cells on 40 bands, and an affine layer."""
    assert n_parameters(Lstm()) == 4 * 256 * (40 + 256 + 2) + 2 * 4 * 256 * (256 + 256 + 2) + 257 * 256


def resemblyzers_slices(n_samples: int) -> list[int]:
    """Starts, in frames: VoiceEncoder.compute_partial_slices, written out with its defaults."""
    n_frames = -(-(n_samples + 1) // 160)
    starts = list(range(0, max(1, n_frames - 160 + 77 + 1), 77))
    if (n_samples - 160 * starts[-1]) / 25600 < 0.75 and len(starts) > 1:
        starts.pop()
    return starts


def test_partial_utterances_are_resemblyzers() -> None:
    for n_samples in (1, 160, 19199, 19200, 25599, 25600, 31519, 31520, 31521, 37919, 37920, 44160, 99999, 480000):
        n_frames = 1 + n_samples // 160 + 2
        assert partial_starts(torch.tensor(n_frames), LstmConfig()).tolist() == resemblyzers_slices(n_samples)


def test_an_embedding_is_the_mean_of_those_of_its_parts() -> None:
    network, x = made(), torch.randn(1, 40 + 2, 6)
    with torch.no_grad():
        parts = []
        for start in (0, 8, 16, 24):
            piece = nn.functional.pad(x[:, start : start + 16], (0, 0, 0, max(0, start + 16 - x.shape[1])))
            hidden = network.lstm(piece)[1][0][-1]
            parts.append(nn.functional.normalize(torch.relu(network.linear(hidden))))
        expected = nn.functional.normalize(torch.stack(parts).mean(0))
        torch.testing.assert_close(network(x), expected, rtol=1e-5, atol=1e-6)


def test_batch_equals_one_by_one() -> None:
    network = made()
    utterances = [torch.randn(n, 6) for n in (41, 7, 64, 41, 1)]
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, torch.tensor([len(x) for x in utterances]))
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-5, atol=1e-6)


def test_long_recordings_go_in_pieces() -> None:
    network = made()
    x = torch.randn(1, 8 * (PARTIALS_AT_ONCE + 40), 6)
    with torch.no_grad():
        frames = network.frames(x)
        assert frames.shape[1] > PARTIALS_AT_ONCE
        torch.testing.assert_close(frames[:, -9:-1], network.frames(x[:, -8 * 11 :])[:, -9:-1])


def test_pooling_sees_the_parts_that_count() -> None:
    network, frames = made(), torch.rand(2, 6, 5)
    weights = (torch.arange(6) < 4).float().expand(2, 6)
    cut = network.segment_level(frames[:, :4])
    torch.testing.assert_close(network.segment_level(frames, torch.tensor([4, 4])), cut)
    torch.testing.assert_close(network.segment_level(frames, weights=weights), cut)


def test_every_weight_learns() -> None:
    network = made().train()
    embedding, attention = network.classifier_input(torch.randn(3, 20, 6))
    assert embedding.shape == (3, 5) and attention is None
    (embedding * torch.randn(3, 5)).sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


def test_settings_there_and_back() -> None:
    plain = to_plain(SMALL)
    assert from_plain(TrainableConfig, plain, "x") == SMALL  # type: ignore[arg-type]
    assert isinstance(make_network(SMALL), Lstm)
    with pytest.raises(ValueError, match="step_frames must be at most partial_frames"):
        dataclasses.replace(SMALL, step_frames=17)
    with pytest.raises(ValueError, match="must be positive"):
        dataclasses.replace(SMALL, layers=0)


def test_exported_graph_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    features = StftMelConfig(n_mels=6, filters="librosa", scale="power", tail_frames=2)
    model = SpeakerModel(ModelConfig(FrontendConfig(features=features), SMALL), made())
    export_onnx(model, tmp_path / "x.onnx")
    exported = SpeakerModel.load(tmp_path / "x.onnx")
    x = torch.rand(3, 77, 6)
    with torch.no_grad():
        torch.testing.assert_close(exported.network(x), model.network(x), rtol=1e-4, atol=1e-5)
