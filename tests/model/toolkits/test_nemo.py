"""What is and what is not taken for a TitaNet of NeMo; its numbers are in `test_golden`."""

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.toolkit_golden import Case, weights_of
from pysid.embedding.titanet import TitaNetConfig
from pysid.errors import DataError
from pysid.frontend import StftMel
from pysid.model.directory import find_model
from pysid.model.speaker_model import SpeakerModel
from pysid.model.toolkits import find_reader, read_toolkit_model

CASE = Case.read("nemo-titanet")
SETTINGS, WEIGHTS = "model_config.yaml", "model_weights.ckpt"


def weights_file(**more: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(weights_of(CASE.shapes) | more, stream)
    return stream.getvalue()


def write(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def written(path: Path, settings: str = CASE.settings, weights: bytes | None = None) -> Path:
    return write(path, {f"./{SETTINGS}": settings.encode(), f"./{WEIGHTS}": weights or weights_file()})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return written(tmp_path / "titanet.nemo")


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as error:
        SpeakerModel.load(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


def test_an_archive_and_its_folder_are_models(archive: Path) -> None:
    assert find_model(archive) == archive and find_model(archive.parent) == archive.parent
    found = read_toolkit_model(archive)
    assert found is not None and found.toolkit == "NeMo" and found.files == (archive,)
    assert isinstance(found.config.network, TitaNetConfig)
    assert [block.repeat for block in found.config.network.blocks] == [1, 3, 2, 1]
    assert SpeakerModel.load(archive.parent).fingerprint() == SpeakerModel.load(archive).fingerprint()
    written(archive.parent / "another.nemo")
    assert find_reader(archive.parent) is None


def test_a_compressed_archive_of_old_is_the_same(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "old.nemo").write_bytes(gzip.compress(archive.read_bytes()))
    assert SpeakerModel.load(tmp_path / "old.nemo").fingerprint() == SpeakerModel.load(archive).fingerprint()


def test_what_is_of_training_is_left_out_and_what_is_of_the_front_end_is_compared(archive: Path) -> None:
    model = SpeakerModel.load(archive)
    features = model.config.frontend.features
    made = StftMel(features)  # type: ignore[arg-type]
    own = {"preprocessor.featurizer.window": made.window, "preprocessor.featurizer.fb": made.bank.T[None]}
    written(archive, weights=weights_file(**own, **{"decoder.final.weight": torch.ones(7, 24)}))
    assert SpeakerModel.load(archive).fingerprint() == model.fingerprint()
    written(archive, weights=weights_file(**{"preprocessor.featurizer.fb": 2 * made.bank.T[None]}))
    assert "featurizer.fb is not what the preprocessor's settings describe" in refusal(archive)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("SpeakerDecoder", "ConvASRDecoder", "expected decoder to be a SpeakerDecoder, got 'nemo.*ConvASRDecoder'"),
        ("ConvASREncoder", "ECAPAEncoder", "expected encoder to be a ConvASREncoder"),
        ("normalize: per_feature", "normalize: all_features", "normalize 'all_features' is not supported"),
        ("features: 40", "features: many", "features must be a number, got 'many'"),
        ("features: 40", "features: 20", "feat_in must be the 20 features, got 40"),
        ("n_fft: 512", "n_fft: 100000000", "n_fft and features must be at most"),
        ("window_stride: 0.01", "window_stride: 0", "preprocessor: a shift of a sample or more"),
        ("window: hann", "window: blackman", "'window_type' must be one of hamming, hann, got 'blackman'"),
        ("pool_mode: attention", "pool_mode: tap", "expected pool_mode attention and one embedding layer, got 'tap'"),
        ("emb_sizes: 24", "emb_sizes: [24, 24]", "expected pool_mode attention and one embedding layer"),
        ("emb_sizes: 24", "emb_sizes: 25", "size mismatch for dense"),
        ("kernel: [7]", "kernel: [9]", "size mismatch for blocks.1.layers.0.depthwise.weight"),
        ("kernel: [7]", "kernel: [8]", "an odd kernel"),
        ("filters: 48", "filters: 1000000000", "filters must be a whole number from 1 to 100000"),
        ("filters: 48", "filters: 90000", "lacks most of the network's numbers"),
        ("repeat: 2", "repeat: 90000000", "repeat must be a whole number from 1 to 100,"),
        ("repeat: 2", "repeat: 1", "has superfluous 6 tensors"),
        ("stride: [1]", "stride: [2]", "stride 2 is not supported, only 1"),
        ("separable: true", "separable: false", "separable False is not supported, only True"),
        ("  jasper:", "  jasper: none\n  init_mode:", "expected a list of blocks as jasper, got str"),
        ("conv_mask: true", "conv_mask: false", "encoder: conv_mask False is not supported, only True"),
        ("conv_mask: true", "swish: 1", "encoder: swish is not supported"),
        ("activation: relu", "activation: swish", "encoder: activation 'swish' is not supported, only 'relu'"),
        ("dither: 1.0e-05", "n_window_size: 400", "preprocessor: n_window_size 400 is not supported, only None"),
        ("dither: 1.0e-05", "deltas: true", "preprocessor: deltas is not supported"),
        ("kernel: [7]", "kernel: [7], gated: true", r"jasper\[1\]: gated is not supported"),
        ("angular: true", "normalize: true", "decoder: normalize is not supported"),
        ("encoder:", "x: !!python/object/apply:os.system [ls]\nencoder:", "model_config.yaml:.* expected YAML"),
    ],
)  # fmt: skip
def test_settings(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CASE.settings
    path = written(tmp_path / "x.nemo", CASE.settings.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        SpeakerModel.load(path)
    refusal(path)


def test_filters_of_gigabytes_are_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(config: object) -> None:
        raise AssertionError("the filters are made")

    monkeypatch.setattr("pysid.model.toolkits.nemo.StftMel", made)
    settings = CASE.settings.replace("features: 40", "features: 60000", 1).replace("feat_in: 40", "feat_in: 60000", 1)
    path = written(tmp_path / "x.nemo", settings.replace("n_fft: 512", "n_fft: 99998", 1))
    with pytest.raises(DataError, match="lacks most of the network's numbers"):
        SpeakerModel.load(path)


def test_hostile_archives(tmp_path: Path) -> None:
    path = tmp_path / "x.nemo"
    whole = written(path).read_bytes()
    path.write_bytes(b"nothing of the kind" * 99)
    assert "expected an archive of NeMo, got: " in refusal(path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "expected an archive of NeMo, got" in refusal(path)
    path.write_bytes(gzip.compress(whole)[:-9])
    assert "expected an archive of NeMo, got: " in refusal(path)
    path.write_bytes(gzip.compress(bytes(1 << 24)))
    assert "one that expands to more than" in refusal(path)
    write(path, {f"../{SETTINGS}": b"", WEIGHTS: b""})
    assert "got a member outside of it, '../model_config.yaml'" in refusal(path)
    write(path, {f"/tmp/{SETTINGS}": b""})
    assert "got a member outside of it" in refusal(path)
    write(path, {SETTINGS: CASE.settings.encode()})
    assert "one without model_weights.ckpt" in refusal(path)
    write(path, {f"{i}": b"" for i in range(1001)})
    assert "more than 1000 members" in refusal(path)
    write(path, {SETTINGS: b"a: " + b"b" * (1 << 21), WEIGHTS: b""})
    assert "more than can be" in refusal(path)
    assert sorted(os.listdir(tmp_path)) == ["x.nemo"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a: 1")
    with tarfile.open(tmp_path / "x.nemo", "w") as archive:
        link = tarfile.TarInfo(SETTINGS)
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(link)
    assert "one without model_config.yaml" in refusal(tmp_path / "x.nemo")


def test_weights_with_code_are_refused(tmp_path: Path) -> None:
    stream, marker = io.BytesIO(), tmp_path / "ran"

    class Code:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {marker}",)

    torch.save({"x": Code()}, stream)
    path = written(tmp_path / "x.nemo", weights=stream.getvalue())
    assert "model_weights.ckpt: holds more than tensors" in refusal(path)
    assert not marker.exists()


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    weights = weights_of(CASE.shapes)
    del weights["encoder.encoder.0.mconv.0.conv.weight"]
    stream = io.BytesIO()
    torch.save(weights, stream)
    path = written(tmp_path / "x.nemo", weights=stream.getvalue())
    assert "lacks 1 tensors, such as 'blocks.0.layers.0.depthwise.weight'" in refusal(path)
