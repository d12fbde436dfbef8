"""Kaldi's packages as model directories: Kaldi's numbers, the way back byte for byte, and what does not fit."""

import json
import shutil

import kaldiio
import numpy as np
import pytest

from pysid.backend import CosineBackend
from pysid.embedding.xvector import XVector
from pysid.errors import DataError
from pysid.exchange.from_kaldi import read_package
from pysid.exchange.kaldi_backend import read_matrix, read_vector, write_matrix, write_vector
from pysid.exchange.kaldi_package import Choices
from pysid.exchange.to_kaldi import write_package
from pysid.frontend import FbankConfig
from pysid.io.tables import read_scores, read_table
from pysid.model.config import read_config
from pysid.model.speaker_model import SpeakerModel
from pysid.nnet3.file import read_nnet3, write_nnet3
from pysid.nnet3.network import Nnet3Network

PARITY = {
    "xvectors": ("small", "extract.config", XVector),
    "xvectors_tdnn7": ("small", "extract_tdnn7.config", XVector),
    "xvectors_etdnn": ("etdnn", "extract_etdnn.config", XVector),
    "xvectors_tdnnf": ("tdnnf", "extract.config", Nnet3Network),
}
WITHOUT = Choices(plda="none")


def tolerance(features):
    """Where one frame is all there is, Kaldi pools rounding noise: see tests of the graph."""
    return 1e-3 if (features == features[0]).all() else 1e-4


@pytest.mark.parametrize("archive", sorted(PARITY))
def test_embeddings_are_kaldis(golden, package, archive, convert):
    name, config, kind = PARITY[archive]
    model, _ = convert(package(name, config), WITHOUT)
    assert type(model.network) is kind
    reference = dict(kaldiio.load_ark(str(golden / "nnet3" / f"{archive}.ark")))
    features = {key: x.copy() for key, x in kaldiio.load_ark(str(golden / "feats" / "nnet_input.ark"))}
    found = dict(model.embed_features(features.items()))
    assert list(found) == list(reference) and len(reference) == 28
    for key, expected in reference.items():
        assert np.linalg.norm(found[key] - expected) < tolerance(features[key]) * np.linalg.norm(expected), key


@pytest.mark.parametrize("archive", ["xvectors", "xvectors_tdnnf"])
def test_embeddings_of_audio_are_kaldis(golden, package, archive, convert):
    name, config, _ = PARITY[archive]
    model, _ = convert(package(name, config), WITHOUT)
    reference = dict(kaldiio.load_ark(str(golden / "nnet3" / f"{archive}.ark")))
    for key, path in read_table(golden / "wav.scp").items():
        if key.startswith(("espeak_dem", "flite_slt", "speech_in", "chirp")):
            found = model.embed(golden / path)
            assert np.linalg.norm(found - reference[key]) < 1e-4 * np.linalg.norm(reference[key]), key


def test_scores_are_kaldis(golden, whole, convert):
    model, _ = convert(whole)
    vectors = dict(kaldiio.load_ark(str(golden / "backend" / "eval.ark")))
    names = list(vectors)
    scores = model.scorer("plda").score(np.stack(list(vectors.values())), np.stack(list(vectors.values())))
    for (enrol, test), expected in read_scores(golden / "backend" / "scores").items():
        assert scores[names.index(enrol), names.index(test)] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_text_network_is_the_same_network(package, convert):
    models = [convert(package(kind=kind, root=kind), WITHOUT)[0] for kind in ("raw", "txt")]
    features = [("u", np.random.default_rng(0).normal(size=(300, 30)).astype(np.float32))]
    ((_, binary),), ((_, text),) = (list(model.embed_features(features)) for model in models)
    np.testing.assert_allclose(text, binary, rtol=0, atol=1e-4 * np.abs(binary).max())
    assert models[0].config == models[1].config


def test_the_fingerprint_knows_the_wiring(package, convert):
    """The same tensors, wired up in another way."""
    folder = package("tdnnf")
    one, directory = convert(folder, WITHOUT)
    data = (directory / "model.raw").read_bytes()
    old, new = b"Scale(0.66, ", b"Scale(0.65, "
    assert old in data
    (directory / "model.raw").write_bytes(data.replace(old, new))
    assert SpeakerModel.load(directory).fingerprint() != one.fingerprint()


def test_pooling_over_fewer_frames_than_a_chunk_keeps_kaldis_form(package):
    folder = package()
    (folder / "max_chunk_size").write_text("-1")
    converted = read_package(folder, WITHOUT)
    assert isinstance(converted.model.network, Nnet3Network)
    assert converted.not_plain == "its pooling sees 10001 frames, and chunks may be longer"


