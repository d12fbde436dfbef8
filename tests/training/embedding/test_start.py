"""A network with attention, or with squeeze-excitation, starts as the network without that it is made of."""

from pathlib import Path

import pytest
import torch

from pysid.embedding.ecapa import EcapaConfig
from pysid.embedding.networks import make_network
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.errors import DataError
from pysid.io.weights import save_weights
from pysid.model.config import read_config
from pysid.training.embedding.classifier import SpeakerClassifier
from pysid.training.embedding.losses import HeadConfig
from pysid.training.embedding.start import check_classes, find_start, load_start, with_model, write_classes

SMALL = {"channels": (4, 6), "blocks": (1, 1), "strides": ((1, 1), (2, 2)), "embedding_dim": 5}
FEATURES = torch.randn(3, 40, 81, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def statistics(tmp_path):
    torch.manual_seed(0)
    network = ResNet(ResNetConfig(**SMALL))
    with torch.no_grad():
        network(FEATURES)  # running statistics of its own
    save_weights(network, tmp_path / "model.safetensors")
    return network.eval()


@pytest.mark.parametrize("n_heads", [1, 3])
def test_heads_that_attend_to_all_frames_alike_change_nothing(statistics, tmp_path, n_heads):
    torch.manual_seed(1)
    config = ResNetConfig(**SMALL, pooling="attention", n_heads=n_heads, attention_dim=7)
    classifier = SpeakerClassifier(config, HeadConfig(), 4)
    assert load_start(classifier, ["a", "b", "c", "d"], tmp_path) == set()
    network = classifier.network.eval()
    with torch.no_grad():
        near, expected = network(FEATURES), statistics(FEATURES)
        torch.nn.init.zeros_(network.pooling.heads.weight)
        torch.testing.assert_close(network(FEATURES), expected, rtol=1e-4, atol=1e-4)
    assert 1e-4 < (near - expected).abs().max() < 0.3 * expected.abs().max()


@pytest.mark.parametrize("blocks", [(2, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_blocks_that_are_new_change_nothing_and_learn(tmp_path, blocks, block):
    torch.manual_seed(0)
    smaller = ResNet(ResNetConfig(**SMALL, block=block))
    with torch.no_grad():
        smaller(FEATURES)
    save_weights(smaller, tmp_path / "model.safetensors")
    classifier = SpeakerClassifier(ResNetConfig(**SMALL | {"blocks": blocks}, block=block), HeadConfig(), 4)
    load_start(classifier, [], tmp_path)
    found = classifier.network.eval()(FEATURES)
    torch.testing.assert_close(found, smaller.eval()(FEATURES), rtol=1e-4, atol=1e-4)
    found.square().sum().backward()
    for grown in classifier.network.blocks:
        last = grown.second if block == "basic" else grown.third
        assert last.norm.weight.grad.abs().max() > 0


def test_fewer_blocks_are_refused(tmp_path):
    save_weights(ResNet(ResNetConfig(**SMALL | {"blocks": (2, 1)})), tmp_path / "model.safetensors")
    classifier = SpeakerClassifier(ResNetConfig(**SMALL), HeadConfig(), 4)
    with pytest.raises(DataError, match=r"expected weights of this network, got others, such as network.blocks."):
        load_start(classifier, [], tmp_path)


def test_more_blocks_of_another_kind_are_refused(tmp_path):
    small = {"channels": 16, "feature_dim": 81}
    save_weights(make_network(EcapaConfig(**small, dilations=(2, 3))), tmp_path / "model.safetensors")
    classifier = SpeakerClassifier(EcapaConfig(**small, dilations=(2, 3, 4)), HeadConfig(), 4)
    with pytest.raises(DataError, match=r"model.safetensors: expected "):
        load_start(classifier, [], tmp_path)


@pytest.mark.parametrize("more", [{"squeeze": 2}, {"pooling": "attentive"}, {"squeeze": 3, "pooling": "attentive"}])
def test_parts_that_are_new_change_nothing(statistics, tmp_path, more):
    classifier = SpeakerClassifier(ResNetConfig(**SMALL | more), HeadConfig(), 4)
    load_start(classifier, [], tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(classifier.network.eval()(FEATURES), statistics(FEATURES), rtol=1e-4, atol=1e-4)


def test_parts_that_are_missing_are_refused(statistics, tmp_path):
    save_weights(ResNet(ResNetConfig(**SMALL, squeeze=2)), tmp_path / "model.safetensors")
    classifier = SpeakerClassifier(ResNetConfig(**SMALL), HeadConfig(), 4)
    with pytest.raises(DataError, match=r"expected weights of this network, got others, such as network.blocks.0.exc"):
        load_start(classifier, [], tmp_path)


def test_another_network_is_refused(statistics, tmp_path):
    classifier = SpeakerClassifier(ResNetConfig(**SMALL | {"embedding_dim": 6}), HeadConfig(), 4)
    with pytest.raises(
        DataError, match=r"model.safetensors: expected network.affine.weight \(6, 240\), got \(5, 240\)"
    ):
        load_start(classifier, [], tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"model.safetensors: cannot start from it: "):
        load_start(classifier, [], tmp_path)


def test_rows_of_a_head_stand_for_the_same_classes(tmp_path):
    check_classes(tmp_path, ["a"])  # a folder that does not say whom they stand for
    write_classes(tmp_path, [])
    check_classes(tmp_path, [])
    write_classes(tmp_path, ["a", "b", "sp0.9-a"])
    check_classes(tmp_path, ["a", "b", "sp0.9-a"])
    for classes, found in (
        (["a", "b"], "3 classes, now 2; 'sp0.9-a' is missing"),
        (["a", "c", "sp0.9-a"], "3 classes, now 3; 'c' is new, 'b' is missing"),
        (["b", "a", "sp0.9-a"], "3 classes, now 3; in another order"),
    ):
        with pytest.raises(DataError) as error:
            check_classes(tmp_path, classes)
        assert str(error.value).startswith(f"{tmp_path} holds a training of other speakers ({found}): go on with the")


def test_a_training_takes_the_settings_of_the_model_that_it_starts_from(tmp_path):
    shipped = with_model(
        {"start_from": "default", "network": {"dropout": 0.1}, "frontend": {"vad": {"kind": "webrtc"}}}
    )
    model = read_config(find_start("default"))
    assert shipped["network"].pop("dropout") == 0.1 and shipped["network"]["kind"] == model.network.kind
    assert shipped["frontend"]["features"]["n_mels"] == model.frontend.features.n_mels
    assert shipped["frontend"]["vad"] == {"kind": "webrtc"}
    other = with_model({"start_from": "default", "network": {"kind": "xvector"}})
    assert other["network"] == {"kind": "xvector"}  # load_start refuses its weights
    for plain in ({"train": "x"}, {"start_from": str(tmp_path)}, {"start_from": 3}):
        assert with_model(plain) == plain


def test_a_folder_goes_before_a_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_start("default").parent.name == "shipped"
    (tmp_path / "default").mkdir()
    assert find_start("default") == Path("default") and find_start("exp") == Path("exp")
