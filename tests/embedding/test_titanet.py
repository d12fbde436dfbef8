"""Against NeMo's source itself: tests/model/toolkits. Here: laws."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.networks import TrainableConfig, make_network, n_parameters
from pysid.embedding.titanet import TitaNet, TitaNetBlockConfig, TitaNetConfig, titanet_blocks
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.io.audio.samples import Int16Scale
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.averaging import recompute_norms

SMALL = TitaNetConfig(feature_dim=13, blocks=titanet_blocks(16, 24, 2), attention_dim=8, embedding_dim=5)
N_SPEAKERS = 16_681  # of the paper's training data, whose output layer its table counts


def settled(config: TitaNetConfig = SMALL) -> TitaNet:
    torch.manual_seed(0)
    network = TitaNet(config)
    recompute_norms(network, (torch.randn(4, 40, config.feature_dim) for _ in range(3)))
    return network.eval()


@pytest.mark.parametrize(("channels", "millions"), [(512, 13.4), (1024, 25.3)])
def test_parameters_are_those_of_the_paper(channels: int, millions: float) -> None:
    """Table 2: TitaNet-M and TitaNet-L, with the weights of the output layer."""
    with torch.device("meta"):
        n = n_parameters(TitaNet(TitaNetConfig(blocks=titanet_blocks(channels))))
    assert (n + 192 * N_SPEAKERS) / 1e6 == pytest.approx(millions, abs=0.05)


def test_batch_equals_one_by_one() -> None:
    network = settled()
    utterances = [torch.randn(n, 13) for n in (41, 7, 64, 41, 2)]
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, torch.tensor([len(x) for x in utterances]))
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-4, atol=1e-4)
        assert bool(torch.isfinite(network(torch.randn(1, 1, 13))).all())


def test_loudness_and_colour_are_taken_off() -> None:
    """Mean and standard deviation of each band are the same whatever they were."""
    network, x = settled(), torch.randn(1, 50, 13)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network(3 * x + torch.arange(13)), rtol=1e-3, atol=1e-3)


def test_every_weight_learns() -> None:
    network = settled().train()
    embedding, attention = network.classifier_input(torch.randn(3, 40, 13))
    assert embedding.shape == (3, 5) and attention is None
    (embedding * torch.randn(3, 5)).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_settings_there_and_back() -> None:
    assert from_plain(TrainableConfig, to_plain(SMALL), "x") == SMALL  # type: ignore[arg-type]
    assert isinstance(make_network(SMALL), TitaNet)
    with pytest.raises(ValueError, match="unit_variance needs subtract_mean"):
        TitaNetConfig(subtract_mean=False)
    with pytest.raises(ValueError, match="an odd kernel"):
        TitaNetBlockConfig(16, 4)
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\)"):
        TitaNetBlockConfig(16, 3, dropout=1.0)
    with pytest.raises(ValueError, match="a block or more"):
        TitaNetConfig(blocks=())


def test_exported_and_read_again(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    model = SpeakerModel(ModelConfig(frontend, SMALL), settled())
    export_onnx(model, tmp_path / "x.onnx")
    wave = 1000 * torch.randn(20000).numpy()
    there, back = (x.embed(Int16Scale(wave)) for x in (model, SpeakerModel.load(tmp_path / "x.onnx")))
    torch.testing.assert_close(torch.from_numpy(there), torch.from_numpy(back), rtol=1e-4, atol=1e-4)