def test_what_a_package_goes_without(golden, whole, package):
    without = read_package(
        whole, Choices(vad_conf="none", cmvn=False, mean="none", transform="none", plda="none")
    ).model
    assert without.config.frontend.vad is None and without.config.frontend.cmvn is None and without.backend is None
    cosine = read_package(whole, Choices(plda="none")).model.backend
    assert isinstance(cosine, CosineBackend)
    np.testing.assert_array_equal(cosine.projection.mean_, read_vector(golden / "backend" / "mean.vec"))
    np.testing.assert_array_equal(cosine.projection.transform_, read_matrix(golden / "backend" / "transform.mat"))


def test_a_back_end_beside_the_network_and_a_choice_of_two(golden, whole):
    (whole / "xvectors_train").rename(whole.parent / "xvectors_train")
    assert read_package(whole).model.backend is not None
    shutil.copytree(whole.parent / "xvectors_train", whole.parent / "xvectors_other")
    with pytest.raises(DataError, match=r"^expected one plda, got .*xvectors_other/plda and .*: give --plda FILE or"):
        read_package(whole)
    assert read_package(whole, Choices(backend_dir="../xvectors_other")).files.plda.parent.name == "xvectors_other"


def test_the_node_of_the_embedding_may_be_given(golden, package, tmp_path, convert):
    folder = package()
    (folder / "extract.config").unlink()
    model, directory = convert(folder, Choices(plda="none", output_node="tdnn7.affine"))
    assert model.config.network.embedding_layer == 1
    write_package(directory, tmp_path / "back")
    expected = (golden / "nnet3" / "extract_tdnn7.config").read_bytes()
    assert (tmp_path / "back" / "extract.config").read_bytes() == expected


def test_filter_banks(whole):
    (whole / "fbank.conf").write_text("--num-mel-bins=30\n--dither=1\n")
    model = read_package(whole, Choices(fbank_conf="fbank.conf", vad_conf="none")).model
    assert model.config.frontend.features == FbankConfig(n_mels=30, kaldi_fft=True)
    with pytest.raises(DataError, match=r"fbank.conf and .*vad.conf: an energy VAD needs .*--vad-conf none"):
        read_package(whole, Choices(fbank_conf="fbank.conf"))


def test_the_readme_names_the_files(package, convert):
    _, directory = convert(package("tdnnf"), WITHOUT)
    readme = (directory / "README.md").read_text()
    assert "| ../../conf/mfcc.conf | e86e5ca0b236d31a5c10a2852312167e20479e0214a1651827773fb2c1a801cc |" in readme
    assert "tdnn6.affine" in readme and "Dither: none" in readme
    assert "final.raw: byte 732: node tdnnf2.noop: expected a plain x-vector network" in readme
    assert str(directory.parent) not in readme


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


def replace(name, old, new):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes().replace(old, new))


def narrow_plda(folder):
    write_matrix(folder / "xvectors_train" / "transform.mat", np.ones((9, 24)))


def nan_mean(folder):
    write_vector(folder / "xvectors_train" / "mean.vec", np.full(24, np.nan))


def plain_text_network(folder):
    write_nnet3(folder / "final.raw", read_nnet3(folder / "final.raw"), binary=False)
    replace("final.raw", b"<RectifiedLinearComponent>", b"<CompositeComponent>")(folder)


ERRORS = {
    "no network": (remove("final.raw"), "xvector_nnet_1a: expected a folder with final.raw, final.mdl or"),
    "no minimum": (remove("min_chunk_size"), "min_chunk_size: expected a file with a whole number of frames, got no"),
    "no number": (write("max_chunk_size", "many\n"), "max_chunk_size: expected a whole number of frames, got 'many'"),
    "below the context": (
        write("min_chunk_size", "2"),
        "min_chunk_size: expected more than the network's context of 2",
    ),
    "contradicting sizes": (
        write("max_chunk_size", "20"),
        "max_chunk_size: expected -1, or at least the 25 of min_chunk_size, got 20",
    ),
    "no MFCCs": (remove("../../conf/mfcc.conf"), "expected mfcc.conf in .*, got no such file: give --mfcc-conf FILE"),
    "no VAD": (remove("../../conf/vad.conf"), "expected vad.conf in .*: give --vad-conf FILE, or --vad-conf none"),
    "an option": (
        write("mfcc.conf", "--num-cepts=30"),
        "mfcc.conf: unknown option --num-cepts; did you mean --num-ceps",
    ),
    "no option": (write("vad.conf", "threshold 5"), "vad.conf:1: expected '--option=value', got 'threshold 5'"),
    "features": (
        write("mfcc.conf", "--num-ceps=20"),
        "mfcc.conf: expected 30 features a frame, as .*final.raw reads, got 20",
    ),
    "unknown node": (
        write("extract.config", "output-node name=output input=tdnn9.affine"),
        "extract.config:1: node output: expected the name of a node, got tdnn9.affine",
    ),
    "no line": (
        write("extract.config", "tdnn6.affine"),
        "extract.config:1: expected input-node, .* got 'tdnn6.affine'",
    ),
    "component": (
        plain_text_network,
        r"final.raw:\d+: component tdnn1.relu: expected a supported type, got CompositeComponent",
    ),
    "cut off": (lambda x: (x / "final.raw").write_bytes(b"\0B<Nnet3> "), "final.raw: byte .*: expected a line"),
    "no plda": (remove("xvectors_train/plda"), "expected plda in .*: give --plda FILE, or --plda none to go without"),
    "no mean": (remove("xvectors_train/mean.vec"), "expected mean.vec in .*: give --mean FILE, or --mean none"),
    "no transform": (remove("xvectors_train/transform.mat"), "expected transform.mat in .*: give --transform FILE"),
    "mean": (
        write("xvectors_train/mean.vec", " [ 1 2 ]\n"),
        "mean.vec: expected the 24 dimensions of the embedding, got 2",
    ),
    "mean of nothing": (nan_mean, "mean.vec: expected finite numbers, got a NaN or an infinity"),
    "transform": (
        write("xvectors_train/transform.mat", " [\n 1 2 3 ]\n"),
        "transform.mat: expected 24 columns, or one more, .* got 3",
    ),
    "plda": (narrow_plda, "plda: expected a PLDA model of the 9 dimensions of .*transform.mat, got 16"),
}


