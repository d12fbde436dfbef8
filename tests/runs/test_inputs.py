"""Embedding: one utterance is one utterance whatever stands beside it."""

import numpy as np
import pytest
import torch

from pysid.diarization.windows import WindowConfig
from pysid.errors import Skipped
from pysid.frontend import long_recording
from pysid.io.ark.archive import read_vectors
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.files import require_apart
from pysid.model.speaker_model import SpeakerModel
from pysid.runs.embed import embed
from pysid.runs.inputs import Inputs, WindowInputs, files_read, open_inputs


@pytest.fixture(scope="module")
def opened(model):
    return SpeakerModel.load(model)


class Only(Inputs):
    """The same inputs, but just those of some names, in that order."""

    def __init__(self, inputs, names):
        self.inputs, self.keys, self.are_features = inputs, names, inputs.are_features

    def read(self, done, on_skip):
        arrays = dict(self.inputs.read((), on_skip))
        return ((name, arrays[name]) for name in self.keys if name not in done)


def assert_close(found, expected):
    """1e-5 relative to the vector: what the project promises."""
    assert list(found) == list(expected)
    for key, vector in expected.items():
        assert np.linalg.norm(found[key] - vector) <= 1e-5 * np.linalg.norm(vector), key


def test_alone_in_a_corpus_and_in_another_order(opened, vectors, small, dev):
    corpus = dict(read_vectors(vectors))
    names = ["denis-2", "alicia-0", "denis-0"]
    for name in names:
        alone = dict(embed(opened, open_inputs([str(dev / "audio" / f"{name}.ogg")], opened), Skipped()))
        assert_close(alone, {name: corpus[name]})
    shuffled = dict(embed(opened, Only(open_inputs([str(small)], opened), names), Skipped()))
    assert_close(shuffled, {name: corpus[name] for name in names})


@pytest.mark.slow
def test_embeddings_do_not_depend_on_the_number_of_threads(opened, vectors, small):
    corpus = dict(read_vectors(vectors))
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before == 1 else 1)
    try:
        found = dict(embed(opened, open_inputs([str(small)], opened), Skipped()))
    finally:
        torch.set_num_threads(before)
    assert_close(found, {key: corpus[key] for key in found})


def test_segments_are_utterances(opened, dev, tmp_path):
    """A data directory with segments: each is embedded as the cut-out file would be."""
    source = dev / "audio" / "slt-0.ogg"
    (tmp_path / "wav.scp").write_text(f"rec {source}\n")
    (tmp_path / "segments").write_text("slt-a rec 0.5 2.5\nslt-b rec 2.0 -1\n")
    (tmp_path / "utt2spk").write_text("slt-a slt\nslt-b slt\n")
    found = dict(embed(opened, open_inputs([str(tmp_path)], opened), Skipped()))
    wave, rate = read_audio(source, sample_rate=16000)
    cuts = {"slt-a": wave[8000:40000], "slt-b": wave[32000:]}
    assert_close(found, dict(opened.embed_waves(cuts.items())))
    write_audio(tmp_path / "cut.wav", cuts["slt-a"], rate)
    (cut,) = (x for _, x in embed(opened, open_inputs([str(tmp_path / "cut.wav")], opened), Skipped()))
    assert np.linalg.norm(cut - found["slt-a"]) < 1e-2 * np.linalg.norm(cut)  # rounded to 16 bits


def test_windows_are_utterances(opened, small_features):
    inputs = open_inputs([str(small_features)], opened)
    windows = WindowInputs(inputs, opened, WindowConfig(duration_s=1.0, shift_s=0.5, min_s=0.4))
    found = dict(embed(opened, windows, Skipped()))
    features = dict(inputs.read((), Skipped().add))
    names = [name for name in found if name.startswith("alicia-0-")]
    assert names[:2] == ["alicia-0-00000000-00000100", "alicia-0-00000050-00000150"]
    assert int(names[-1].rsplit("-")[-1]) == len(features["alicia-0"])
    second = {names[1]: features["alicia-0"][50:150]}
    assert_close({names[1]: found[names[1]]}, dict(opened.embed_features(second.items())))
    assert {name.rsplit("-", 2)[0] for name in found} == set(features)


def test_windows_that_are_done_are_not_read_again(opened, small_features):
    windows = WindowInputs(open_inputs([str(small_features)], opened), opened, WindowConfig())
    everything = [name for name, _ in windows.read((), Skipped().add)]
    assert [name for name, _ in windows.read(set(everything[:5]), Skipped().add)] == everything[5:]


def test_windows_of_audio_are_those_of_its_features(opened, small, small_features):
    both = [
        dict(embed(opened, WindowInputs(open_inputs([str(x)], opened), opened, WindowConfig()), Skipped()))
        for x in (small, small_features)
    ]
    assert list(both[0]) == list(both[1])
    for name, vector in both[0].items():
        assert np.linalg.norm(vector - both[1][name]) < 0.05 * np.linalg.norm(vector)  # stored features are compressed


def test_windows_of_a_long_recording_are_those_of_a_short_one(opened, small, monkeypatch):
    def windows():
        skipped = Skipped()
        found = dict(WindowInputs(open_inputs([str(small)], opened), opened, WindowConfig()).read((), skipped.add))
        return found, skipped

    (small / "wav.scp").write_text((small / "wav.scp").read_text() + "alicia-no no.wav\n")
    (small / "utt2spk").write_text((small / "utt2spk").read_text() + "alicia-no alicia\n")
    whole, skipped = windows()
    monkeypatch.setattr(long_recording, "LONG_S", 1.0)
    blocks, again = windows()
    assert list(whole) == list(blocks) and list(skipped.reasons) == ["alicia-no"]
    assert skipped.reasons == again.reasons and "No such file" in again.reasons["alicia-no"]
    for name, features in whole.items():
        np.testing.assert_allclose(blocks[name], features, rtol=0, atol=1e-5)


def test_the_files_behind_a_long_command_are_none():
    command = f"ark:copy-feats {'x' * 300} - |"
    require_apart(["out.ark"], files_read([command, "x" * 5000]))