@pytest.mark.parametrize(("spoil", "message"), ERRORS.values(), ids=ERRORS)
def test_what_is_missing_or_contradicts_is_named(whole, spoil, message):
    spoil(whole)
    with pytest.raises(DataError, match=message) as error:
        read_package(whole)
    assert "\n" not in str(error.value)


def test_an_output_of_training_speakers_is_no_embedding(package):
    folder = package()
    message = "final.raw: the output, output.log-softmax, is of speakers in training: expected an extract.config .*"
    (folder / "extract.config").write_text("output-node name=other input=tdnn6.affine")
    with pytest.raises(DataError, match=message + "got one that leaves it there"):
        read_package(folder, WITHOUT)
    (folder / "extract.config").unlink()
    with pytest.raises(DataError, match=message + "got no extract.config; or give --output-node NODE"):
        read_package(folder, WITHOUT)


def test_only_new_folders_are_written(package, tmp_path):
    folder = package()
    converted = read_package(folder, WITHOUT)
    with pytest.raises(DataError, match="xvector_nnet_1a: expected a new or an empty folder, got one with files"):
        converted.save(folder, folder)
    with pytest.raises(DataError, match=r"final\.raw: expected a new or an empty folder, got a file"):
        converted.save(folder / "final.raw", folder)
    (tmp_path / "empty").mkdir()
    converted.save(tmp_path / "empty", folder)
    with pytest.raises(DataError, match="package: expected a new or an empty folder"):
        write_package(tmp_path / "empty", tmp_path / "package")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "package"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("feature_dim", 24, "config.json: network.feature_dim is 24, but the frontend gives 30"),
        ("embedding_dim", 17, "model.raw: does not fit config.json: its embedding_dim is 16, not 17"),
        ("context", 3, "model.raw: does not fit config.json: its context is 12, not 3"),
        ("context", 30, "config.json: extract.min_chunk_size is 25, but the network needs chunks of more than 30"),
        ("context", -1, "config.json: network: feature_dim and embedding_dim must be positive"),
        (
            "extract",
            ["output-node name=output input=a"],
            "config.json: network.extract: node output: expected the name",
        ),
        ("extract", ["output"], "config.json: network.extract: expected input-node, "),
        ("kind", "other", "config.json: 'network.kind' must be one of .*nnet3.*, got 'other'"),
    ],
)
def test_a_config_that_was_edited(package, name, value, message, convert):
    _, directory = convert(package("tdnnf"), WITHOUT)
    plain = json.loads((directory / "config.json").read_text())
    plain["network"][name] = value
    (directory / "config.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match=message):
        SpeakerModel.load(directory)


def test_damaged_networks_are_named(package, convert):
    _, directory = convert(package("tdnnf"), WITHOUT)
    (directory / "model.raw").write_bytes(b"\0B<Nnet3> \n")
    with pytest.raises(DataError, match=r"model/model.raw: byte 11: expected a line"):
        SpeakerModel.load(directory)
    (directory / "model.raw").unlink()
    with pytest.raises(DataError, match=r"model/model.raw: cannot read the file"):
        SpeakerModel.load(directory)


def test_a_network_in_kaldis_form_is_a_model_like_others(package, dev, tmp_path, convert):
    model, directory = convert(package("tdnnf"), WITHOUT)
    assert sorted(path.name for path in directory.iterdir()) == ["README.md", "config.json", "model.raw"]
    assert read_config(directory).network.embedding_dim == 16
    model.save(tmp_path / "again")
    again = SpeakerModel.load(tmp_path / "again")
    assert again.fingerprint() == model.fingerprint()
    audio = dev / "audio" / "slt-0.ogg"
    np.testing.assert_array_equal(again.embed(audio), model.embed(audio))
    lines = (package(root="b") / "final.raw").read_bytes()
    assert Nnet3Network(lines, "small", ()).content == lines
